#include "cli/yaml_document.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/check.h"
#include "core/utf8.h"
#include "yaml-cpp/anchor.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace swoosh {
namespace {

// What yaml-cpp calls the tag of a scalar without one.
constexpr char kPlainTag[] = "?";
constexpr char kQuotedTag[] = "!";

Position ToPosition(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Thrown at yaml-cpp, which knows no other way to be stopped, and caught in ParseYaml.
class Stop : public std::exception {
 public:
  explicit Stop(absl::Status status) : status_(std::move(status)) {}
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

[[noreturn]] void Fail(const Position& position, absl::string_view what) {
  throw Stop(TextError(position, what));
}

bool OnlyOf(absl::string_view text, absl::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == absl::string_view::npos;
}

// Removes a run of digits from the front and returns it.
absl::string_view TakeDigits(absl::string_view* text) {
  const size_t size = std::min(text->find_first_not_of("0123456789"), text->size());
  const absl::string_view digits = text->substr(0, size);
  text->remove_prefix(size);
  return digits;
}

// 0o17 and 0x1F, in decimal digits; nullopt when `plain` is neither.
std::optional<std::string> FromOctalOrHexadecimal(absl::string_view plain) {
  const bool octal = absl::StartsWith(plain, "0o");
  if (!octal && !absl::StartsWith(plain, "0x")) return std::nullopt;
  const absl::string_view digits = plain.substr(2);
  if (!OnlyOf(digits, octal ? "01234567" : "0123456789abcdefABCDEF")) return std::nullopt;
  uint64_t number = 0;
  for (char c : digits) {
    // Far beyond 2^53 already, which is what whoever reads it will say.
    if (number >> 60 != 0) return absl::StrCat("1", std::string(20, '0'));
    const int digit = absl::ascii_isdigit(static_cast<unsigned char>(c))
                          ? c - '0'
                          : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    number = number * (octal ? 8 : 16) + static_cast<uint64_t>(digit);
  }
  return absl::StrCat(number);
}

// The core schema's integers and floats, in JSON's syntax; nullopt when `plain` is neither.
std::optional<std::string> ToJsonNumber(absl::string_view plain) {
  if (std::optional<std::string> number = FromOctalOrHexadecimal(plain)) return number;
  absl::string_view rest = plain;
  std::string number;
  if (absl::ConsumePrefix(&rest, "-")) {
    number = "-";
  } else {
    absl::ConsumePrefix(&rest, "+");
  }
  absl::string_view integer = TakeDigits(&rest);
  absl::string_view fraction;
  if (absl::ConsumePrefix(&rest, ".")) fraction = TakeDigits(&rest);
  if (integer.empty() && fraction.empty()) return std::nullopt;
  integer.remove_prefix(std::min(integer.find_first_not_of('0'), integer.size()));
  absl::StrAppend(&number, integer.empty() ? "0" : integer);
  if (!fraction.empty()) absl::StrAppend(&number, ".", fraction);
  if (absl::StartsWithIgnoreCase(rest, "e")) {
    absl::string_view exponent = rest.substr(1);
    absl::string_view sign;
    if (absl::StartsWith(exponent, "-") || absl::StartsWith(exponent, "+")) {
      sign = exponent.substr(0, 1);
      exponent.remove_prefix(1);
    }
    const absl::string_view digits = TakeDigits(&exponent);
    if (digits.empty() || !exponent.empty()) return std::nullopt;
    absl::StrAppend(&number, "e", sign, digits);
    return number;
  }
  return rest.empty() ? std::optional<std::string>(number) : std::nullopt;
}

void ResolvePlain(const std::string& plain, Node* node) {
  static const auto* const kNotFinite = new absl::flat_hash_set<absl::string_view>{
      ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
      "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};
  if (plain == "null" || plain == "Null" || plain == "NULL" || plain == "~" || plain.empty()) {
    node->kind = Node::Kind::kNull;
  } else if (plain == "true" || plain == "True" || plain == "TRUE") {
    node->kind = Node::Kind::kBool;
    node->boolean = true;
  } else if (plain == "false" || plain == "False" || plain == "FALSE") {
    node->kind = Node::Kind::kBool;
  } else if (kNotFinite->contains(plain)) {
    Fail(node->position, absl::StrCat(plain, " is no JSON number; write it as text"));
  } else if (std::optional<std::string> number = ToJsonNumber(plain)) {
    node->kind = Node::Kind::kNumber;
    node->text = *std::move(number);
  } else {
    node->kind = Node::Kind::kString;
    node->text = plain;
  }
}

// YAML's printable characters, as far as they are ASCII. yaml-cpp would take others, and guess
// another encoding from zero bytes.
absl::Status CheckCharacters(absl::string_view text) {
  if (!IsValidUtf8(text)) return TextError({1, 1}, "the text is not valid UTF-8");
  Position position = {1, 1};
  for (char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      return TextError(position, "a control character");
    }
    if (c == '\n') {
      position = {position.line + 1, 1};
    } else if ((byte & 0xc0) != 0x80) {
      ++position.column;
    }
  }
  return absl::OkStatus();
}

// What yaml-cpp says of an error, which may have a byte of a longer character in it.
std::string AsText(const std::string& message) {
  return IsValidUtf8(message) ? message : absl::CHexEscape(message);
}

// Builds the tree of one document from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_count_++ > 0) Fail(ToPosition(mark), "a second document; one a file is read");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (ExpectsKey()) Fail(ToPosition(mark), "a key can't be null; put it in quotes");
    Node node;
    node.position = ToPosition(mark);
    AddLeaf(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Position position = ToPosition(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Fail(position, "an alias within what it names");
    const Anchored& anchored = found->second;
    if (ExpectsKey()) {
      if (anchored.depth > 0 || anchored.node.kind == Node::Kind::kNull) {
        Fail(position, "a key must be text");
      }
      open_.back().key = anchored.key_text;
      open_.back().key_position = position;
      return;
    }
    Count(anchored.node_count, position);
    CheckDepth(static_cast<int>(open_.size()) + anchored.depth, position);
    Node copy = anchored.node;
    copy.position = position;
    NoteDepth(anchored.depth);
    Attach(std::move(copy), anchored.node_count);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.position = ToPosition(mark);
    const bool plain = tag == kPlainTag;
    const bool text = tag == kQuotedTag || tag == "tag:yaml.org,2002:str";
    if (!plain && !text) {
      Fail(node.position, absl::StrCat("the tag ", tag, " is not supported; only !!str is"));
    }
    // yaml-cpp makes one byte of each of these two.
    if (!IsValidUtf8(value)) {
      Fail(node.position, R"(the escapes \N and \_ are not understood; write \u0085 and \u00a0)");
    }
    if (ExpectsKey()) {
      if (anchor != 0) anchors_[anchor] = Anchored{TextNode(value, node.position), value, 1, 0};
      open_.back().key = value;
      open_.back().key_position = node.position;
      return;
    }
    if (plain) {
      ResolvePlain(value, &node);
    } else {
      node = TextNode(value, node.position);
    }
    AddLeaf(std::move(node), anchor, value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, "tag:yaml.org,2002:seq", anchor, Node::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, "tag:yaml.org,2002:map", anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  bool has_root() const { return root_.has_value(); }
  Node TakeRoot() { return *std::move(root_); }

 private:
  // A list or map that is not at its end.
  struct Collection {
    Node node;
    YAML::anchor_t anchor = 0;
    size_t node_count = 1;           // with everything in it
    int depth = 1;                   // of itself and what is in it
    std::optional<std::string> key;  // of a map: whose value comes next
    Position key_position;
    absl::flat_hash_set<std::string> keys;
  };
  struct Anchored {
    Node node;
    std::string key_text;  // of a scalar, as written
    size_t node_count = 1;
    int depth = 0;
  };

  static Node TextNode(const std::string& text, const Position& position) {
    Node node;
    node.kind = Node::Kind::kString;
    node.text = text;
    node.position = position;
    return node;
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::kMap &&
           !open_.back().key.has_value();
  }

  void Count(size_t nodes, const Position& position) {
    node_count_ += nodes;
    if (node_count_ > kDocumentNodesMax) {
      Fail(position, absl::StrCat("more than ", kDocumentNodesMax, " values, aliases expanded"));
    }
  }

  static void CheckDepth(int depth, const Position& position) {
    if (depth > kDocumentDepthMax) {
      Fail(position, absl::StrCat("nested deeper than ", kDocumentDepthMax, " lists and maps"));
    }
  }

  void NoteDepth(int depth) {
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, depth + 1);
  }

  void AddLeaf(Node node, YAML::anchor_t anchor, const std::string& key_text = "") {
    Count(1, node.position);
    if (anchor != 0) anchors_[anchor] = Anchored{node, key_text, 1, 0};
    Attach(std::move(node), 1);
  }

  // Puts a whole value where it belongs.
  void Attach(Node node, size_t node_count) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Collection& parent = open_.back();
    parent.node_count += node_count;
    if (parent.node.kind == Node::Kind::kList) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    SWOOSH_CHECK(parent.key.has_value());
    if (!parent.keys.insert(*parent.key).second) {
      Fail(parent.key_position, absl::StrCat("the key \"", *parent.key, "\" stands twice"));
    }
    Node::Member member;
    member.key = *std::move(parent.key);
    member.position = parent.key_position;
    member.value = std::move(node);
    parent.key.reset();
    parent.node.members.push_back(std::move(member));
  }

  void Open(const YAML::Mark& mark, const std::string& tag, absl::string_view own_tag,
            YAML::anchor_t anchor, Node::Kind kind) {
    const Position position = ToPosition(mark);
    if (ExpectsKey()) Fail(position, "a key must be text");
    if (tag != kPlainTag && tag != kQuotedTag && !tag.empty() && tag != own_tag) {
      Fail(position, absl::StrCat("the tag ", tag, " is not supported here"));
    }
    Count(1, position);
    CheckDepth(static_cast<int>(open_.size()) + 1, position);
    Collection collection;
    collection.node.kind = kind;
    collection.node.position = position;
    collection.anchor = anchor;
    open_.push_back(std::move(collection));
  }

  void Close() {
    SWOOSH_CHECK(!open_.empty());
    Collection done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) {
      anchors_[done.anchor] = Anchored{done.node, "", done.node_count, done.depth};
    }
    NoteDepth(done.depth);
    Attach(std::move(done.node), done.node_count);
  }

  std::vector<Collection> open_;
  absl::flat_hash_map<YAML::anchor_t, Anchored> anchors_;
  std::optional<Node> root_;
  size_t node_count_ = 0;
  int document_count_ = 0;
};

}  // namespace

absl::StatusOr<Node> ParseYaml(absl::string_view text) {
  if (text.size() > kDocumentBytesMax) {
    return TextError({1, 1}, absl::StrCat("the text has ", text.size(), " bytes; at most ",
                                          kDocumentBytesMax, " are read"));
  }
  if (absl::Status status = CheckCharacters(text); !status.ok()) return status;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    if (!builder.has_root()) return TextError({1, 1}, "there is no document");
    return builder.TakeRoot();
  } catch (const Stop& stop) {
    return stop.status();
  } catch (const YAML::Exception& error) {
    return TextError(ToPosition(error.mark), AsText(error.msg));
  } catch (const std::exception& error) {
    return TextError({}, error.what());
  }
}

}  // namespace swoosh
