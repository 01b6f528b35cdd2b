#include "core/record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/deterministic.h"
#include "google/protobuf/io/coded_stream.h"

namespace swoosh {
namespace {

using google::protobuf::io::CodedInputStream;

// Field 12 of v1.Record, wire type 2 (length-delimited), and its length.
constexpr char kStateHashTag = (v1::Record::kStateHashFieldNumber << 3) | 2;
constexpr char kStateHashSize = sizeof(Digest);
static_assert(v1::Record::kStateHashFieldNumber == 12, "must stay the highest number in a Record");

constexpr int64_t kMicrosPerSecond = 1'000'000;

absl::Status NoRecord() {
  return absl::DataLossError("the record's bytes are no swoosh.v1.Record");
}

absl::Status CheckFormat(absl::string_view stored) {
  if (stored.empty()) return absl::DataLossError("the record is empty");
  if (stored[0] == kRecordFormatVersion) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the record has format version ", static_cast<int>(static_cast<uint8_t>(stored[0])),
      "; this binary reads version ", static_cast<int>(kRecordFormatVersion)));
}

// The wire format: https://protobuf.dev/programming-guides/encoding.
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

constexpr uint32_t Tag(int field_number, WireType type) {
  return static_cast<uint32_t>(field_number) << 3 | type;
}

bool ReadBytes(CodedInputStream* input, std::string* bytes) {
  int size = 0;
  return input->ReadVarintSizeAsInt(&size) && input->ReadString(bytes, size);
}

bool SkipField(uint32_t tag, CodedInputStream* input) {
  uint64_t number = 0;
  int size = 0;
  switch (tag & 7) {
    case kVarint:
      return input->ReadVarint64(&number);
    case kFixed64:
      return input->Skip(8);
    case kLengthDelimited:
      return input->ReadVarintSizeAsInt(&size) && input->Skip(size);
    case kFixed32:
      return input->Skip(4);
    default:
      return false;
  }
}

constexpr uint32_t kChangeTag = Tag(v1::Record::kChangesFieldNumber, kLengthDelimited);

// False when the field is malformed.
bool ReadLinkField(uint32_t tag, CodedInputStream* input, v1::Record* record) {
  switch (tag) {
    case Tag(v1::Record::kIndexFieldNumber, kVarint): {
      uint64_t index = 0;
      if (!input->ReadVarint64(&index)) return false;
      record->set_index(index);
      return true;
    }
    case Tag(v1::Record::kPreviousHashFieldNumber, kLengthDelimited):
      return ReadBytes(input, record->mutable_previous_hash());
    case Tag(v1::Record::kNamespaceFieldNumber, kLengthDelimited):
      return ReadBytes(input, record->mutable_namespace_());
    case Tag(v1::Record::kRequestIdFieldNumber, kLengthDelimited):
      return ReadBytes(input, record->mutable_request_id());
    case Tag(v1::Record::kRequestFingerprintFieldNumber, kLengthDelimited):
      return ReadBytes(input, record->mutable_request_fingerprint());
    default:
      return SkipField(tag, input);
  }
}

// Where the changes stand in a serialised Record: [begin, end); empty when there are none. False
// when the message is malformed, or something stands between two changes.
bool FindChanges(absl::string_view message, size_t* begin, size_t* end) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  *begin = *end = message.size();
  bool found = false;
  size_t at = 0;
  while (const uint32_t tag = input.ReadTag()) {
    if (!SkipField(tag, &input)) return false;
    const auto next = static_cast<size_t>(input.CurrentPosition());
    if (tag == kChangeTag) {
      if (found && at != *end) return false;
      if (!found) *begin = at;
      *end = next;
      found = true;
    }
    at = next;
  }
  return input.ConsumedEntireMessage();
}

}  // namespace

std::string EncodeRecord(const v1::Record& record, absl::string_view changes) {
  std::string stored(1, kRecordFormatVersion);
  // The changes, and the state hash, so that adding it moves nothing.
  AppendDeterministic(record, changes.size() + 2 + sizeof(Digest), &stored);
  // Of all fields but the state hash theirs is the last.
  stored.append(changes.data(), changes.size());
  return stored;
}

void AppendStateHash(const Digest& state_hash, std::string* stored) {
  stored->push_back(kStateHashTag);
  stored->push_back(kStateHashSize);
  stored->append(reinterpret_cast<const char*>(state_hash.data()), state_hash.size());
}

absl::Status DecodeRecord(absl::string_view stored, v1::Record* record) {
  if (absl::Status status = CheckFormat(stored); !status.ok()) return status;
  if (!record->ParseFromArray(stored.data() + 1, static_cast<int>(stored.size() - 1))) {
    return NoRecord();
  }
  return absl::OkStatus();
}

absl::Status DecodeRecordLink(absl::string_view stored, v1::Record* record) {
  if (absl::Status status = CheckFormat(stored); !status.ok()) return status;
  CodedInputStream input(reinterpret_cast<const uint8_t*>(stored.data() + 1),
                         static_cast<int>(stored.size() - 1));
  record->Clear();
  while (const uint32_t tag = input.ReadTag()) {
    if (!ReadLinkField(tag, &input, record)) return NoRecord();
  }
  // ReadTag answers 0 at the end, and for a tag that is none.
  return input.ConsumedEntireMessage() ? absl::OkStatus() : NoRecord();
}

absl::Status DecodeRecordBesideChanges(absl::string_view stored, v1::Record* record,
                                       std::optional<absl::string_view>* changes) {
  changes->reset();
  if (absl::Status status = CheckFormat(stored); !status.ok()) return status;
  const absl::string_view message = stored.substr(1);
  size_t begin = 0;
  size_t end = 0;
  if (!FindChanges(message, &begin, &end)) return DecodeRecord(stored, record);
  if (!record->ParseFromArray(message.data(), static_cast<int>(begin))) return NoRecord();
  if (end < message.size()) {
    CodedInputStream rest(reinterpret_cast<const uint8_t*>(message.data() + end),
                          static_cast<int>(message.size() - end));
    if (!record->MergeFromCodedStream(&rest) || !rest.ConsumedEntireMessage()) return NoRecord();
  }
  *changes = message.substr(begin, end - begin);
  return absl::OkStatus();
}

absl::string_view ChangesOf(absl::string_view stored) {
  size_t begin = 0;
  size_t end = 0;
  const absl::string_view message = stored.substr(1);
  if (!FindChanges(message, &begin, &end)) return {};
  return message.substr(begin, end - begin);
}

bool AddChanges(absl::string_view bytes, v1::Record* record) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  return record->MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
}

Hlc FromProto(const v1::Hlc& hlc) { return {MicrosFromTimestamp(hlc.time()), hlc.counter()}; }

int64_t MicrosFromTimestamp(const google::protobuf::Timestamp& timestamp) {
  constexpr int64_t kSecondsMax = INT64_MAX / kMicrosPerSecond - 1;
  const int64_t seconds = std::clamp(timestamp.seconds(), -kSecondsMax, kSecondsMax);
  return seconds * kMicrosPerSecond + timestamp.nanos() / 1'000;
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
