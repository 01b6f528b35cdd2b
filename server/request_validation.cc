#include "server/request_validation.h"

#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/unknown_field_set.h"

namespace swoosh {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status CheckRequestId(absl::string_view request_id) {
  if (request_id.size() > kRequestIdBytesMax) {
    return InvalidField(
        "request_id",
        absl::StrCat("must have at most ", kRequestIdBytesMax, " bytes, not ", request_id.size()),
        v1::TOO_LARGE);
  }
  const auto printable = [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); };
  if (!absl::c_all_of(request_id, printable)) {
    return InvalidField("request_id", "must be printable ASCII");
  }
  return absl::OkStatus();
}

// In `message` itself, not in those inside it.
bool HasOwnUnknownFields(const Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

// JSON values are most of what is sent; reflection would copy their maps.
bool HasUnknownFields(const google::protobuf::Struct& json);
bool HasUnknownFields(const google::protobuf::Value& json) {
  if (HasOwnUnknownFields(json)) return true;
  if (json.has_struct_value()) return HasUnknownFields(json.struct_value());
  if (!json.has_list_value()) return false;
  if (HasOwnUnknownFields(json.list_value())) return true;
  return absl::c_any_of(json.list_value().values(),
                        [](const google::protobuf::Value& v) { return HasUnknownFields(v); });
}
bool HasUnknownFields(const google::protobuf::Struct& json) {
  if (HasOwnUnknownFields(json)) return true;
  return absl::c_any_of(json.fields(),
                        [](const auto& member) { return HasUnknownFields(member.second); });
}

// Calls `visit` with each message right inside `message`, and with its path, until one call returns
// true. Maps stand only in Structs, which don't come here.
template <typename Visit>
bool AnyMessageInside(const Message& message, Visit visit) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (visit(reflection.GetMessage(message, field), *field, -1)) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (visit(reflection.GetRepeatedMessage(message, field, i), *field, i)) return true;
    }
  }
  return false;
}

bool HasUnknownFields(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Struct::descriptor()) {
    return HasUnknownFields(static_cast<const google::protobuf::Struct&>(message));
  }
  if (HasOwnUnknownFields(message)) return true;
  return AnyMessageInside(message, [](const Message& inside, const FieldDescriptor&, int) {
    return HasUnknownFields(inside);
  });
}

// Events are most of what is sent, and have no message inside but their data.
bool HasUnknownFields(const v1::Transition& transition) {
  if (!transition.has_send_event())
    return HasUnknownFields(static_cast<const Message&>(transition));
  const v1::SendEvent& send = transition.send_event();
  return HasOwnUnknownFields(transition) || HasOwnUnknownFields(send) ||
         HasUnknownFields(send.data());
}

// Where the unknown field is that HasUnknownFields found, and which. A Struct counts as one place.
absl::Status NameUnknownField(const Message& message, const std::string& path) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  if (!unknown.empty()) {
    return InvalidField(
        path,
        absl::StrCat("has an unknown field, with the number ", unknown.field(0).number(), ", in ",
                     message.GetDescriptor()->full_name()),
        v1::UNKNOWN_FIELD);
  }
  if (message.GetDescriptor() == google::protobuf::Struct::descriptor()) {
    return InvalidField(path, "has an unknown field in a value", v1::UNKNOWN_FIELD);
  }
  absl::Status status;
  AnyMessageInside(message, [&](const Message& inside, const FieldDescriptor& field, int at) {
    if (!HasUnknownFields(inside)) return false;
    std::string below = absl::StrCat(path, ".", field.name());
    if (at >= 0) absl::StrAppend(&below, "[", at, "]");
    status = NameUnknownField(inside, below);
    return true;
  });
  return status;
}

absl::Status CheckTransition(const v1::Transition& transition, int position) {
  const auto path = [position] { return absl::StrCat("transitions[", position, "]"); };
  if (HasUnknownFields(transition)) return NameUnknownField(transition, path());
  switch (transition.kind_case()) {
    case v1::Transition::KIND_NOT_SET:
      return InvalidField(path(), "must have a kind, such as send_event");
    case v1::Transition::kAdvanceTime:
      return InvalidField(path() + ".advance_time", "is the server's own");
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<std::string> CheckNamespace(absl::string_view ns) {
  if (ns.empty()) return std::string(kDefaultNamespace);
  if (absl::Status status = CheckName(ns, kNamespaceBytesMax, "namespace"); !status.ok()) {
    return status;
  }
  return std::string(ns);
}

absl::Status CheckInstanceId(absl::string_view id, absl::string_view field) {
  return CheckName(id, kInstanceIdBytesMax, field);
}

absl::Status CheckMachineName(absl::string_view name, absl::string_view field) {
  return CheckName(name, kMachineNameBytesMax, field);
}

absl::Status CheckView(v1::View view) {
  if (v1::View_IsValid(view)) return absl::OkStatus();
  return InvalidField("view", absl::StrCat("no view has the number ", static_cast<int>(view)));
}

absl::StatusOr<int> CheckPageSize(int page_size) {
  if (page_size == 0) return kPageSizeDefault;
  if (page_size < 0 || page_size > kPageSizeMax) {
    return InvalidField("page_size",
                        absl::StrCat("must be from 0 to ", kPageSizeMax, ", not ", page_size));
  }
  return page_size;
}

absl::Status CheckFilter(int count, absl::string_view field) {
  if (count <= kFilterValuesMax) return absl::OkStatus();
  return InvalidField(field,
                      absl::StrCat("must have at most ", kFilterValuesMax, " values, not ", count),
                      v1::TOO_LARGE);
}

absl::Status PrepareProposal(v1::SubmitRequest* request) {
  absl::StatusOr<std::string> ns = CheckNamespace(request->namespace_());
  if (!ns.ok()) return ns.status();
  request->set_namespace_(*std::move(ns));
  absl::Status status = CheckRequestId(request->request_id());
  if (status.ok()) status = CheckView(request->view());
  if (!status.ok()) return status;
  if (request->transitions().empty()) {
    return InvalidField("transitions", "must have at least one");
  }
  if (request->transitions_size() > static_cast<int>(kTransitionsPerProposalMax)) {
    return InvalidField("transitions",
                        absl::StrCat("must have at most ", kTransitionsPerProposalMax, ", not ",
                                     request->transitions_size()),
                        v1::TOO_LARGE);
  }
  for (int i = 0; i < request->transitions_size(); ++i) {
    status = CheckTransition(request->transitions(i), i);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace swoosh
