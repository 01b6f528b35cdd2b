#ifndef SWOOSH_CLI_RPC_STATUS_H_
#define SWOOSH_CLI_RPC_STATUS_H_

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

// Errors as they come over the wire. Thread-safe.
namespace swoosh {

// Details of any type become payloads, which GetDetail (core/errors.h) reads.
absl::Status FromRpcStatus(const google::rpc::Status& message);

// The reverse, for printing.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// Whether the same request may succeed when it is sent again, as it is, a little later: the server
// could not be reached, went away, recovers, drains, is fenced or lacks disk space. For a request
// without a `request_id` this says nothing about whether it was applied.
bool IsTransient(const absl::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_CLI_RPC_STATUS_H_
