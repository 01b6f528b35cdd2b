#ifndef SWOOSH_SERVER_REQUEST_VALIDATION_H_
#define SWOOSH_SERVER_REQUEST_VALIDATION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/orchestrator.pb.h"

// What can be said about a request without the state. Whatever is refused here is kInvalidArgument
// with the field's path. Thread-safe.
namespace swoosh {

inline constexpr char kDefaultNamespace[] = "default";
inline constexpr int kPageSizeDefault = 100;
inline constexpr int kPageSizeMax = 1'000;
// The filters of a watch or listing are compared with every change that passes.
inline constexpr int kFilterValuesMax = 1'000;

// The namespace meant: "" is "default".
absl::StatusOr<std::string> CheckNamespace(absl::string_view ns);

// An instance's id or a machine's name.
absl::Status CheckInstanceId(absl::string_view id, absl::string_view field);
absl::Status CheckMachineName(absl::string_view name, absl::string_view field);

absl::Status CheckView(v1::View view);

// How many entries a page may have: 0 is the default.
absl::StatusOr<int> CheckPageSize(int page_size);

// No more than kFilterValuesMax of them.
absl::Status CheckFilter(int count, absl::string_view field);

// Makes a proposal fit for the executor: replaces the namespace "", and checks namespace,
// request_id, view, the number of transitions, that each has a kind which a client may send, and
// that there is no unknown field anywhere in one (UNKNOWN_FIELD).
absl::Status PrepareProposal(v1::SubmitRequest* request);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_REQUEST_VALIDATION_H_
