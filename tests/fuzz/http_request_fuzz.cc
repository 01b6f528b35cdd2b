// What comes over HTTP: bodies of JSON, paths and queries.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/http/message_json.h"
#include "server/http/routes.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace swoosh {
namespace {

// Whatever is read can be written, and is then read as the same.
void CheckReading(const absl::Status& status, const google::protobuf::Message& read) {
  SWOOSH_CHECK(status.ok() || absl::IsInvalidArgument(status));
  if (!status.ok()) return;
  const auto json = ToJson(read);
  SWOOSH_CHECK(json.ok());
  v1::SubmitRequest submit;
  v1::ListInstancesRequest list;
  google::protobuf::Message* again = &submit;
  if (read.GetDescriptor() == list.GetDescriptor()) again = &list;
  SWOOSH_CHECK(ReadJson(*json, again).ok());
  SWOOSH_CHECK(google::protobuf::util::MessageDifferencer::Equals(read, *again));
}

void CheckUrl(absl::string_view text) {
  const HttpMatch match = MatchRoute("GET", text);
  SWOOSH_CHECK(match.error.ok() || absl::IsInvalidArgument(match.error));
  const auto parameters = ParseQuery(text);
  if (!parameters.ok()) {
    SWOOSH_CHECK(absl::IsInvalidArgument(parameters.status()));
    return;
  }
  v1::ListInstancesRequest list;
  CheckReading(ReadParameters(*parameters, &list), list);
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::KeepProtobufQuiet();
  const absl::string_view text = swoosh::FuzzInput(data, size);
  swoosh::v1::SubmitRequest submit;
  swoosh::CheckReading(swoosh::ReadJson(text, &submit), submit);
  swoosh::CheckUrl(text);
  return 0;
}
