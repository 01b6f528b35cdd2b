#include "core/deterministic.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace swoosh {

void AppendDeterministic(const google::protobuf::MessageLite& message, size_t more,
                         std::string* bytes) {
  bytes->reserve(bytes->size() + message.ByteSizeLong() + more);
  google::protobuf::io::StringOutputStream stream(bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  coded.Trim();
}

}  // namespace swoosh
