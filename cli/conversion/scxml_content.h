#ifndef SWOOSH_CLI_CONVERSION_SCXML_CONTENT_H_
#define SWOOSH_CLI_CONVERSION_SCXML_CONTENT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/scxml_chart.h"
#include "cli/conversion/scxml_document.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// Imports executable content: what stands in <onentry>, <onexit>, <transition> and <if>. Refers to
// the chart. Every error is a refusal (scxml_refusal.h). Not thread-safe.
class ScxmlContent {
 public:
  using Actions = google::protobuf::RepeatedPtrField<v1::Action>;

  explicit ScxmlContent(ScxmlChart* chart) : chart_(*chart) {}

  // The actions for the element's children. Whether they may fail is told by `fails`, unless null.
  absl::Status ImportBlock(const XmlElement& parent, Actions* actions, bool* fails = nullptr);

  // What <donedata> gives: an expression.
  absl::StatusOr<std::string> ImportDoneData(const XmlElement& element);

 private:
  absl::Status ImportAction(const XmlElement& element, Actions* actions);
  absl::Status ImportAssign(const XmlElement& element, Actions* actions);
  absl::Status ImportScript(const XmlElement& element, Actions* actions);
  absl::Status ImportRaise(const XmlElement& element, Actions* actions);
  absl::Status ImportLog(const XmlElement& element, Actions* actions);
  absl::Status ImportEmit(const XmlElement& element, Actions* actions);
  absl::Status ImportCancel(const XmlElement& element, Actions* actions);
  absl::Status ImportIf(const XmlElement& element, Actions* actions);
  absl::Status AddBranch(const XmlElement& element, v1::Choose* choose);
  absl::Status ImportSend(const XmlElement& element, Actions* actions);
  absl::Status ImportDelay(const XmlElement& element, v1::Send* send);
  absl::Status ImportDelayExpression(const XmlElement& element, absl::string_view text,
                                     v1::Send* send);
  absl::Status CheckDestination(const XmlElement& element, bool* internal);

  // The value of an attribute, or of the constant that another one computes; "" without both.
  absl::StatusOr<std::string> Constant(const XmlElement& element, absl::string_view attribute,
                                       absl::string_view expression, ScxmlRefusal refusal);
  absl::StatusOr<std::string> EventName(const XmlElement& element, absl::string_view name);
  // An expression for <content>, or namelist and <param>; "" without any.
  absl::StatusOr<std::string> ImportData(const XmlElement& element);
  absl::StatusOr<std::string> ImportContent(const XmlElement& element);
  absl::Status ImportNameList(const XmlElement& element,
                              std::vector<std::pair<std::string, std::string>>* members);
  absl::Status ImportParam(const XmlElement& element,
                           std::vector<std::pair<std::string, std::string>>* members);
  void AddAssign(const EsTranslation& place, const EsTranslation& value, Actions* actions);
  void Note(EsFails fails) { fails_ = fails_ || fails != EsFails::kNever; }

  ScxmlChart& chart_;
  bool fails_ = false;  // whether an expression in the block may fail
};

// A delay as CSS2 writes times: "1s", "500ms", ".5s". False when it is none, or above 10,000 years.
bool ParseScxmlDelay(absl::string_view text, google::protobuf::Duration* delay);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_CONTENT_H_
