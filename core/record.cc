#include "core/record.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace swoosh {
namespace {

// Field 12 of v1.Record, wire type 2 (length-delimited), and its length.
constexpr char kStateHashTag = (v1::Record::kStateHashFieldNumber << 3) | 2;
constexpr char kStateHashSize = sizeof(Digest);
static_assert(v1::Record::kStateHashFieldNumber == 12, "must stay the highest number in a Record");

constexpr int64_t kMicrosPerSecond = 1'000'000;

}  // namespace

std::string EncodeRecord(const v1::Record& record) {
  const size_t size = record.ByteSizeLong();
  std::string stored;
  // Room for the state hash, so that adding it moves nothing.
  stored.reserve(1 + size + 2 + sizeof(Digest));
  stored.push_back(kRecordFormatVersion);
  google::protobuf::io::StringOutputStream stream(&stored);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  record.SerializeWithCachedSizes(&coded);
  coded.Trim();
  return stored;
}

void AppendStateHash(const Digest& state_hash, std::string* stored) {
  stored->push_back(kStateHashTag);
  stored->push_back(kStateHashSize);
  stored->append(reinterpret_cast<const char*>(state_hash.data()), state_hash.size());
}

absl::Status DecodeRecord(absl::string_view stored, v1::Record* record) {
  if (stored.empty()) return absl::DataLossError("the record is empty");
  if (stored[0] != kRecordFormatVersion) {
    return absl::DataLossError(absl::StrCat(
        "the record has format version ", static_cast<int>(static_cast<uint8_t>(stored[0])),
        "; this binary reads version ", static_cast<int>(kRecordFormatVersion)));
  }
  if (!record->ParseFromArray(stored.data() + 1, static_cast<int>(stored.size() - 1))) {
    return absl::DataLossError("the record's bytes are no swoosh.v1.Record");
  }
  return absl::OkStatus();
}

Hlc FromProto(const v1::Hlc& hlc) {
  return {hlc.time().seconds() * kMicrosPerSecond + hlc.time().nanos() / 1'000, hlc.counter()};
}

google::protobuf::Timestamp TimestampFromMicros(int64_t time_us) {
  // Timestamps before 1970 count their nanoseconds forward from the second below.
  int64_t seconds = time_us / kMicrosPerSecond;
  int64_t micros = time_us % kMicrosPerSecond;
  if (micros < 0) {
    micros += kMicrosPerSecond;
    --seconds;
  }
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(micros * 1'000));
  return timestamp;
}

v1::Hlc ToProto(const Hlc& hlc) {
  v1::Hlc message;
  *message.mutable_time() = TimestampFromMicros(hlc.time_us);
  message.set_counter(hlc.counter);
  return message;
}

}  // namespace swoosh
