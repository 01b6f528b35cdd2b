#ifndef SWOOSH_CLI_CONVERSION_SCXML_CHART_H_
#define SWOOSH_CLI_CONVERSION_SCXML_CHART_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/conversion/ecmascript.h"
#include "cli/conversion/scxml_document.h"
#include "cli/conversion/scxml_expressions.h"
#include "cli/conversion/scxml_refusal.h"
#include "core/value.h"

namespace swoosh {

// What holds for a whole chart while it is imported: the names in it, the datamodel, and how its
// expressions are read. Refers to the document, which must outlive it. Not thread-safe.
class ScxmlChart {
 public:
  enum class Language : uint8_t {
    kEcmascript,
    kNull,    // In() only
    kSwoosh,  // ours, as they stand
  };

  // A value of the datamodel that SCXML computes at the start, and fails to.
  struct FailingData {
    const XmlElement* element;
    std::string location;
    std::string value;
  };

  ScxmlChart(absl::string_view path, const XmlElement& root) : path_(path), root_(root) {}

  // Reads ids and datamodel. kInvalidArgument as of Refuse, as do all the others.
  absl::Status Read();

  Language language() const { return language_; }
  // Of a state, parallel, final or history: as written, or made.
  const std::string& IdOf(const XmlElement& element) const { return ids_.at(&element); }
  bool HasState(absl::string_view id) const { return scope_.states.contains(id); }
  // An id that no state has: `wish`, or with a number after it.
  std::string UnusedId(absl::string_view wish) const;
  // Of our own language: the root's id, where <scxml> is the root.
  std::string swoosh_root_id() const;
  const Value& context() const { return context_; }
  const std::vector<FailingData>& failing_data() const { return failing_data_; }
  // Whether an expression that was asked for so far may fail.
  bool may_fail() const { return may_fail_; }
  // Of something that is no failing expression, as a delay below zero.
  void NoteFailure() { may_fail_ = true; }

  // Expressions of ours for those in the chart, checked. `element` is where `text` stands.
  absl::StatusOr<EsTranslation> TranslateValue(const XmlElement& element, absl::string_view text);
  absl::StatusOr<EsTranslation> TranslateCondition(const XmlElement& element,
                                                   absl::string_view text);
  absl::StatusOr<EsTranslation> TranslateLocation(const XmlElement& element,
                                                  absl::string_view text);
  // The same of what was parsed already.
  absl::StatusOr<EsTranslation> TranslateNode(const XmlElement& element, const EsNode& node);
  absl::StatusOr<EsTranslation> TranslatePlace(const XmlElement& element, const EsNode& node);
  // The element's own text as a value: JSON, else a string with its white space made single.
  absl::StatusOr<EsTranslation> TranslateText(const XmlElement& element) const;
  absl::StatusOr<EsNode> ParseExpression(const XmlElement& element, absl::string_view text) const;
  absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> ParseScript(
      const XmlElement& element) const;

  absl::Status Refuse(const XmlElement& element, ScxmlRefusal refusal,
                      absl::string_view reason) const {
    return swoosh::Refuse(path_, element, refusal, reason);
  }
  // That the element has no attribute but these, and no text. Those of xml: and xsi: don't count.
  absl::Status CheckForm(const XmlElement& element,
                         absl::Span<const absl::string_view> attributes) const;
  // For an element that may not stand where it does, or is not known.
  absl::Status RefuseElement(const XmlElement& element) const;

 private:
  absl::Status ReadLanguage();
  absl::Status ReadIds(const XmlElement& parent);
  absl::Status MakeIds(const XmlElement& parent);
  absl::Status CollectData(const XmlElement& parent);
  absl::Status ReadData();
  absl::Status ReadDatum(const XmlElement& element, const Value::Map& members, Value* value);
  absl::StatusOr<EsTranslation> TranslateDatum(const XmlElement& element);
  void CollectExpressions(const XmlElement& element);
  void InferKinds();
  absl::Status CheckAliases() const;
  absl::StatusOr<EsTranslation> Checked(const XmlElement& element,
                                        absl::StatusOr<EsTranslation> translation);

  struct Assignment {
    const XmlElement* element;
    EsNode place;
    EsNode value;
  };

  const std::string path_;
  const XmlElement& root_;
  Language language_ = Language::kEcmascript;
  EsScope scope_;
  absl::flat_hash_map<const XmlElement*, std::string> ids_;
  std::vector<const XmlElement*> data_;
  std::vector<Assignment> assignments_;
  Value context_;
  std::vector<FailingData> failing_data_;
  bool may_fail_ = false;
};

// Attributes of our own, as scxml.md says.
inline constexpr char kSwooshRoot[] = "swoosh:root";
inline constexpr char kSwooshRetention[] = "swoosh:retention";
inline constexpr char kSwooshAfter[] = "swoosh:after";
inline constexpr char kSwooshAfterExpression[] = "swoosh:after_expression";
inline constexpr char kSwooshExternalGuard[] = "swoosh:external_guard";
inline constexpr char kSwooshEdgeId[] = "swoosh:id";

// Whether the element is a state, parallel, final or history.
bool IsScxmlState(const XmlElement& element);

// The words of an attribute that is a list; none when it is absent.
std::vector<std::string> ScxmlWords(const std::string* attribute);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_CHART_H_
