#ifndef SWOOSH_SERVER_REQUEST_PARSING_H_
#define SWOOSH_SERVER_REQUEST_PARSING_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace swoosh {

// Says why `bytes`, which did not parse as a message of `type`, are refused: kInvalidArgument that
// names the first string field which is not UTF-8, as in "transitions[0].send_event.event", or else
// says that the bytes are no such message.
absl::Status ExplainParseFailure(absl::string_view bytes, const google::protobuf::Descriptor& type);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_REQUEST_PARSING_H_
