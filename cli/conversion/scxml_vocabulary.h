#ifndef SWOOSH_CLI_CONVERSION_SCXML_VOCABULARY_H_
#define SWOOSH_CLI_CONVERSION_SCXML_VOCABULARY_H_

// What `machine export --format scxml` writes beyond the W3C's elements, and `machine import` reads
// again. scxml.md describes it.
namespace swoosh {

inline constexpr char kScxmlNamespace[] = "http://www.w3.org/2005/07/scxml";
inline constexpr char kSwooshXmlNamespace[] = "urn:swoosh:scxml:1";
// The prefix that the export binds to it.
inline constexpr char kSwooshXmlPrefix[] = "swoosh";
// The datamodel whose expressions are those of core/expression.md.
inline constexpr char kSwooshDatamodel[] = "swoosh";
// The target of a <send> that is a raise with data.
inline constexpr char kScxmlInternalTarget[] = "#_internal";

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_VOCABULARY_H_
