#include "core/canonical.h"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

enum Tag : uint8_t {
  kNullTag = 0,
  kFalseTag = 1,
  kTrueTag = 2,
  kNumberTag = 3,
  kStringTag = 4,
  kListTag = 5,
  kMapTag = 6,
};

constexpr uint64_t kMinusZeroBits = uint64_t{1} << 63;
constexpr uint64_t kExponentBits = uint64_t{0x7FF} << 52;  // all set: infinity or NaN

static_assert(sizeof(double) == sizeof(uint64_t) && std::numeric_limits<double>::is_iec559);

uint64_t BitsOf(double number) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits;
}

double NumberOf(uint64_t bits) {
  double number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

}  // namespace

char* WriteUint64(uint64_t number, char* at) {
  const uint64_t big_endian = htobe64(number);
  std::memcpy(at, &big_endian, sizeof(big_endian));
  return at + sizeof(number);
}

char* WriteBytes(absl::string_view bytes, char* at) {
  at = WriteVarint(bytes.size(), at);
  return std::copy(bytes.begin(), bytes.end(), at);
}

char* WriteValue(const Value& value, char* at) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      *at++ = kNullTag;
      break;
    case Value::Kind::kBool:
      *at++ = value.as_bool() ? kTrueTag : kFalseTag;
      break;
    case Value::Kind::kNumber:
      *at++ = kNumberTag;
      return WriteUint64(BitsOf(value.as_number()), at);
    case Value::Kind::kString:
      *at++ = kStringTag;
      return WriteBytes(value.as_string(), at);
    case Value::Kind::kList:
      *at++ = kListTag;
      at = WriteVarint(value.as_list().size(), at);
      for (const Value& item : value.as_list()) at = WriteValue(item, at);
      break;
    case Value::Kind::kMap:
      *at++ = kMapTag;
      at = WriteVarint(value.as_map().size(), at);
      for (const auto& [key, member] : value.as_map()) at = WriteValue(member, WriteBytes(key, at));
      break;
  }
  return at;
}

void AppendVarint(uint64_t number, std::string* out) {
  char bytes[kVarintBytesMax];
  out->append(bytes, static_cast<size_t>(WriteVarint(number, bytes) - bytes));
}

void AppendUint64(uint64_t number, std::string* out) {
  char bytes[sizeof(number)];
  WriteUint64(number, bytes);
  out->append(bytes, sizeof(bytes));
}

void AppendBytes(absl::string_view bytes, std::string* out) {
  AppendVarint(bytes.size(), out);
  out->append(bytes.data(), bytes.size());
}

void AppendValue(const Value& value, std::string* out) {
  const size_t begin = out->size();
  out->resize(begin + value.encoded_bytes());
  const char* const end = WriteValue(value, out->data() + begin);
  SWOOSH_CHECK(end == out->data() + out->size());
}

void CanonicalReader::Fail(absl::string_view what) {
  if (failed_) return;
  failed_ = true;
  failure_ = what;
  rest_ = absl::string_view();
}

uint64_t CanonicalReader::ReadLongVarint() {
  uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = ReadByte();
    if (failed_) return 0;
    if (shift == 63 && byte > 1) break;
    number |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) {
        Fail("a varint that is not in its shortest form");
        return 0;
      }
      return number;
    }
  }
  Fail("a varint beyond 64 bits");
  return 0;
}

uint64_t CanonicalReader::ReadUint64() {
  if (rest_.size() < 8) {
    Fail("ends too early");
    return 0;
  }
  uint64_t big_endian;
  std::memcpy(&big_endian, rest_.data(), sizeof(big_endian));
  rest_.remove_prefix(8);
  return be64toh(big_endian);
}

absl::string_view CanonicalReader::ReadBytes() {
  const uint64_t size = ReadVarint();
  if (size > rest_.size()) {
    Fail("a size beyond the end");
    return absl::string_view();
  }
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

Value CanonicalReader::ReadValue() {
  Value value;
  if (!ReadValueAt(0, &value)) return Value();
  return value;
}

absl::string_view CanonicalReader::SkipValue() {
  const absl::string_view before = rest_;
  if (!ReadValueAt(0, nullptr)) return absl::string_view();
  return before.substr(0, before.size() - rest_.size());
}

bool CanonicalReader::ReadValueAt(int depth, Value* value) {
  switch (ReadByte()) {
    case kNullTag:
      if (value != nullptr) *value = Value();
      break;
    case kFalseTag:
      if (value != nullptr) *value = Value::Bool(false);
      break;
    case kTrueTag:
      if (value != nullptr) *value = Value::Bool(true);
      break;
    case kNumberTag: {
      const uint64_t bits = ReadUint64();
      if (bits == kMinusZeroBits) Fail("a number that is -0");
      if ((bits & kExponentBits) == kExponentBits) Fail("a number that is not finite");
      if (!failed_ && value != nullptr) *value = Value::Number(NumberOf(bits));
      break;
    }
    case kStringTag: {
      const absl::string_view bytes = ReadBytes();
      if (!IsValidUtf8(bytes)) Fail("a string that is not UTF-8");
      if (!failed_ && value != nullptr) *value = Value::String(std::string(bytes));
      break;
    }
    case kListTag:
      return ReadListAt(depth, value);
    case kMapTag:
      return ReadMapAt(depth, value);
    default:
      Fail("an unknown tag");
  }
  return !failed_;
}

bool CanonicalReader::ReadListAt(int depth, Value* value) {
  if (depth == kValueDepthMax) Fail("nesting too deep");
  const uint64_t count = ReadVarint();
  if (count > rest_.size()) Fail("a count beyond the end");  // an item has at least one byte
  if (failed_) return false;
  Value::List items;
  if (value != nullptr) items.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    if (!ReadValueAt(depth + 1, value == nullptr ? nullptr : &items[i])) return false;
  }
  if (value != nullptr) *value = Value::OfList(std::move(items));
  return true;
}

bool CanonicalReader::ReadMapAt(int depth, Value* value) {
  if (depth == kValueDepthMax) Fail("nesting too deep");
  const uint64_t count = ReadVarint();
  if (count > rest_.size() / 2) Fail("a count beyond the end");  // a member has at least two bytes
  if (failed_) return false;
  Value::Map members;
  if (value != nullptr) members.resize(count);
  absl::string_view previous_key;
  for (uint64_t i = 0; i < count; ++i) {
    const absl::string_view key = ReadBytes();
    if (!IsValidUtf8(key)) Fail("a key that is not UTF-8");
    if (i > 0 && previous_key >= key) Fail("keys out of order");
    if (failed_) return false;
    previous_key = key;
    if (value != nullptr) members[i].first = std::string(key);
    if (!ReadValueAt(depth + 1, value == nullptr ? nullptr : &members[i].second)) return false;
  }
  if (value != nullptr) *value = Value::OfMap(std::move(members));
  return true;
}

absl::Status CanonicalReader::Finish() const {
  if (failed_) return absl::DataLossError(absl::StrCat("not canonical: ", failure_));
  if (!rest_.empty()) {
    return absl::DataLossError(absl::StrCat("not canonical: ", rest_.size(), " bytes too many"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> DecodeValue(absl::string_view bytes) {
  CanonicalReader reader(bytes);
  Value value = reader.ReadValue();
  const absl::Status status = reader.Finish();
  if (!status.ok()) return status;
  return value;
}

}  // namespace swoosh
