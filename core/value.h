#ifndef SWOOSH_CORE_VALUE_H_
#define SWOOSH_CORE_VALUE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/check.h"

namespace swoosh {

// The deepest nesting of lists and maps (see Value::depth) that is read, decoded or computed. Far
// below what protobuf's recursion limit of 100 messages leaves, since a level of a Struct is three
// messages and a record or an answer adds its own: a value that was accepted can always be read
// back.
inline constexpr int kValueDepthMax = 24;

// A JSON value: null, boolean, number (IEEE 754 double, always finite, never -0), string (UTF-8),
// list, or map (string keys, kept in byte order, unique).
//
// Immutable once built, and cheap to copy: strings, lists and maps are shared. Distinct values
// sharing content may be used from different threads.
class Value {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kList, kMap };
  using List = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Map = std::vector<Member>;  // Sorted by key, no key twice.

  Value() = default;  // null
  Value(const Value& other) : kind_(other.kind_), data_(other.data_) {
    if (is_shared()) data_.body->holders.fetch_add(1, std::memory_order_relaxed);
  }
  Value(Value&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::kNull)), data_(other.data_) {}
  Value& operator=(const Value& other) { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Value() {
    if (is_shared()) Release();
  }

  static Value Bool(bool b);
  // Requires a finite number; -0 becomes 0.
  static Value Number(double number);
  static Value String(std::string utf8);
  static Value OfList(List items);
  // Sorts the members. Requires that no key stands twice.
  static Value OfMap(Map members);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_map() const { return kind_ == Kind::kMap; }

  // Nesting of lists and maps: 0 for the other kinds, 1 for [], 2 for [[]]. O(1).
  int depth() const { return is_shared() ? data_.body->depth : 0; }
  // Size of the canonical encoding (core/canonical.h), counting shared content as often as it
  // appears; 2^48 when it is that or more. O(1).
  size_t encoded_bytes() const {
    if (is_shared()) return data_.body->encoded_bytes;
    return is_number() ? 1 + sizeof(double) : 1;
  }

  // Each requires its kind.
  bool as_bool() const {
    SWOOSH_CHECK(is_bool());
    return data_.b;
  }
  double as_number() const {
    SWOOSH_CHECK(is_number());
    return data_.number;
  }
  const std::string& as_string() const {
    SWOOSH_CHECK(is_string());
    return static_cast<const StringBody*>(data_.body)->utf8;
  }
  const List& as_list() const {
    SWOOSH_CHECK(is_list());
    return static_cast<const ListBody*>(data_.body)->items;
  }
  const Map& as_map() const {
    SWOOSH_CHECK(is_map());
    return static_cast<const MapBody*>(data_.body)->members;
  }

  // The member of a map, or nullptr when there is none or this is no map.
  const Value* Find(absl::string_view key) const;

  // Deep equality. Numbers compare as doubles.
  friend bool operator==(const Value& a, const Value& b);
  friend bool operator!=(const Value& a, const Value& b) { return !(a == b); }

 private:
  // What the copies of a string, list or map share; the last one to go deletes it.
  struct Body {
    mutable std::atomic<uint32_t> holders{1};
    int depth = 0;
    size_t encoded_bytes = 0;
  };
  struct StringBody : Body {
    std::string utf8;
  };
  struct ListBody : Body {
    List items;
  };
  struct MapBody : Body {
    Map members;
  };
  // Where a std::variant of shared pointers would call a visitor for each copy and end.
  union Data {
    bool b;
    double number;
    const Body* body;
  };

  Value(Kind kind, const Body* body) : kind_(kind) { data_.body = body; }
  bool is_shared() const { return kind_ >= Kind::kString; }
  void Release();

  Kind kind_ = Kind::kNull;
  Data data_ = {};
};

// "null", "boolean", "number", "string", "list" or "map": for messages.
absl::string_view KindName(Value::Kind kind);

// One line of JSON: keys in order, shortest digits that read back as the same double (integral
// values below 1e17 without exponent or point). Longer than `bytes_max` it is cut between two
// characters, and ends in "…", which counts.
std::string ToJsonText(const Value& value, size_t bytes_max = SIZE_MAX);

}  // namespace swoosh

#endif  // SWOOSH_CORE_VALUE_H_
