#include "server/byte_buffer_conversion.h"

#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/errors.h"
#include "google/protobuf/io/coded_stream.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"
#include "grpcpp/support/slice.h"
#include "server/request_parsing.h"
#include "swoosh/v1/orchestrator.pb.h"

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

grpc::Slice ToSlice(WatchMessage message) {
  auto* holder = new WatchMessage(std::move(message));
  return grpc::Slice(
      const_cast<char*>((*holder)->data()), (*holder)->size(),
      [](void* held) { delete static_cast<WatchMessage*>(held); }, holder);
}

// What precedes a serialised WatchResponse as an element of `following`: tag and length.
grpc::Slice FollowingHead(size_t size) {
  using google::protobuf::io::CodedOutputStream;
  constexpr uint32_t kTag = v1::WatchResponse::kFollowingFieldNumber << 3 | 2;
  uint8_t head[16];
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(kTag, head);
  end = CodedOutputStream::WriteVarint64ToArray(size, end);
  return grpc::Slice(head, static_cast<size_t>(end - head));
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
  const grpc::Slice slice = ToSlice(std::move(message));
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer ToByteBuffer(std::vector<WatchMessage> messages) {
  std::vector<grpc::Slice> slices;
  slices.reserve(2 * messages.size());
  for (WatchMessage& message : messages) {
    if (!slices.empty()) slices.push_back(FollowingHead(message->size()));
    slices.push_back(ToSlice(std::move(message)));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace swoosh
