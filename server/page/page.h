#ifndef SWOOSH_SERVER_PAGE_PAGE_H_
#define SWOOSH_SERVER_PAGE_PAGE_H_

#include "absl/strings/string_view.h"
#include "server/http/http_connection.h"

// The page for people, at the HTTP port. It is files only: what it shows, it asks of the API. So it
// needs no authorisation, and holds nothing that would. Thread-safe.
namespace swoosh {

// Whether a path is the page's: "/", or one under "/page/".
bool IsPagePath(absl::string_view path);

// The answer to a GET of such a path; 404 when there is no such file. `if_none_match` and
// `accept_encoding` are the values of those headers, or "": the answer is 304 when the browser has
// the file already, and compressed when it takes that.
HttpAnswer AnswerFromPage(absl::string_view path, absl::string_view if_none_match,
                          absl::string_view accept_encoding);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_PAGE_PAGE_H_
