#include "core/value.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/check.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

constexpr size_t kEncodedBytesMax = size_t{1} << 48;
constexpr double kPlainIntegerEnd = 1e17;  // exclusive: below it, all digits are written

size_t VarintBytes(uint64_t number) {
  size_t bytes = 1;
  for (; number >= 0x80; number >>= 7) ++bytes;
  return bytes;
}

// Sums sizes below 2^48 each without overflow.
size_t AddSaturated(size_t a, size_t b) { return std::min(a + b, kEncodedBytesMax); }

size_t EncodedStringBytes(size_t size) {
  return AddSaturated(VarintBytes(size), std::min(size, kEncodedBytesMax));
}

// Writes JSON until the text has at least `bytes_max` bytes: what follows would be cut anyway.
class JsonWriter {
 public:
  JsonWriter(size_t bytes_max, std::string* out) : bytes_max_(bytes_max), out_(out) {}

  void Write(const Value& value) {
    if (full()) return;
    switch (value.kind()) {
      case Value::Kind::kNull:
        out_->append("null");
        return;
      case Value::Kind::kBool:
        out_->append(value.as_bool() ? "true" : "false");
        return;
      case Value::Kind::kNumber:
        WriteNumber(value.as_number());
        return;
      case Value::Kind::kString:
        WriteString(value.as_string());
        return;
      case Value::Kind::kList:
        WriteList(value.as_list());
        return;
      case Value::Kind::kMap:
        WriteMap(value.as_map());
        return;
    }
  }

 private:
  bool full() const { return out_->size() > bytes_max_; }

  void WriteNumber(double number) {
    char digits[32];
    std::to_chars_result end;
    if (number > -kPlainIntegerEnd && number < kPlainIntegerEnd &&
        static_cast<double>(static_cast<int64_t>(number)) == number) {
      end = std::to_chars(digits, digits + sizeof(digits), static_cast<int64_t>(number));
    } else {
      end = std::to_chars(digits, digits + sizeof(digits), number);
    }
    SWOOSH_CHECK(end.ec == std::errc());
    out_->append(digits, end.ptr);
  }

  void WriteString(absl::string_view utf8) {
    out_->push_back('"');
    for (const char c : utf8) {
      if (full() && (c & 0xC0) != 0x80) return;
      WriteCharacter(c);
    }
    out_->push_back('"');
  }

  void WriteCharacter(char c) {
    static constexpr char kHex[] = "0123456789abcdef";
    switch (c) {
      case '"':
        out_->append("\\\"");
        return;
      case '\\':
        out_->append("\\\\");
        return;
      case '\n':
        out_->append("\\n");
        return;
      case '\r':
        out_->append("\\r");
        return;
      case '\t':
        out_->append("\\t");
        return;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          out_->push_back(c);
        } else {
          out_->append("\\u00");
          out_->push_back(kHex[c >> 4]);
          out_->push_back(kHex[c & 15]);
        }
    }
  }

  void WriteList(const Value::List& items) {
    out_->push_back('[');
    bool first = true;
    for (const Value& item : items) {
      if (full()) return;
      if (!first) out_->push_back(',');
      first = false;
      Write(item);
    }
    out_->push_back(']');
  }

  void WriteMap(const Value::Map& members) {
    out_->push_back('{');
    bool first = true;
    for (const auto& [key, value] : members) {
      if (full()) return;
      if (!first) out_->push_back(',');
      first = false;
      WriteString(key);
      out_->push_back(':');
      Write(value);
    }
    out_->push_back('}');
  }

  const size_t bytes_max_;
  std::string* const out_;
};

// Up to so many members of a map are looked through one after the other.
constexpr size_t kScannedMembersMax = 8;

bool KeyLess(const Value::Member& a, const Value::Member& b) { return a.first < b.first; }

bool KeysRise(const Value::Map& members) {
  return std::adjacent_find(members.begin(), members.end(),
                            [](const Value::Member& a, const Value::Member& b) {
                              return !KeyLess(a, b);
                            }) == members.end();
}

}  // namespace

