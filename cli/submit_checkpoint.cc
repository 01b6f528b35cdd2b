#include "cli/submit_checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/document.h"
#include "cli/error_text.h"
#include "cli/rpc_status.h"
#include "core/value.h"

namespace swoosh {
namespace {

constexpr uint64_t kFormat = 1;

Value Count(uint64_t number) { return Value::Number(static_cast<double>(number)); }

const Node* FindMember(const Node& map, absl::string_view key) {
  for (const Node::Member& member : map.members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("is no checkpoint of swooshctl: ", what));
}

absl::Status ReadCount(const Node& map, absl::string_view key, uint64_t* number) {
  const Node* node = FindMember(map, key);
  if (node == nullptr || node->kind != Node::Kind::kNumber ||
      !absl::SimpleAtoi(node->text, number)) {
    return Damaged(absl::StrCat("\"", key, "\" must be a whole number"));
  }
  return absl::OkStatus();
}

absl::Status ReadChain(const Node& map, Digest* chain) {
  const Node* node = FindMember(map, "chain");
  const bool is_digest = node != nullptr && node->kind == Node::Kind::kString &&
                         node->text.size() == 2 * chain->size() &&
                         node->text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_digest) return Damaged("\"chain\" must be 64 hexadecimal digits");
  const std::string bytes = absl::HexStringToBytes(node->text);
  std::copy(bytes.begin(), bytes.end(), chain->begin());
  return absl::OkStatus();
}

}  // namespace

uint64_t SubmitTotals::refused_total() const {
  uint64_t total = 0;
  for (const auto& [why, count] : refused) total += count;
  return total;
}

void SubmitTotals::Add(const v1::SubmitRequest& request, const v1::SubmitResponse& response) {
  if (response.status().code() != 0) {
    ++refused[CodeAndReason(FromRpcStatus(response.status()))];
    return;
  }
  last_index = std::max(last_index, response.index());
  if (request.validate_only()) {
    ++validated;
  } else if (response.duplicate()) {
    ++duplicates;
  } else {
    ++accepted;
  }
}

std::string EncodeCheckpoint(const SubmitCheckpoint& checkpoint) {
  Value::Map refused;
  for (const auto& [why, count] : checkpoint.totals.refused) refused.push_back({why, Count(count)});
  const Value value = Value::OfMap({
      {"format", Count(kFormat)},
      {"lines", Count(checkpoint.place.line)},
      {"bytes", Count(checkpoint.place.bytes)},
      {"chain", Value::String(ToHex(checkpoint.place.chain))},
      {"historyId", Value::String(checkpoint.history_id)},
      {"responsesBytes", Count(checkpoint.responses_bytes)},
      {"accepted", Count(checkpoint.totals.accepted)},
      {"duplicates", Count(checkpoint.totals.duplicates)},
      {"validated", Count(checkpoint.totals.validated)},
      {"refused", Value::OfMap(std::move(refused))},
      {"lastIndex", Count(checkpoint.totals.last_index)},
  });
  return absl::StrCat(ToJsonText(value), "\n");
}

absl::StatusOr<SubmitCheckpoint> DecodeCheckpoint(absl::string_view text) {
  const absl::StatusOr<Node> tree = ParseJson(text);
  if (!tree.ok()) return Damaged(tree.status().message());
  uint64_t format = 0;
  SubmitCheckpoint checkpoint;
  if (absl::Status status = ReadCount(*tree, "format", &format); !status.ok()) return status;
  if (format != kFormat) return Damaged(absl::StrCat("its format is ", format, ", not ", kFormat));
  const std::pair<absl::string_view, uint64_t*> counts[] = {
      {"lines", &checkpoint.place.line},
      {"bytes", &checkpoint.place.bytes},
      {"responsesBytes", &checkpoint.responses_bytes},
      {"accepted", &checkpoint.totals.accepted},
      {"duplicates", &checkpoint.totals.duplicates},
      {"validated", &checkpoint.totals.validated},
      {"lastIndex", &checkpoint.totals.last_index},
  };
  for (const auto& [key, number] : counts) {
    if (absl::Status status = ReadCount(*tree, key, number); !status.ok()) return status;
  }
  if (absl::Status status = ReadChain(*tree, &checkpoint.place.chain); !status.ok()) return status;
  const Node* history = FindMember(*tree, "historyId");
  const Node* refused = FindMember(*tree, "refused");
  if (history == nullptr || history->kind != Node::Kind::kString) {
    return Damaged("\"historyId\" must be text");
  }
  checkpoint.history_id = history->text;
  if (refused == nullptr || refused->kind != Node::Kind::kMap) {
    return Damaged("\"refused\" must be a map");
  }
  for (const Node::Member& member : refused->members) {
    uint64_t* count = &checkpoint.totals.refused[member.key];
    if (absl::Status status = ReadCount(*refused, member.key, count); !status.ok()) return status;
  }
  return checkpoint;
}

}  // namespace swoosh
