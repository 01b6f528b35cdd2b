#ifndef SWOOSH_CLI_DOCUMENT_H_
#define SWOOSH_CLI_DOCUMENT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// A JSON or YAML text as a tree that knows where in the text everything stands: what the strict
// reader (message_reader.h) works on. Thread-safe.
namespace swoosh {

// Nesting of lists and maps. A definition of the greatest depth needs some 80.
inline constexpr int kDocumentDepthMax = 200;
inline constexpr size_t kDocumentBytesMax = 16 * 1024 * 1024;
// With anchors expanded: a few lines of YAML can stand for any number.
inline constexpr size_t kDocumentNodesMax = 2'000'000;

// A place in a text, from 1; columns count characters. 0 = not known.
struct Position {
  int line = 0;
  int column = 0;
};

// "12:3"
std::string ToString(const Position& position);

// A value in a text. Numbers keep their digits, so that whoever reads one can tell whether a double
// holds it.
struct Node {
  enum class Kind { kNull, kBool, kNumber, kString, kList, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  // of a string; of a number, in JSON's syntax
  Position position;
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of a map, as they stand; no key twice
};
struct Node::Member {
  std::string key;
  Position position;
  Node value;
};

// "null", "a boolean", "a number", "text", "a list" or "a map": for messages.
absl::string_view KindName(Node::Kind kind);

// kInvalidArgument, "LINE:COLUMN: what is wrong".
absl::Status TextError(const Position& position, absl::string_view what);

// A text that is one value by RFC 8259. kInvalidArgument as of TextError: not JSON, a key that
// stands twice in a map, invalid UTF-8, half a surrogate pair, or past a bound above. A byte order
// mark at the beginning is passed over.
absl::StatusOr<Node> ParseJson(absl::string_view text);

// The number's double. kInvalidArgument without a position: one of 2^53 or more in magnitude, which
// a double can't tell from its neighbours (the server refuses it too), or one so small that it
// would become 0. Decimals are rounded to the nearest double, as everywhere.
absl::StatusOr<double> ToDouble(absl::string_view number);

}  // namespace swoosh

#endif  // SWOOSH_CLI_DOCUMENT_H_
