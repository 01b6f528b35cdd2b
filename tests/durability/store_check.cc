#include "tests/durability/store_check.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "server/store_server_for_test.h"
#include "storage/bad_index.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/recovery_refusal.h"

namespace swoosh {
namespace {

using Verdict = StoreFinding::Verdict;

void Blame(Verdict verdict, std::string problem, StoreFinding* finding) {
  finding->verdict = verdict;
  finding->problem = std::move(problem);
}

void CheckRecords(const Log& log, const WrittenHistory& history, StoreFinding* finding) {
  uint64_t expected = log.first_index();
  const absl::Status read =
      log.Read(expected, SIZE_MAX, [&](uint64_t index, absl::string_view bytes) {
        const std::optional<WrittenHistory::Entry> written = history.Find(index);
        if (index == expected && written.has_value() && Sha256(bytes) == written->record_hash) {
          ++expected;
          return true;
        }
        Blame(Verdict::kWrong, absl::StrCat("record ", index, " is not what was written"), finding);
        return false;
      });
  if (finding->verdict != Verdict::kWhole) return;
  if (absl::IsDataLoss(read) &&
      absl::StrContains(read.message(), absl::StrCat("record ", expected))) {
    finding->verdict = Verdict::kPartly;
    finding->status = read;
  } else if (!read.ok()) {
    Blame(Verdict::kLost, absl::StrCat("it opened, and then: ", read.ToString()), finding);
  } else if (expected != log.next_index()) {
    Blame(Verdict::kLost, absl::StrCat("record ", expected, " is missing"), finding);
  }
}

void CheckEnd(const OpenStore& store, const Digest& state_hash, const WrittenHistory& history,
              StoreFinding* finding) {
  if (finding->index == 0) return;
  const std::optional<WrittenHistory::Entry> written = history.Find(finding->index);
  if (!written.has_value()) {
    Blame(Verdict::kWrong, "it ends after what was ever written", finding);
  } else if (store.writer.position().record_hash != written->record_hash) {
    Blame(Verdict::kWrong, "the last record is not what was written", finding);
  } else if (!written->state_hash.has_value()) {
    Blame(Verdict::kWrong, "it ends in the middle of a group", finding);
  } else if (state_hash != *written->state_hash) {
    Blame(Verdict::kWrong,
          absl::StrCat("the state's hash is ", ToHex(state_hash), ", it was ",
                       ToHex(*written->state_hash)),
          finding);
  }
}

}  // namespace

StoreFinding CheckStore(FileSystem* files, const WrittenHistory& history, uint64_t acknowledged) {
  StoreFinding finding;
  RecoveryOptions options;
  options.window_records = StoreServer::kWindowRecords;
  options.log_write_buffer_bytes = kSmallLogBufferBytes;
  absl::StatusOr<OpenStore> store = Recover(files, StoreServer::PathsIn(kCheckedStore), options);
  if (!store.ok()) {
    finding.verdict = Verdict::kRefused;
    finding.status = store.status();
    finding.refusal = RefusalOf(finding.status);
    return finding;
  }
  finding.report = store->report;
  finding.index = store->writer.position().index;
  if (finding.index < acknowledged) {
    Blame(Verdict::kLost,
          absl::StrCat("it ends at record ", finding.index, ", acknowledged was ", acknowledged),
          &finding);
    return finding;
  }
  CheckEnd(*store, store->writer.Seal(), history, &finding);
  if (finding.verdict == Verdict::kWhole) CheckRecords(*store->log, history, &finding);
  return finding;
}

bool NamesDamage(const StoreFinding& finding) {
  if (finding.verdict != Verdict::kRefused || !absl::IsDataLoss(finding.status)) return false;
  switch (finding.refusal) {
    case Refusal::kLogMissing:
    case Refusal::kTableMissing:
    case Refusal::kTableDamaged:
    case Refusal::kLogFileMissing:
    case Refusal::kOlderLogFileDamaged:
    case Refusal::kLogDamaged:
    case Refusal::kLogTornBeforeMark:
    case Refusal::kLogUnreadable:
    case Refusal::kLogEndsBeforeMark:
    case Refusal::kLogEndsBeforeSnapshot:
    case Refusal::kRecordUnreadable:
    case Refusal::kRecordRefused:
      return FirstBadIndexOf(finding.status).has_value();
    default:
      return true;
  }
}

}  // namespace swoosh
