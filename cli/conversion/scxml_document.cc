#include "cli/conversion/scxml_document.h"

#include <tinyxml2.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/conversion/scxml_vocabulary.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

constexpr absl::string_view kInstanceNamespace = "http://www.w3.org/2001/XMLSchema-instance";
constexpr absl::string_view kSpaces = " \t\r\n";

// The namespaces in force: from prefix ("" is the default one) to URI.
using Namespaces = absl::flat_hash_map<std::string, std::string>;

// A qualified name's prefix, "" without one, and what follows.
std::pair<absl::string_view, absl::string_view> SplitName(absl::string_view name) {
  const size_t colon = name.find(':');
  if (colon == absl::string_view::npos) return {"", name};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

// The entity between & and ;, appended; false when it is unknown.
bool AppendEntity(absl::string_view entity, std::string* out) {
  constexpr std::pair<absl::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [name, character] : kNamed) {
    if (entity == name) {
      out->push_back(character);
      return true;
    }
  }
  uint32_t code = 0;
  if (absl::ConsumePrefix(&entity, "#x")) {
    if (entity.empty() || !std::all_of(entity.begin(), entity.end(), absl::ascii_isxdigit) ||
        !absl::SimpleHexAtoi(entity, &code)) {
      return false;
    }
  } else if (!absl::ConsumePrefix(&entity, "#") || entity.empty() ||
             !std::all_of(entity.begin(), entity.end(), absl::ascii_isdigit) ||
             !absl::SimpleAtoi(entity, &code)) {
    return false;
  }
  return code != 0 && AppendCodePoint(code, out);
}

class Reader {
 public:
  explicit Reader(absl::string_view path) : path_(path) {}

  absl::StatusOr<XmlElement> Read(absl::string_view text);

 private:
  absl::Status Error(int line, absl::string_view reason) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ":", line, ": ", reason, " [XML]"));
  }

  absl::Status CheckBytes(absl::string_view text) const;
  absl::Status CheckDeclaration(const tinyxml2::XMLDeclaration& declaration) const;
  absl::Status ReadElement(const tinyxml2::XMLElement& from, Namespaces namespaces, int depth,
                           XmlElement* element) const;
  absl::Status ReadAttributes(const tinyxml2::XMLElement& from, Namespaces* namespaces,
                              XmlElement* element) const;
  absl::Status ReadName(absl::string_view qualified, const Namespaces& namespaces,
                        XmlElement* element) const;
  absl::Status ReadText(const tinyxml2::XMLText& from, XmlElement* element) const;
  absl::StatusOr<std::string> Decode(int line, absl::string_view raw) const;

  const absl::string_view path_;
};

