#ifndef SWOOSH_SERVER_BYTE_BUFFER_CONVERSION_H_
#define SWOOSH_SERVER_BYTE_BUFFER_CONVERSION_H_

#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/watch_message_cache.h"

// The services take and give messages as bytes, so that a request which does not parse is answered
// as any other mistake, and so that what many watches send is serialised once.
namespace swoosh {

// kInvalidArgument, naming the field where that can be told, when `bytes` are no such message.
absl::Status ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* request);

grpc::ByteBuffer Serialise(const google::protobuf::Message& message);

// Shares the bytes.
grpc::ByteBuffer ToByteBuffer(WatchMessage message);

// The first with the others as its `following`. Requires that there is one; shares the bytes.
grpc::ByteBuffer ToByteBuffer(std::vector<WatchMessage> messages);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_BYTE_BUFFER_CONVERSION_H_
