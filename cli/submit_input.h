#ifndef SWOOSH_CLI_SUBMIT_INPUT_H_
#define SWOOSH_CLI_SUBMIT_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/sha256.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// The largest message that a server takes; gRPC would end the whole stream for a larger one.
inline constexpr size_t kSubmitRequestBytesMax = 4 * 1024 * 1024;
// JSON takes more room than the message, but not without end.
inline constexpr size_t kSubmitLineBytesMax = 16 * 1024 * 1024;

// How far into a file something lies.
struct SubmitPlace {
  uint64_t line = 0;   // lines up to here, blank ones counted
  uint64_t bytes = 0;  // and bytes
  Digest chain = {};   // SHA-256 of the chain before and the last line: commits to all of them
};

struct SubmitLine {
  SubmitPlace end;  // after the line
  v1::SubmitRequest request;
};

// Reads proposals, one SubmitRequest in JSON a line; blank lines are passed over. Each gets the
// namespace given here where it names none, and where it has no request_id one made of the line's
// number and the chain: the same file always gives the same ids, so a request that is sent again by
// another run is applied once. One thread.
class SubmitInput {
 public:
  // "-" is standard input. kNotFound, kUnavailable.
  static absl::StatusOr<std::unique_ptr<SubmitInput>> Open(const std::string& path,
                                                           absl::string_view ns);
  ~SubmitInput();
  SubmitInput(const SubmitInput&) = delete;
  SubmitInput& operator=(const SubmitInput&) = delete;

  // Passes over what lies before `place`. kFailedPrecondition when the file holds something else
  // there than it did when the place was noted.
  absl::Status SkipTo(const SubmitPlace& place);

  // Whether Next would answer at once: from a pipe, lines may come slowly. Waits no longer than the
  // timeout.
  bool WaitForLine(absl::Duration timeout);

  // The next request; nullopt at the end. Waits for it. kInvalidArgument, naming the line, for one
  // that is no SubmitRequest or too large; kUnavailable when the file can't be read. After an error
  // there is nothing more.
  absl::StatusOr<std::optional<SubmitLine>> Next();

  // Of a regular file; 0 for a pipe.
  uint64_t bytes_total() const { return bytes_total_; }
  const std::string& path() const { return path_; }

 private:
  SubmitInput(std::string path, int fd, absl::string_view ns);
  absl::Status Fill();
  // False at the end.
  absl::StatusOr<bool> TakeLine(std::string* line);
  absl::Status Parse(const std::string& text, v1::SubmitRequest* request) const;
  absl::Status LineError(absl::string_view what) const;

  const std::string path_;
  const int fd_;
  const std::string ns_;
  uint64_t bytes_total_ = 0;
  std::string buffer_;
  size_t consumed_ = 0;  // of the buffer
  size_t scanned_ = 0;   // of the buffer: no line break between consumed_ and here
  bool at_end_ = false;
  SubmitPlace place_;
};

// A name that a request depends on, an instance's or a machine's, and whether it may change what
// stands behind it.
struct Touch {
  std::string name;
  bool changes = false;
};
std::vector<Touch> TouchesOf(const v1::SubmitRequest& request);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMIT_INPUT_H_
