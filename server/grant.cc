#include "server/grant.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/state_entry.h"
#include "core/statechart/instance.h"
#include "google/rpc/error_details.pb.h"
#include "server/request_validation.h"

namespace swoosh {
namespace {

constexpr size_t kAllowedBytesMax = 2'048;

absl::Status Denied(v1::ErrorReason reason, const std::string& identity, absl::string_view kind,
                    absl::string_view missing, absl::string_view message) {
  absl::Status status = MakeError(absl::StatusCode::kPermissionDenied, reason, message);
  google::rpc::ErrorInfo info;
  GetDetail(status, &info);
  (*info.mutable_metadata())["identity"] = identity;
  (*info.mutable_metadata())[std::string(kind)] = std::string(missing);
  AddDetail(info, &status);
  return status;
}

// So that whoever is refused everything can ask for what there is for him. Names have no spaces.
// Left out where it might not fit into the trailers of an answer.
void Tell(const std::string& kind, const google::protobuf::RepeatedPtrField<std::string>& allowed,
          absl::Status* status) {
  std::string names = absl::StrJoin(allowed, " ");
  google::rpc::ErrorInfo info;
  if (names.size() > kAllowedBytesMax || !GetDetail(*status, &info)) return;
  (*info.mutable_metadata())[kind] = std::move(names);
  AddDetail(info, status);
}

v1::Identity EverythingAllowed() {
  v1::Identity identity;
  identity.set_role(v1::OPERATOR);
  return identity;
}

}  // namespace

Grant::Grant(v1::Identity identity)
    : identity_(std::move(identity)),
      namespaces_(identity_.namespaces().begin(), identity_.namespaces().end()),
      machines_(identity_.machines().begin(), identity_.machines().end()) {}

std::shared_ptr<const Grant> Grant::OfEverything() {
  static const Grant& everything = *new Grant(EverythingAllowed());
  return {GrantPtr(), &everything};  // not counted: it is never gone
}

absl::Status Grant::CheckMethod(absl::string_view method, v1::Role role) const {
  if (identity_.role() >= role) return absl::OkStatus();
  return Denied(v1::ROLE_DENIED, name(), "role", v1::Role_Name(role),
                absl::StrCat(method, " takes the role ", v1::Role_Name(role), "; ", name(), " has ",
                             v1::Role_Name(identity_.role())));
}

absl::Status Grant::CheckNamespace(absl::string_view ns) const {
  if (ns.empty()) ns = kDefaultNamespace;
  if (namespaces_.empty() || namespaces_.contains(ns)) return absl::OkStatus();
  absl::Status status = Denied(v1::NAMESPACE_DENIED, name(), "namespace", ns,
                               absl::StrCat(name(), " may not use the namespace ", ns));
  Tell("namespaces", identity_.namespaces(), &status);
  return status;
}

absl::Status Grant::CheckMachine(absl::string_view machine) const {
  if (machines_.empty() || machines_.contains(machine)) return absl::OkStatus();
  return Denied(v1::MACHINE_DENIED, name(), "machine", machine,
                absl::StrCat(name(), " may not use the machine ", machine));
}

absl::Status Grant::CheckUnlimited(absl::string_view what) const {
  if (machines_.empty()) return absl::OkStatus();
  absl::Status status = Denied(v1::MACHINE_DENIED, name(), "machine", "",
                               absl::StrCat(what, ": ", name(), " may not use all machines"));
  Tell("machines", identity_.machines(), &status);
  return status;
}

// ---------------------------------------------------------------- requests

absl::Status Grant::CheckRequest(const v1::SubmitRequest& request) const {
  return CheckNamespace(request.namespace_());
}

absl::Status Grant::CheckRequest(const v1::GetInstanceRequest& request) const {
  return CheckNamespace(request.namespace_());
}

absl::Status Grant::CheckRequest(const v1::ListInstancesRequest& request) const {
  if (absl::Status status = CheckNamespace(request.namespace_()); !status.ok()) return status;
  if (request.machine().empty()) return CheckUnlimited("a list without `machine`");
  return CheckMachine(request.machine());
}

absl::Status Grant::CheckRequest(const v1::GetMachineRequest& request) const {
  if (absl::Status status = CheckNamespace(request.namespace_()); !status.ok()) return status;
  return CheckMachine(request.name());
}

absl::Status Grant::CheckRequest(const v1::ListMachinesRequest& request) const {
  if (absl::Status status = CheckNamespace(request.namespace_()); !status.ok()) return status;
  return CheckUnlimited("the list of machines");
}

absl::Status Grant::CheckRequest(const v1::ListRecordsRequest& request) const {
  if (absl::Status status = CheckNamespace(request.namespace_()); !status.ok()) return status;
  return request.instance_id().empty() ? CheckUnlimited("records without `instance_id`")
                                       : absl::OkStatus();
}

absl::Status Grant::CheckRequest(const v1::WatchRequest& request) const {
  if (absl::Status status = CheckNamespace(request.namespace_()); !status.ok()) return status;
  if (request.machines().empty()) return CheckUnlimited("a watch without `machines`");
  for (const std::string& machine : request.machines()) {
    if (absl::Status status = CheckMachine(machine); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- answers

absl::Status Grant::CheckAnswer(const v1::Instance& instance) const {
  return CheckMachine(instance.machine());
}

absl::Status Grant::CheckAnswer(const v1::ListRecordsResponse& response) const {
  for (const v1::Record& record : response.records()) {
    if (absl::Status status = CheckRecord(record); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Grant::CheckRecord(const v1::Record& record) const {
  if (machines_.empty()) return absl::OkStatus();
  absl::flat_hash_set<std::string> shown;  // ids whose machine is known, and may be used
  for (const v1::Change& change : record.changes()) {
    if (absl::Status status = CheckMachine(change.machine()); !status.ok()) return status;
    shown.insert(change.instance_id());
  }
  for (const v1::Transition& transition : record.transitions()) {
    // An instance that lived within the record only has no change, but was created here.
    if (transition.has_create_instance()) shown.insert(transition.create_instance().instance_id());
    if (absl::Status status = CheckTransitionOfRecord(transition, shown); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Grant::CheckTransitionOfRecord(const v1::Transition& transition,
                                            const absl::flat_hash_set<std::string>& shown) const {
  if (transition.has_register_machine()) {
    return CheckMachine(transition.register_machine().machine().name());
  }
  if (transition.has_create_instance()) {
    return CheckMachine(transition.create_instance().machine());
  }
  if (transition.has_send_event() && !shown.contains(transition.send_event().instance_id())) {
    return CheckUnlimited("a record with events of an instance whose machine it does not tell");
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- proposals

absl::Status Grant::CheckProposal(const v1::SubmitRequest& request, const StateView& state) const {
  if (machines_.empty()) return absl::OkStatus();
  absl::flat_hash_map<std::string, std::string> created;  // by this proposal: id to machine
  const auto machine_of = [&](const std::string& id) -> std::optional<std::string> {
    if (const auto it = created.find(id); it != created.end()) return it->second;
    StateEntry entry;
    if (!state.Find(InstanceKey(request.namespace_(), id), &entry)) return std::nullopt;
    absl::StatusOr<Instance> instance = DecodeInstance(entry);
    SWOOSH_CHECK(instance.ok());
    return std::move(instance->machine);
  };
  for (int i = 0; i < request.transitions_size(); ++i) {
    const v1::Transition& transition = request.transitions(i);
    absl::Status status;
    if (transition.has_register_machine()) {
      status = CheckMachine(transition.register_machine().machine().name());
    } else if (transition.has_create_instance()) {
      const v1::CreateInstance& create = transition.create_instance();
      status = CheckMachine(create.machine());
      // With `allow_existing` the answer shows the one that is there.
      const std::optional<std::string> there = machine_of(create.instance_id());
      if (status.ok() && there.has_value()) status = CheckMachine(*there);
      if (!there.has_value()) created[create.instance_id()] = create.machine();
    } else {
      const std::optional<std::string> machine =
          machine_of(transition.has_send_event() ? transition.send_event().instance_id()
                                                 : transition.delete_instance().instance_id());
      if (machine.has_value()) status = CheckMachine(*machine);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AccessChangedError() {
  return MakeError(absl::StatusCode::kUnavailable, v1::ACCESS_CHANGED,
                   "what this identity may do was changed; connect again");
}

}  // namespace swoosh
