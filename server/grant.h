#ifndef SWOOSH_SERVER_GRANT_H_
#define SWOOSH_SERVER_GRANT_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "swoosh/v1/access.pb.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// What one identity may do: the one place that decides. It knows no transport, no file and no
// clock. Immutable but for revoked(); thread-safe.
//
// Refusals are kPermissionDenied: ROLE_DENIED, NAMESPACE_DENIED, MACHINE_DENIED, with what is
// missing in the ErrorInfo's metadata. A method, a request and an answer are checked one after the
// other; what a proposal touches is checked on the state that it is carried out on.
class Grant {
 public:
  // `identity` is as AccessPolicy::Parse accepts it.
  explicit Grant(v1::Identity identity);
  // Whoever calls may do everything, and is nobody: the server runs without --auth.
  static std::shared_ptr<const Grant> OfEverything();

  // The actor of records; "" = nobody.
  const std::string& name() const { return identity_.name(); }
  const v1::Identity& identity() const { return identity_; }

  // `method` for people; `role` is the least that includes it.
  absl::Status CheckMethod(absl::string_view method, v1::Role role) const;

  // What can be told by the request alone.
  absl::Status CheckRequest(const v1::SubmitRequest& request) const;
  absl::Status CheckRequest(const v1::GetInstanceRequest& request) const;
  absl::Status CheckRequest(const v1::ListInstancesRequest& request) const;
  absl::Status CheckRequest(const v1::GetMachineRequest& request) const;
  absl::Status CheckRequest(const v1::ListMachinesRequest& request) const;
  // The summary is of the whole store, whoever asks.
  absl::Status CheckRequest(const v1::GetStateRequest&) const { return absl::OkStatus(); }
  absl::Status CheckRequest(const v1::ListRecordsRequest& request) const;
  absl::Status CheckRequest(const v1::WatchRequest& request) const;

  // Whether the answer to a request that was allowed may be shown.
  template <typename Answer>
  absl::Status CheckAnswer(const Answer&) const {
    return absl::OkStatus();
  }
  absl::Status CheckAnswer(const v1::Instance& instance) const;
  absl::Status CheckAnswer(const v1::ListRecordsResponse& response) const;
  // Everything in it is of machines that may be used.
  absl::Status CheckRecord(const v1::Record& record) const;

  // Whether the proposal may be carried out on `state`. Instances that do not exist are left to the
  // reducer, which refuses them by name.
  absl::Status CheckProposal(const v1::SubmitRequest& request, const StateView& state) const;

  // True once what its identity may do was changed: streams that use it end. A mark only; calls
  // that were admitted go on.
  bool revoked() const { return revoked_.load(std::memory_order_relaxed); }
  void Revoke() const { revoked_.store(true, std::memory_order_relaxed); }

 private:
  absl::Status CheckNamespace(absl::string_view ns) const;
  absl::Status CheckMachine(absl::string_view machine) const;
  // For what is about all machines.
  absl::Status CheckUnlimited(absl::string_view what) const;
  absl::Status CheckTransitionOfRecord(const v1::Transition& transition,
                                       const absl::flat_hash_set<std::string>& shown) const;

  const v1::Identity identity_;
  const absl::flat_hash_set<std::string> namespaces_;  // empty: all
  const absl::flat_hash_set<std::string> machines_;    // empty: all
  mutable std::atomic<bool> revoked_{false};
};
using GrantPtr = std::shared_ptr<const Grant>;

// UNAVAILABLE, ACCESS_CHANGED: what ends the streams of a revoked grant.
absl::Status AccessChangedError();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GRANT_H_
