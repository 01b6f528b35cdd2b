#ifndef SWOOSH_CORE_VALUE_H_
#define SWOOSH_CORE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

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
  static Value Bool(bool b);
  // Requires a finite number; -0 becomes 0.
  static Value Number(double number);
  static Value String(std::string utf8);
  static Value OfList(List items);
  // Sorts the members. Requires that no key stands twice.
  static Value OfMap(Map members);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_number() const { return kind() == Kind::kNumber; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_map() const { return kind() == Kind::kMap; }

  // Nesting of lists and maps: 0 for the other kinds, 1 for [], 2 for [[]]. O(1).
  int depth() const;
  // Size of the canonical encoding (core/canonical.h), counting shared content as often as it
  // appears; 2^48 when it is that or more. O(1).
  size_t encoded_bytes() const;

  // Each requires its kind.
  bool as_bool() const { return std::get<bool>(data_); }
  double as_number() const { return std::get<double>(data_); }
  const std::string& as_string() const {
    return *std::get<std::shared_ptr<const std::string>>(data_);
  }
  const List& as_list() const { return std::get<std::shared_ptr<const ListBody>>(data_)->items; }
  const Map& as_map() const { return std::get<std::shared_ptr<const MapBody>>(data_)->members; }

  // The member of a map, or nullptr when there is none or this is no map.
  const Value* Find(absl::string_view key) const;

  // Deep equality. Numbers compare as doubles.
  friend bool operator==(const Value& a, const Value& b);
  friend bool operator!=(const Value& a, const Value& b) { return !(a == b); }

 private:
  struct ListBody {
    List items;
    size_t encoded_bytes;
    int depth;
  };
  struct MapBody {
    Map members;
    size_t encoded_bytes;
    int depth;
  };

  // The order of the alternatives is that of Kind.
  std::variant<std::monostate, bool, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const ListBody>, std::shared_ptr<const MapBody>>
      data_;
};

// "null", "boolean", "number", "string", "list" or "map": for messages.
absl::string_view KindName(Value::Kind kind);

// One line of JSON: keys in order, shortest digits that read back as the same double (integral
// values below 1e17 without exponent or point). Longer than `bytes_max` it is cut between two
// characters, and ends in "…", which counts.
std::string ToJsonText(const Value& value, size_t bytes_max = SIZE_MAX);

}  // namespace swoosh

#endif  // SWOOSH_CORE_VALUE_H_
