#include "cli/proto_text.h"

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "core/struct_value.h"
#include "core/value.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/status.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

// What an emit told is shown up to here; -o json shows all of it.
constexpr size_t kEmittedBytesMax = 200;
// An instance may have 1,000 timers.
constexpr int kTimersShownMax = 10;

std::string ToJsonText(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  std::string json;
  if (google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return json;
  // Only an Any of an unknown type can't be printed, and only errors hold one.
  std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  if (auto* status = google::protobuf::DynamicCastToGenerated<google::rpc::Status>(copy.get())) {
    status->clear_details();
  } else if (auto* response =
                 google::protobuf::DynamicCastToGenerated<v1::SubmitResponse>(copy.get())) {
    response->mutable_status()->clear_details();
  }
  json.clear();
  if (!google::protobuf::util::MessageToJsonString(*copy, &json, options).ok()) return "{}";
  return json;
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string ValueText(const absl::StatusOr<Value>& value, size_t bytes_max) {
  return value.ok() ? ToJsonText(*value, bytes_max) : std::string(value.status().message());
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  return ToJsonText(message, /*indented=*/false);
}

std::string ToIndentedJson(const google::protobuf::Message& message) {
  return ToJsonText(message, /*indented=*/true);
}

std::string ValueText(const google::protobuf::Value& value, size_t bytes_max) {
  return ValueText(RestoreProtoValue(value, "value"), bytes_max);
}

std::string StructText(const google::protobuf::Struct& message, size_t bytes_max) {
  return ValueText(RestoreStruct(message, "value"), bytes_max);
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToTime(time), absl::UTCTimeZone());
}

std::string HexText(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

std::string ConfigurationText(
    const google::protobuf::RepeatedPtrField<std::string>& configuration) {
  if (configuration.empty()) return "";
  // The root is always active and says nothing.
  return absl::StrJoin(configuration.begin() + 1, configuration.end(), "/");
}

std::string EmittedText(const google::protobuf::RepeatedPtrField<v1::Emitted>& emitted) {
  return absl::StrJoin(emitted, ", ", [](std::string* out, const v1::Emitted& one) {
    absl::StrAppend(out, one.name());
    if (one.data().kind_case() != google::protobuf::Value::kNullValue &&
        one.data().kind_case() != google::protobuf::Value::KIND_NOT_SET) {
      absl::StrAppend(out, " ", ValueText(one.data(), kEmittedBytesMax));
    }
  });
}

std::string TimerName(const v1::Timer& timer) {
  if (timer.event().empty()) return timer.id();
  // An edge's default id says no more than the event, but which of several it is.
  const absl::string_view state = absl::StripPrefix(timer.event(), "after.");
  const bool is_default = timer.id() == absl::StrCat(state, "/after/0");
  if (timer.id().empty() || is_default) return timer.event();
  return absl::StrCat(timer.event(), " (", timer.id(), ")");
}

std::string TimersText(const google::protobuf::RepeatedPtrField<v1::Timer>& timers,
                       const google::protobuf::Timestamp& now) {
  std::string text;
  for (int i = 0; i < std::min(timers.size(), kTimersShownMax); ++i) {
    const absl::Duration left = ToTime(timers[i].due()) - ToTime(now);
    absl::StrAppend(
        &text, i == 0 ? "" : ", ", TimerName(timers[i]),
        left > absl::ZeroDuration() ? absl::StrCat(" in ", absl::FormatDuration(left)) : " now");
  }
  if (timers.size() > kTimersShownMax) {
    absl::StrAppend(&text, " and ", timers.size() - kTimersShownMax, " more");
  }
  return text;
}

std::string TransitionText(const v1::Transition& transition) {
  switch (transition.kind_case()) {
    case v1::Transition::kRegisterMachine:
      return absl::StrCat("register ", transition.register_machine().machine().name());
    case v1::Transition::kCreateInstance:
      return absl::StrCat("create ", transition.create_instance().instance_id(), " of ",
                          transition.create_instance().machine());
    case v1::Transition::kSendEvent:
      return absl::StrCat("send ", transition.send_event().instance_id(), " ",
                          transition.send_event().event());
    case v1::Transition::kDeleteInstance:
      return absl::StrCat("delete ", transition.delete_instance().instance_id());
    case v1::Transition::kAdvanceTime:
      return absl::StrCat("advance time to ", TimeText(transition.advance_time().to()));
    case v1::Transition::KIND_NOT_SET:
      break;
  }
  return "unknown to this swooshctl";
}

std::string StatusText(v1::Instance::Status status) {
  const std::string& name = v1::Instance::Status_Name(status);
  return name.empty() ? absl::StrCat(static_cast<int>(status)) : name;
}

}  // namespace swoosh
