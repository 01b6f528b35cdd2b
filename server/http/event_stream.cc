#include "server/http/event_stream.h"

#include <cstdint>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "google/protobuf/repeated_field.h"
#include "server/http/message_json.h"

namespace swoosh {

absl::Status ResumeBehind(absl::string_view last_event_id, v1::WatchRequest* request) {
  uint64_t index = 0;
  const bool is_number = !last_event_id.empty() && absl::ascii_isdigit(last_event_id.front()) &&
                         absl::SimpleAtoi(last_event_id, &index);
  if (!is_number || index == std::numeric_limits<uint64_t>::max()) {
    return InvalidField("Last-Event-ID", "must be an event's id: the index of a record");
  }
  request->set_from_index(index + 1);
  request->set_initial(false);
  return absl::OkStatus();
}

absl::StatusOr<std::string> WatchEvents(v1::WatchResponse response, bool* in_initial) {
  google::protobuf::RepeatedPtrField<v1::WatchResponse> following;
  following.Swap(response.mutable_following());
  std::string events;
  const auto add = [&](const v1::WatchResponse& one) {
    const absl::StatusOr<std::string> json = ToJson(one);
    if (!json.ok()) return json.status();
    if (one.initial_complete()) *in_initial = false;
    if (!*in_initial) absl::StrAppend(&events, "id: ", one.index(), "\n");
    absl::StrAppend(&events, "data: ", *json, "\n\n");
    return absl::OkStatus();
  };
  absl::Status status = add(response);
  for (const v1::WatchResponse& one : following) status.Update(add(one));
  if (!status.ok()) return status;
  return events;
}

std::string StatusEvent(const google::rpc::Status& error) {
  return absl::StrCat("event: status\ndata: ", StatusToJson(error), "\n\n");
}

}  // namespace swoosh
