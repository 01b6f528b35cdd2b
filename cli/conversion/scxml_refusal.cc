#include "cli/conversion/scxml_refusal.h"

#include "absl/strings/str_cat.h"

namespace swoosh {

absl::string_view ScxmlRefusalName(ScxmlRefusal refusal) {
  switch (refusal) {
    case ScxmlRefusal::kXml:
      return "XML";
    case ScxmlRefusal::kElement:
      return "ELEMENT";
    case ScxmlRefusal::kAttribute:
      return "ATTRIBUTE";
    case ScxmlRefusal::kText:
      return "TEXT";
    case ScxmlRefusal::kId:
      return "ID";
    case ScxmlRefusal::kTarget:
      return "TARGET";
    case ScxmlRefusal::kEvent:
      return "EVENT";
    case ScxmlRefusal::kDatamodel:
      return "DATAMODEL";
    case ScxmlRefusal::kLateBinding:
      return "LATE_BINDING";
    case ScxmlRefusal::kDataSrc:
      return "DATA_SRC";
    case ScxmlRefusal::kData:
      return "DATA";
    case ScxmlRefusal::kContent:
      return "CONTENT";
    case ScxmlRefusal::kExpression:
      return "EXPRESSION";
    case ScxmlRefusal::kParam:
      return "PARAM";
    case ScxmlRefusal::kScript:
      return "SCRIPT";
    case ScxmlRefusal::kForeach:
      return "FOREACH";
    case ScxmlRefusal::kInvoke:
      return "INVOKE";
    case ScxmlRefusal::kSendTarget:
      return "SEND_TARGET";
    case ScxmlRefusal::kSendType:
      return "SEND_TYPE";
    case ScxmlRefusal::kEventExpression:
      return "EVENT_EXPRESSION";
    case ScxmlRefusal::kDelay:
      return "DELAY";
    case ScxmlRefusal::kIdLocation:
      return "ID_LOCATION";
    case ScxmlRefusal::kSendIdExpression:
      return "SEND_ID_EXPRESSION";
    case ScxmlRefusal::kInitialContent:
      return "INITIAL_CONTENT";
    case ScxmlRefusal::kHistoryContent:
      return "HISTORY_CONTENT";
    case ScxmlRefusal::kHistoryDefault:
      return "HISTORY_DEFAULT";
    case ScxmlRefusal::kSeveralBlocks:
      return "SEVERAL_BLOCKS";
    case ScxmlRefusal::kMachine:
      return "MACHINE";
  }
  return "UNKNOWN";
}

absl::Status Refuse(absl::string_view path, const XmlElement& element, ScxmlRefusal refusal,
                    absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", element.line, ": <", element.name,
                                                 ">: ", reason, " [", ScxmlRefusalName(refusal),
                                                 "]"));
}

}  // namespace swoosh
