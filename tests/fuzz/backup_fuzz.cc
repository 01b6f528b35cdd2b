// Backups: read whole and in pieces, as they are and with the checksums made right, since a random
// change that no checksum notices does not happen by itself.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/backup_format.h"
#include "core/check.h"
#include "core/record.h"
#include "swoosh/v1/record.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace swoosh {
namespace {

using Frames = std::vector<std::pair<BackupFrame, std::string>>;

absl::Status Parse(absl::string_view bytes, size_t piece_bytes, Frames* frames) {
  BackupParser parser;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    const absl::Status status =
        parser.Push(bytes.substr(0, piece_bytes), [&](BackupFrame kind, absl::string_view payload) {
          frames->emplace_back(kind, payload);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
  }
  return parser.Finish();
}

// What a frame holds is read by others, which refuse it or not.
void CheckPayload(BackupFrame kind, const std::string& payload) {
  if (kind != BackupFrame::kRecords) return;
  std::string again;
  const absl::Status status = ReadBackupRecords(payload, [&](absl::string_view stored) {
    v1::Record record;
    const absl::Status decoded = DecodeRecord(stored, &record);
    SWOOSH_CHECK(decoded.ok() || absl::IsDataLoss(decoded));
    AppendBackupRecord(stored, &again);
    return absl::OkStatus();
  });
  SWOOSH_CHECK(status.ok() ? again == payload : absl::IsDataLoss(status));
}

void CheckBackup(absl::string_view bytes) {
  Frames whole;
  const absl::Status status = Parse(bytes, bytes.size() + 1, &whole);
  SWOOSH_CHECK(status.ok() || absl::IsDataLoss(status) || absl::IsFailedPrecondition(status));
  for (const size_t piece_bytes : {1, 7}) {
    Frames pieces;
    SWOOSH_CHECK(Parse(bytes, piece_bytes, &pieces).code() == status.code());
    SWOOSH_CHECK(pieces == whole);
  }
  BackupEncoder encoder;
  std::string again;
  for (const auto& [kind, payload] : whole) {
    again += encoder.Encode(kind, payload);
    CheckPayload(kind, payload);
  }
  // It is told in one way only.
  SWOOSH_CHECK(whole.empty() || bytes.substr(0, again.size()) == again);
  SWOOSH_CHECK(!status.ok() || bytes == again);
}

uint32_t ReadNumber(absl::string_view bytes) {
  uint32_t number = 0;
  for (const char byte : bytes.substr(0, 4)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// The frames of `damaged` as far as their sizes lead from one to the next, with right checksums.
std::string Repaired(absl::string_view damaged) {
  constexpr size_t kKindAt = 4;
  constexpr size_t kSizeAt = 8;
  BackupEncoder encoder;
  std::string bytes;
  damaged.remove_prefix(std::min(kBackupPreambleBytes, damaged.size()));
  while (damaged.size() >= kBackupFrameHeaderBytes) {
    const auto kind = static_cast<BackupFrame>(ReadNumber(damaged.substr(kKindAt)));
    const absl::string_view payload =
        damaged.substr(kBackupFrameHeaderBytes, ReadNumber(damaged.substr(kSizeAt)));
    bytes += encoder.Encode(kind, payload);
    const size_t size = kBackupFrameHeaderBytes + payload.size() + sizeof(Digest);
    damaged.remove_prefix(std::min(size, damaged.size()));
  }
  return bytes;
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::KeepProtobufQuiet();
  const absl::string_view bytes = swoosh::FuzzInput(data, size);
  swoosh::CheckBackup(bytes);
  swoosh::CheckBackup(swoosh::Repaired(bytes));
  return 0;
}
