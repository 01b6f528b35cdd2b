#include "cli/submit_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/document.h"
#include "cli/message_reader.h"
#include "cli/text_file.h"

namespace swoosh {
namespace {

constexpr size_t kReadBytes = 65'536;
// Of the chain, in an id that is made for a request.
constexpr size_t kRequestIdDigits = 32;
constexpr char kDefaultNamespace[] = "default";

absl::Status SystemError(absl::string_view path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SubmitInput>> SubmitInput::Open(const std::string& path,
                                                               absl::string_view ns) {
  const bool standard_input = path == kStandardInput;
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, errno);
  std::unique_ptr<SubmitInput> input(
      new SubmitInput(standard_input ? "standard input" : path, fd, ns));
  struct stat info;
  if (fstat(fd, &info) != 0) return SystemError(path, errno);
  if (S_ISDIR(info.st_mode)) return SystemError(path, EISDIR);
  if (S_ISREG(info.st_mode)) input->bytes_total_ = static_cast<uint64_t>(info.st_size);
  return input;
}

SubmitInput::SubmitInput(std::string path, int fd, absl::string_view ns)
    : path_(std::move(path)), fd_(fd), ns_(ns) {}

SubmitInput::~SubmitInput() {
  if (fd_ != STDIN_FILENO) close(fd_);
}

absl::Status SubmitInput::Fill() {
  buffer_.erase(0, consumed_);
  scanned_ -= consumed_;
  consumed_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  ssize_t count = 0;
  do {
    count = read(fd_, buffer_.data() + size, kReadBytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
  if (count == 0) at_end_ = true;
  return count < 0 ? SystemError(path_, error) : absl::OkStatus();
}

bool SubmitInput::WaitForLine(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!at_end_ && buffer_.find('\n', scanned_) == std::string::npos &&
         buffer_.size() - consumed_ <= kSubmitLineBytesMax) {
    struct pollfd poller = {fd_, POLLIN, 0};
    const int64_t rest_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = poll(&poller, 1, static_cast<int>(std::max<int64_t>(rest_ms, 0)));
    if (ready == 0) return false;
    // Next will say what is wrong.
    if (!Fill().ok()) return true;
  }
  return true;
}

absl::StatusOr<bool> SubmitInput::TakeLine(std::string* line) {
  size_t end = buffer_.find('\n', scanned_);
  while (end == std::string::npos && !at_end_ &&
         buffer_.size() - consumed_ <= kSubmitLineBytesMax) {
    scanned_ = buffer_.size();
    if (absl::Status status = Fill(); !status.ok()) return status;
    end = buffer_.find('\n', scanned_);
  }
  if (std::min(end, buffer_.size()) - consumed_ > kSubmitLineBytesMax) {
    ++place_.line;
    return LineError(absl::StrCat("longer than ", kSubmitLineBytesMax, " bytes"));
  }
  if (end == std::string::npos && consumed_ == buffer_.size()) return false;
  // The last line may lack its line break.
  const size_t next = end == std::string::npos ? buffer_.size() : end + 1;
  *line = buffer_.substr(consumed_, std::min(end, buffer_.size()) - consumed_);
  ++place_.line;
  place_.bytes += next - consumed_;
  place_.chain = Sha256({AsBytes(place_.chain), *line});
  consumed_ = next;
  scanned_ = next;
  return true;
}

absl::Status SubmitInput::LineError(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ": line ", place_.line, ": ", what));
}

absl::Status SubmitInput::SkipTo(const SubmitPlace& place) {
  std::string line;
  while (place_.line < place.line) {
    const absl::StatusOr<bool> taken = TakeLine(&line);
    if (!taken.ok()) return taken.status();
    if (!*taken) break;
  }
  if (place_.line == place.line && place_.chain == place.chain) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path_, " is not the file of the checkpoint: its first ", place.line,
                   " lines are not those that were submitted"));
}

absl::Status SubmitInput::Parse(const std::string& text, v1::SubmitRequest* request) const {
  const absl::StatusOr<Node> tree = ParseJson(text);
  if (!tree.ok()) return tree.status();
  if (absl::Status status = ReadMessage(*tree, request, nullptr); !status.ok()) return status;
  if (request->namespace_().empty() && ns_ != kDefaultNamespace) request->set_namespace_(ns_);
  if (request->request_id().empty()) {
    request->set_request_id(
        absl::StrCat("line-", place_.line, "-", ToHex(place_.chain).substr(0, kRequestIdDigits)));
  }
  if (request->ByteSizeLong() > kSubmitRequestBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the request has ", request->ByteSizeLong(),
                                                   " bytes; at most ", kSubmitRequestBytesMax,
                                                   " are allowed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<SubmitLine>> SubmitInput::Next() {
  std::string text;
  while (true) {
    const absl::StatusOr<bool> taken = TakeLine(&text);
    if (!taken.ok()) return taken.status();
    if (!*taken) return std::nullopt;
    if (text.find_first_not_of(" \t\r") != std::string::npos) break;
  }
  SubmitLine line;
  if (absl::Status status = Parse(text, &line.request); !status.ok()) {
    return LineError(status.message());
  }
  line.end = place_;
  return line;
}

std::vector<Touch> TouchesOf(const v1::SubmitRequest& request) {
  const absl::string_view ns =
      request.namespace_().empty() ? kDefaultNamespace : absl::string_view(request.namespace_());
  const auto instance = [ns](absl::string_view id) {
    return Touch{absl::StrCat("instance ", ns, " ", id), true};
  };
  const auto machine = [ns](absl::string_view name, bool changes) {
    return Touch{absl::StrCat("machine ", ns, " ", name), changes};
  };
  std::vector<Touch> touches;
  for (const v1::Transition& transition : request.transitions()) {
    switch (transition.kind_case()) {
      case v1::Transition::kRegisterMachine:
        touches.push_back(machine(transition.register_machine().machine().name(), true));
        break;
      case v1::Transition::kCreateInstance:
        touches.push_back(instance(transition.create_instance().instance_id()));
        touches.push_back(machine(transition.create_instance().machine(), false));
        break;
      case v1::Transition::kSendEvent:
        touches.push_back(instance(transition.send_event().instance_id()));
        break;
      case v1::Transition::kDeleteInstance:
        touches.push_back(instance(transition.delete_instance().instance_id()));
        break;
      case v1::Transition::kAdvanceTime:
      case v1::Transition::KIND_NOT_SET:
        break;  // Refused whatever else happens.
    }
  }
  return touches;
}

}  // namespace swoosh
