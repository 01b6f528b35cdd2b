#ifndef SWOOSH_SERVER_STATUS_CONVERSION_H_
#define SWOOSH_SERVER_STATUS_CONVERSION_H_

#include <cstddef>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

// Errors on their way to the wire and back. An absl::Status carries its google.rpc details as
// payloads (core/errors.h); this is the one place that turns it into another form.
namespace swoosh {

// An error's message and details travel in HTTP/2 trailers, and clients refuse more than 8 KiB of
// them in all; percent-encoding makes three bytes of one, base64 four of three.
inline constexpr size_t kTrailerMessageBytesMax = 1'000;
inline constexpr size_t kTrailerDetailsBytesMax = 3'072;

// All of it, in a message. An error without an ErrorInfo gets one: DATA_DAMAGED for kDataLoss, else
// INTERNAL_BUG, since whoever made it should have said more. The ErrorInfo comes first, the other
// details in the order of their type URLs.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// The reverse. Details of any type become payloads.
absl::Status FromRpcStatus(const google::rpc::Status& status);

// As gRPC takes it from a handler: the details are the serialised google.rpc.Status, which becomes
// `grpc-status-details-bin`. What exceeds the bounds above is shortened: the message is cut, then
// the reasons of a Denial, then its edges are dropped from the last one on, then details other than
// ErrorInfo altogether.
grpc::Status ToGrpcStatus(const absl::Status& status);

// What a client received.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_STATUS_CONVERSION_H_
