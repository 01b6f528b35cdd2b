#ifndef SWOOSH_CLI_CONVERSION_SCXML_DOCUMENT_H_
#define SWOOSH_CLI_CONVERSION_SCXML_DOCUMENT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// XML as SCXML needs it: elements with lines, namespaces resolved. The only one that knows the
// library underneath.
namespace swoosh {

inline constexpr size_t kScxmlBytesMax = 4 << 20;
inline constexpr int kXmlDepthMax = 200;

struct XmlAttribute {
  std::string name;  // with its prefix, if it has one; "swoosh:name" in our own namespace
  std::string value;
};

struct XmlElement {
  std::string
      name;  // the local name in SCXML's namespace; as written in any other, "swoosh:name" in ours
  bool foreign = false;                  // of another namespace
  int line = 0;                          // from 1
  std::vector<XmlAttribute> attributes;  // without declarations of namespaces, xml:* and xsi:*
  std::vector<XmlElement> children;
  std::string text;  // all character data that stands directly in it

  // The attribute's value, or nullptr.
  const std::string* Find(absl::string_view attribute) const;
  // Whether it has text other than white space.
  bool has_text() const;
};

// The root element of a document in UTF-8. An element without a namespace counts as SCXML's.
// Comments and processing instructions are skipped.
//
// kInvalidArgument, "PATH:LINE: reason [XML]": not well-formed, a DOCTYPE, an unknown entity,
// another encoding, an attribute that stands twice, more than kScxmlBytesMax bytes, nesting beyond
// kXmlDepthMax. Thread-safe.
absl::StatusOr<XmlElement> ParseXml(absl::string_view path, absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_DOCUMENT_H_