Value Value::Bool(bool b) {
  Value value;
  value.kind_ = Kind::kBool;
  value.data_.b = b;
  return value;
}

Value Value::Number(double number) {
  constexpr double kMax = std::numeric_limits<double>::max();
  SWOOSH_CHECK(number >= -kMax && number <= kMax);
  Value value;
  value.kind_ = Kind::kNumber;
  value.data_.number = number == 0 ? 0.0 : number;
  return value;
}

Value Value::String(std::string utf8) {
  auto* const body = new StringBody;
  body->utf8 = std::move(utf8);
  body->encoded_bytes = AddSaturated(1, EncodedStringBytes(body->utf8.size()));
  return Value(Kind::kString, body);
}

Value Value::OfList(List items) {
  auto* const body = new ListBody;
  size_t bytes = 1 + VarintBytes(items.size());
  int depth = 0;
  for (const Value& item : items) {
    bytes = AddSaturated(bytes, item.encoded_bytes());
    depth = std::max(depth, item.depth());
  }
  body->items = std::move(items);
  body->encoded_bytes = bytes;
  body->depth = depth + 1;
  return Value(Kind::kList, body);
}

Value Value::OfMap(Map members) {
  if (!KeysRise(members)) {
    std::sort(members.begin(), members.end(), KeyLess);
    SWOOSH_CHECK(KeysRise(members));
  }
  auto* const body = new MapBody;
  size_t bytes = 1 + VarintBytes(members.size());
  int depth = 0;
  for (const auto& [key, member] : members) {
    bytes = AddSaturated(bytes, EncodedStringBytes(key.size()));
    bytes = AddSaturated(bytes, member.encoded_bytes());
    depth = std::max(depth, member.depth());
  }
  body->members = std::move(members);
  body->encoded_bytes = bytes;
  body->depth = depth + 1;
  return Value(Kind::kMap, body);
}

void Value::Release() {
  // Acquire: what the others did with the content comes before its end.
  if (data_.body->holders.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  switch (kind_) {
    case Kind::kString:
      delete static_cast<const StringBody*>(data_.body);
      return;
    case Kind::kList:
      delete static_cast<const ListBody*>(data_.body);
      return;
    case Kind::kMap:
      delete static_cast<const MapBody*>(data_.body);
      return;
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kNumber:
      return;
  }
}

const Value* Value::Find(absl::string_view key) const {
  if (!is_map()) return nullptr;
  const Map& members = as_map();
  if (members.size() <= kScannedMembersMax) {
    const auto at = std::find_if(members.begin(), members.end(),
                                 [key](const Member& member) { return member.first == key; });
    return at != members.end() ? &at->second : nullptr;
  }
  const auto at = std::lower_bound(
      members.begin(), members.end(), key,
      [](const Member& member, absl::string_view wanted) { return member.first < wanted; });
  return at != members.end() && at->first == key ? &at->second : nullptr;
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return a.as_bool() == b.as_bool();
    case Value::Kind::kNumber:
      return a.as_number() == b.as_number();
    case Value::Kind::kString:
      return &a.as_string() == &b.as_string() || a.as_string() == b.as_string();
    case Value::Kind::kList:
      return &a.as_list() == &b.as_list() ||
             (a.encoded_bytes() == b.encoded_bytes() && a.as_list() == b.as_list());
    case Value::Kind::kMap:
      return &a.as_map() == &b.as_map() ||
             (a.encoded_bytes() == b.encoded_bytes() && a.as_map() == b.as_map());
  }
  return false;
}

absl::string_view KindName(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBool:
      return "boolean";
    case Value::Kind::kNumber:
      return "number";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kMap:
      return "map";
  }
  return "";
}

std::string ToJsonText(const Value& value, size_t bytes_max) {
  static constexpr absl::string_view kCut = "…";
  std::string text;
  JsonWriter(bytes_max, &text).Write(value);
  if (text.size() <= bytes_max) return text;
  text.resize(Utf8PrefixBytes(text, bytes_max < kCut.size() ? 0 : bytes_max - kCut.size()));
  text.append(kCut.data(), kCut.size());
  return text;
}

}  // namespace swoosh
