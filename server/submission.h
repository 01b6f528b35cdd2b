#ifndef SWOOSH_SERVER_SUBMISSION_H_
#define SWOOSH_SERVER_SUBMISSION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/repeated_field.h"
#include "server/grant.h"
#include "server/message_arena.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// What a proposal is answered. The response is whole, but for `status`.
//
// Errors: those of Reduce (core/reducer.h), and
//   kPermissionDenied   MACHINE_DENIED
//   kInvalidArgument    REQUEST_ID_REUSED: the request_id was accepted before with another content
//   kResourceExhausted  LIMIT_REACHED: the record would be too large
//   kUnavailable        NOT_APPLIED; OUTCOME_UNKNOWN: the write or sync of its group failed
using Answer = absl::StatusOr<v1::SubmitResponse>;

// A proposal as a service gives it to the executor.
struct Submission {
  // Holds `request`, and later the record.
  std::unique_ptr<google::protobuf::Arena> arena = NewMessageArena();
  // As the client sent it, but: namespace is not "", and request_id and namespace are within their
  // limits. validate_only is for Executor::Validate, and not looked at here. Never null.
  v1::SubmitRequest* request =
      google::protobuf::Arena::CreateMessage<v1::SubmitRequest>(arena.get());
  std::string actor;  // authenticated; "" = nobody
  // What `actor` may do, as decided on the state that the proposal is carried out on. null:
  // everything.
  GrantPtr grant;
  // What external guards answered for it.
  google::protobuf::RepeatedPtrField<v1::GuardOutcome> guard_outcomes;
  // Called once, on one of the executor's threads, after the answers before it and never beside
  // another one: it must not block.
  std::function<void(Answer)> done;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SUBMISSION_H_
