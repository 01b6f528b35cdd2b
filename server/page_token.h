#ifndef SWOOSH_SERVER_PAGE_TOKEN_H_
#define SWOOSH_SERVER_PAGE_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace swoosh {

// Where the next page of a list begins.
struct PagePosition {
  uint64_t index = 0;  // of the state or record
  std::string key;     // in it; as the list needs it
};

// As text for `next_page_token`: opaque to clients, and bound to the arguments of `request`, a
// message with the fields page_token and page_size, which don't count. A server of another version
// need not take it.
std::string EncodePageToken(const google::protobuf::Message& request, const PagePosition& position);

// The reverse, for a request whose page_token is not "". kInvalidArgument, INVALID_FIELD of
// page_token: it is none of ours, or was made for other arguments.
absl::StatusOr<PagePosition> DecodePageToken(const google::protobuf::Message& request,
                                             absl::string_view token);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_PAGE_TOKEN_H_
