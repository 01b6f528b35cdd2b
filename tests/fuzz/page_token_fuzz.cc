// Tokens of pages: any text is refused, or is what a token of ours says.
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/check.h"
#include "server/page_token.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(swoosh::FuzzInput(data, size));
  swoosh::v1::ListInstancesRequest request;
  request.set_machine("m");
  const absl::StatusOr<swoosh::PagePosition> position = swoosh::DecodePageToken(request, text);
  SWOOSH_CHECK(position.ok() || absl::IsInvalidArgument(position.status()));
  // The text as the key that a token of ours holds.
  const swoosh::PagePosition made = {size, text};
  const std::string token = swoosh::EncodePageToken(request, made);
  const absl::StatusOr<swoosh::PagePosition> again = swoosh::DecodePageToken(request, token);
  SWOOSH_CHECK(again.ok() && again->index == made.index && again->key == made.key);
  swoosh::v1::ListInstancesRequest other;
  other.set_machine("n");
  SWOOSH_CHECK(absl::IsInvalidArgument(swoosh::DecodePageToken(other, token).status()));
  return 0;
}
