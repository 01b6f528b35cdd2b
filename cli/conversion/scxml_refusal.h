#ifndef SWOOSH_CLI_CONVERSION_SCXML_REFUSAL_H_
#define SWOOSH_CLI_CONVERSION_SCXML_REFUSAL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/scxml_document.h"

// Why a chart in SCXML is not imported. Nothing is ever left out: what a machine can't express is
// refused by one of these.
namespace swoosh {

enum class ScxmlRefusal : uint8_t {
  kXml,               // not well-formed XML, or a part of XML that is not read, as a DOCTYPE
  kElement,           // an element that SCXML doesn't have, or not there, or one too many or few
  kAttribute,         // an attribute that is not known, is missing, or contradicts another
  kText,              // text where none belongs
  kId,                // an id that is no name of a state here, or stands twice
  kTarget,            // a target or initial state that doesn't exist
  kEvent,             // an event's name that is none here
  kDatamodel,         // neither "ecmascript" nor "null"
  kLateBinding,       // data of a state, bound when it is entered first
  kDataSrc,           // a value, script or content from another file
  kData,              // a value that is not known before the machine runs
  kContent,           // XML as a value
  kExpression,        // an expression that is not ECMAScript, or has no equal among ours
  kParam,             // a parameter that always fails: it would be left out
  kScript,            // ECMAScript's statements
  kForeach,           // loops
  kInvoke,            // other services
  kSendTarget,        // an event for someone else
  kSendType,          // another event processor
  kEventExpression,   // an event's name that is computed
  kDelay,             // a delay that is none in CSS2, or a computed one without a unit
  kIdLocation,        // a send's generated id
  kSendIdExpression,  // cancel by a computed id
  kInitialContent,    // actions in a default initial transition
  kHistoryContent,    // actions in a history's default transition
  kHistoryDefault,    // a history without a default
  kSeveralBlocks,     // several blocks of actions, where one that fails must not stop the next
  kMachine,           // what came out is refused by the server
};

// The name that stands in messages and tables: "SEND_TARGET".
absl::string_view ScxmlRefusalName(ScxmlRefusal refusal);

// kInvalidArgument: "PATH:LINE: <ELEMENT>: REASON [NAME]".
absl::Status Refuse(absl::string_view path, const XmlElement& element, ScxmlRefusal refusal,
                    absl::string_view reason);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_REFUSAL_H_