absl::Status Reader::CheckBytes(absl::string_view text) const {
  if (text.size() > kScxmlBytesMax) {
    return Error(1, absl::StrCat("more than ", kScxmlBytesMax, " bytes"));
  }
  if (!IsValidUtf8(text)) return Error(1, "the text is not UTF-8");
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (absl::ascii_iscntrl(c) && !absl::StrContains(kSpaces, c) && c != '\x7f') {
      return Error(line, "a control character");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<XmlElement> Reader::Read(absl::string_view text) {
  if (absl::Status status = CheckBytes(text); !status.ok()) return status;
  // Entities are left to us: the library would pass over those that it doesn't know.
  tinyxml2::XMLDocument document(/*processEntities=*/false);
  if (document.Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS) {
    return Error(std::max(document.ErrorLineNum(), 1),
                 absl::StrCat("not well-formed: ",
                              tinyxml2::XMLDocument::ErrorIDToName(document.ErrorID())));
  }
  std::optional<XmlElement> root;
  for (const tinyxml2::XMLNode* node = document.FirstChild(); node != nullptr;
       node = node->NextSibling()) {
    const int line = std::max(node->GetLineNum(), 1);
    if (const tinyxml2::XMLDeclaration* declaration = node->ToDeclaration()) {
      if (absl::Status status = CheckDeclaration(*declaration); !status.ok()) return status;
    } else if (const tinyxml2::XMLElement* element = node->ToElement()) {
      if (root.has_value()) return Error(line, "a second root element");
      root.emplace();
      if (absl::Status status = ReadElement(*element, {}, 1, &*root); !status.ok()) return status;
    } else if (node->ToComment() == nullptr) {
      return Error(line, node->ToUnknown() != nullptr ? "a DOCTYPE is not read"
                                                      : "text outside the root element");
    }
  }
  if (!root.has_value()) return Error(1, "no root element");
  return *std::move(root);
}

absl::Status Reader::CheckDeclaration(const tinyxml2::XMLDeclaration& declaration) const {
  const std::string text = absl::AsciiStrToLower(declaration.Value());
  if (!absl::StartsWith(text, "xml ")) return absl::OkStatus();  // a processing instruction
  const size_t encoding = text.find("encoding");
  if (encoding == std::string::npos) return absl::OkStatus();
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::string_view(text).substr(encoding), absl::ByAnyChar("\"'"));
  if (parts.size() < 2 || (parts[1] != "utf-8" && parts[1] != "us-ascii")) {
    return Error(std::max(declaration.GetLineNum(), 1), "the encoding must be UTF-8");
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadElement(const tinyxml2::XMLElement& from, Namespaces namespaces, int depth,
                                 XmlElement* element) const {
  element->line = from.GetLineNum();
  if (depth > kXmlDepthMax) {
    return Error(element->line, absl::StrCat("elements nested beyond ", kXmlDepthMax));
  }
  if (absl::Status status = ReadAttributes(from, &namespaces, element); !status.ok()) return status;
  if (absl::Status status = ReadName(from.Name(), namespaces, element); !status.ok()) return status;
  for (const tinyxml2::XMLNode* node = from.FirstChild(); node != nullptr;
       node = node->NextSibling()) {
    absl::Status status;
    if (const tinyxml2::XMLElement* child = node->ToElement()) {
      status = ReadElement(*child, namespaces, depth + 1, &element->children.emplace_back());
    } else if (const tinyxml2::XMLText* text = node->ToText()) {
      status = ReadText(*text, element);
    } else if (node->ToUnknown() != nullptr) {
      status = Error(node->GetLineNum(), "a markup declaration is not read");
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadAttributes(const tinyxml2::XMLElement& from, Namespaces* namespaces,
                                    XmlElement* element) const {
  for (const tinyxml2::XMLAttribute* attribute = from.FirstAttribute(); attribute != nullptr;
       attribute = attribute->Next()) {
    // XML 1.0, 3.3.3: white space as it stands becomes blanks, a reference to it does not.
    std::string raw = attribute->Value();
    for (char& c : raw) {
      if (c == '\n' || c == '\t' || c == '\r') c = ' ';
    }
    absl::StatusOr<std::string> value = Decode(attribute->GetLineNum(), raw);
    if (!value.ok()) return value.status();
    const auto [prefix, local] = SplitName(attribute->Name());
    if (prefix == "xmlns" || attribute->Name() == absl::string_view("xmlns")) {
      (*namespaces)[prefix.empty() ? "" : local] = *std::move(value);
      continue;
    }
    if (element->Find(attribute->Name()) != nullptr) {
      return Error(attribute->GetLineNum(),
                   absl::StrCat("the attribute ", attribute->Name(), " stands twice"));
    }
    element->attributes.push_back({attribute->Name(), *std::move(value)});
  }
  for (XmlAttribute& attribute : element->attributes) {
    const auto [prefix, local] = SplitName(attribute.name);
    if (prefix.empty()) continue;
    const auto found = namespaces->find(prefix);
    if (prefix == "xml" || (found != namespaces->end() && found->second == kInstanceNamespace)) {
      attribute.name.clear();
    } else if (found == namespaces->end()) {
      return Error(from.GetLineNum(), absl::StrCat("the prefix of the attribute ", attribute.name,
                                                   " is not declared"));
    } else if (found->second == kSwooshXmlNamespace) {
      attribute.name = absl::StrCat(kSwooshXmlPrefix, ":", local);
    }
  }
  const auto says_nothing = [](const XmlAttribute& attribute) { return attribute.name.empty(); };
  element->attributes.erase(
      std::remove_if(element->attributes.begin(), element->attributes.end(), says_nothing),
      element->attributes.end());
  return absl::OkStatus();
}

absl::Status Reader::ReadName(absl::string_view qualified, const Namespaces& namespaces,
                              XmlElement* element) const {
  const auto [prefix, local] = SplitName(qualified);
  const auto found = namespaces.find(prefix);
  if (found == namespaces.end() && !prefix.empty()) {
    return Error(element->line, absl::StrCat("the prefix of <", qualified, "> is not declared"));
  }
  element->foreign =
      found != namespaces.end() && !found->second.empty() && found->second != kScxmlNamespace;
  if (element->foreign && found->second == kSwooshXmlNamespace) {
    element->name = absl::StrCat(kSwooshXmlPrefix, ":", local);
  } else {
    element->name = std::string(element->foreign ? qualified : local);
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadText(const tinyxml2::XMLText& from, XmlElement* element) const {
  if (from.CData()) {
    element->text += from.Value();
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text = Decode(from.GetLineNum(), from.Value());
  if (!text.ok()) return text.status();
  element->text += *text;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Reader::Decode(int line, absl::string_view raw) const {
  std::string decoded;
  while (!raw.empty()) {
    const size_t ampersand = std::min(raw.find('&'), raw.size());
    decoded.append(raw.data(), ampersand);
    raw.remove_prefix(ampersand);
    if (raw.empty()) break;
    const size_t end = raw.find(';');
    if (end == absl::string_view::npos || !AppendEntity(raw.substr(1, end - 1), &decoded)) {
      return Error(line,
                   absl::StrCat("an unknown entity: ", raw.substr(0, std::min<size_t>(end, 16))));
    }
    raw.remove_prefix(end + 1);
  }
  return decoded;
}

}  // namespace

const std::string* XmlElement::Find(absl::string_view attribute) const {
  for (const XmlAttribute& each : attributes) {
    if (each.name == attribute) return &each.value;
  }
  return nullptr;
}

bool XmlElement::has_text() const {
  return text.find_first_not_of(kSpaces.data()) != std::string::npos;
}

absl::StatusOr<XmlElement> ParseXml(absl::string_view path, absl::string_view text) {
  return Reader(path).Read(text);
}

}  // namespace swoosh
