#include "server/restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/sha256.h"
#include "server/exit_codes.h"
#include "server/log_line.h"
#include "server/verify.h"
#include "storage/restore.h"

namespace swoosh {
namespace {

constexpr size_t kReadBytes = 1'048'576;
constexpr absl::Duration kProgressInterval = absl::Seconds(5);

RestoreReport Failed(const absl::Status& status, const StorePaths& paths) {
  RestoreReport report;
  report.exit_code = ExitCodeFor(status);
  report.error = absl::StrCat("not restored: ", status.message(), "\n");
  // What was refused before anything was done is as it was.
  if (!absl::IsFailedPrecondition(status) && !absl::IsNotFound(status)) {
    absl::StrAppend(&report.error, "empty ", paths.data_dir,
                    " before restoring again; nothing will serve what is there now\n");
  }
  return report;
}

}  // namespace

RestoreReport RestoreBackup(FileSystem* file_system, const StorePaths& paths,
                            const std::string& file) {
  const bool standard_input = file == "-";
  const int fd = standard_input ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Failed(absl::NotFoundError(absl::StrCat(file, ": ", std::strerror(errno))), paths);
  }
  const auto closer = absl::MakeCleanup([fd, standard_input] {
    if (!standard_input) close(fd);
  });
  std::string buffer(kReadBytes, '\0');
  const auto next = [&]() -> absl::StatusOr<absl::string_view> {
    ssize_t size = read(fd, buffer.data(), buffer.size());
    while (size < 0 && errno == EINTR) size = read(fd, buffer.data(), buffer.size());
    if (size < 0) return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
    return absl::string_view(buffer.data(), static_cast<size_t>(size));
  };
  absl::Time told = absl::Now();
  const auto on_progress = [&told](uint64_t records, uint64_t of) {
    if (absl::Now() - told < kProgressInterval) return;
    told = absl::Now();
    LogLine(LogLevel::kInfo, "restoring").With("records", records).With("of", of);
  };
  const absl::StatusOr<RestoredStore> restored = Restore(file_system, paths, next, on_progress);
  if (!restored.ok()) return Failed(restored.status(), paths);
  RestoreReport report;
  report.exit_code = kExitOk;
  report.output =
      absl::StrCat("restored index=", restored->index, " state_hash=", ToHex(restored->state_hash),
                   " records=", restored->records, " history_id=", restored->history_id,
                   " backup_history_id=", restored->backup_history_id, "\n");
  return report;
}

}  // namespace swoosh
