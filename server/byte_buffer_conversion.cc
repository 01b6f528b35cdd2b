#include "server/byte_buffer_conversion.h"

#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/errors.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"
#include "grpcpp/support/slice.h"
#include "server/request_parsing.h"

namespace swoosh {
namespace {

constexpr int kSliceBytesMax = 1'024 * 1'024;

std::string ToString(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!bytes.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

}  // namespace

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* request) {
  // A call that ends before its request is handed on by gRPC all the same.
  if (!bytes.Valid()) return InvalidField("request", "must come before the call ends");
  grpc::ByteBuffer shared = bytes;  // the reader wants it mutable
  grpc::ProtoBufferReader reader(&shared);
  if (reader.status().ok() && request->ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return ExplainParseFailure(ToString(bytes), *request->GetDescriptor());
}

grpc::ByteBuffer Serialise(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  const int size = static_cast<int>(message.ByteSizeLong());
  if (size == 0) {
    const grpc::Slice empty;
    return grpc::ByteBuffer(&empty, 1);
  }
  grpc::ProtoBufferWriter writer(&bytes, kSliceBytesMax, size);
  SWOOSH_CHECK(message.SerializeToZeroCopyStream(&writer));
  return bytes;
}

grpc::ByteBuffer ToByteBuffer(WatchMessage message) {
  auto* holder = new WatchMessage(std::move(message));
  const grpc::Slice slice(
      const_cast<char*>((*holder)->data()), (*holder)->size(),
      [](void* held) { delete static_cast<WatchMessage*>(held); }, holder);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace swoosh
