#include "cli/submit_journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/proto_text.h"
#include "cli/text_file.h"

namespace swoosh {
namespace {

constexpr size_t kCheckpointBytesMax = 1024 * 1024;
constexpr size_t kResponsesBufferBytes = 65'536;
constexpr absl::Duration kCheckpointInterval = absl::Seconds(1);
constexpr mode_t kFileMode = 0644;

absl::Status SystemError(absl::string_view path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SubmitJournal>> SubmitJournal::Open(
    const std::string& checkpoint_path, const std::string& responses_path) {
  std::unique_ptr<SubmitJournal> journal(new SubmitJournal());
  if (absl::Status status = journal->OpenCheckpoint(checkpoint_path); !status.ok()) return status;
  if (absl::Status status = journal->OpenResponses(responses_path); !status.ok()) return status;
  return journal;
}

SubmitJournal::~SubmitJournal() {
  if (responses_fd_ >= 0) close(responses_fd_);
}

absl::Status SubmitJournal::OpenCheckpoint(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  checkpoint_path_ = path;
  absl::StatusOr<std::string> text = ReadTextFile(path, kCheckpointBytesMax);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  absl::StatusOr<SubmitCheckpoint> checkpoint = DecodeCheckpoint(*text);
  if (!checkpoint.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", checkpoint.status().message()));
  }
  answered_before_ = checkpoint->totals.answered();
  absl::MutexLock lock(&mutex_);
  checkpoint_ = *std::move(checkpoint);
  return absl::OkStatus();
}

absl::Status SubmitJournal::OpenResponses(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  if (path.empty()) {
    checkpoint_.responses_bytes = 0;
    return absl::OkStatus();
  }
  responses_path_ = path;
  responses_fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kFileMode);
  if (responses_fd_ < 0) return SystemError(path);
  struct stat info;
  if (fstat(responses_fd_, &info) != 0) return SystemError(path);
  if (!S_ISREG(info.st_mode)) return absl::OkStatus();  // A pipe can't be cut.
  const uint64_t kept = checkpoint_.responses_bytes;
  if (static_cast<uint64_t>(info.st_size) < kept) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": has ", info.st_size,
                     " bytes, and the checkpoint was written when it "
                     "had ",
                     kept));
  }
  if (ftruncate(responses_fd_, static_cast<off_t>(kept)) != 0 ||
      lseek(responses_fd_, static_cast<off_t>(kept), SEEK_SET) < 0) {
    return SystemError(path);
  }
  return absl::OkStatus();
}

absl::Status SubmitJournal::Connected(const std::string& history_id) {
  absl::MutexLock lock(&mutex_);
  if (!checkpoint_.history_id.empty() && checkpoint_.history_id != history_id) {
    return absl::AbortedError(
        absl::StrCat("the server's store has another history than before (", history_id, ", not ",
                     checkpoint_.history_id, "): what was submitted is not in it",
                     checkpoint_path_.empty() ? "" : "; to submit all of it to this one, remove ",
                     checkpoint_path_));
  }
  checkpoint_.history_id = history_id;
  return absl::OkStatus();
}

absl::Status SubmitJournal::Answered(const SubmitLine& line, const v1::SubmitResponse& response) {
  absl::MutexLock lock(&mutex_);
  checkpoint_.place = line.end;
  checkpoint_.totals.Add(line.request, response);
  has_news_ = true;
  if (responses_fd_ >= 0) {
    const std::string text = absl::StrCat(ToJson(response), "\n");
    absl::StrAppend(&responses_buffer_, text);
    checkpoint_.responses_bytes += text.size();
  }
  if (response.status().code() != 0 && !checkpoint_path_.empty()) return WriteCheckpointLocked();
  return responses_buffer_.size() < kResponsesBufferBytes ? absl::OkStatus() : FlushResponses();
}

absl::Status SubmitJournal::FlushResponses() {
  size_t written = 0;
  while (written < responses_buffer_.size()) {
    const ssize_t count = write(responses_fd_, responses_buffer_.data() + written,
                                responses_buffer_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(responses_path_);
    written += static_cast<size_t>(count);
  }
  responses_buffer_.clear();
  return absl::OkStatus();
}

absl::Status SubmitJournal::WriteCheckpoint(bool now) {
  absl::MutexLock lock(&mutex_);
  if (!now && (!has_news_ || absl::Now() - last_written_ < kCheckpointInterval)) {
    return absl::OkStatus();
  }
  return WriteCheckpointLocked();
}

absl::Status SubmitJournal::WriteCheckpointLocked() {
  if (absl::Status status = FlushResponses(); !status.ok()) return status;
  last_written_ = absl::Now();
  has_news_ = false;
  if (checkpoint_path_.empty()) return absl::OkStatus();
  // A pipe or device can't be synced, and need not be.
  if (responses_fd_ >= 0 && fdatasync(responses_fd_) != 0 && errno != EINVAL && errno != EROFS) {
    return SystemError(responses_path_);
  }
  return WriteTextFileAtomically(checkpoint_path_, EncodeCheckpoint(checkpoint_));
}

SubmitCheckpoint SubmitJournal::checkpoint() const {
  absl::MutexLock lock(&mutex_);
  return checkpoint_;
}

}  // namespace swoosh
