#ifndef SWOOSH_SERVER_BACKUPS_H_
#define SWOOSH_SERVER_BACKUPS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/executor.h"
#include "server/metrics.h"
#include "storage/backup.h"

namespace swoosh {

inline constexpr int kBackupsMax = 2;  // at a time
// A client that has not read for so long is given up: the log is not trimmed meanwhile.
inline constexpr absl::Duration kBackupStallMax = absl::Minutes(5);

// The backups that are being taken of a server's store. Thread-safe.
class Backups {
 public:
  // One backup, without gRPC: gives the bytes, and keeps the log from being trimmed as long as it
  // lives. For one thread at a time.
  class Session {
   public:
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // The next bytes, at most kBackupPieceBytes; none at the end. Reads the disk; the first call
    // begins the backup: it is as of then.
    //   kDataLoss: DATA_DAMAGED; kUnavailable: BACKUP_FAILED
    absl::StatusOr<std::string> Next();
    // The client has got all of it.
    void Delivered();

   private:
    friend class Backups;
    explicit Session(Backups* backups) : backups_(backups) {}

    Backups* const backups_;
    std::unique_ptr<Executor::LogPin> pin_;  // longer than the source
    std::unique_ptr<BackupSource> source_;
    uint64_t bytes_ = 0;
    absl::Time begin_;
    bool delivered_ = false;
  };

  // What the pointers point to must outlive this and its sessions.
  Backups(BackupSource::Store store, Executor* executor, Metrics* metrics)
      : store_(std::move(store)), executor_(executor), metrics_(metrics) {}
  // There must be no sessions left.
  ~Backups() = default;
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  // Quick. kResourceExhausted (LIMIT_REACHED): kBackupsMax others run.
  absl::StatusOr<std::unique_ptr<Session>> Begin();

 private:
  const BackupSource::Store store_;
  Executor* const executor_;
  Metrics* const metrics_;
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_BACKUPS_H_
