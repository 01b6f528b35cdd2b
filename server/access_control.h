#ifndef SWOOSH_SERVER_ACCESS_CONTROL_H_
#define SWOOSH_SERVER_ACCESS_CONTROL_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/access_policy.h"
#include "server/file_watch.h"
#include "server/grant.h"
#include "server/metrics.h"

namespace swoosh {

// The access file that is in force, read again when it changes. One that is bad, or gone, is not
// taken: the one before stays in force, and the log and a metric tell. Thread-safe.
class AccessControl {
 public:
  // Reads the file at `path`. `metrics` must outlive this.
  //   kInvalidArgument, kNotFound, …: it can't be used; the message names it and says why
  static absl::StatusOr<std::unique_ptr<AccessControl>> Open(const std::string& path,
                                                             ReloadMetrics* metrics);

  // As AccessPolicy::Identify.
  absl::StatusOr<GrantPtr> Identify(const Credentials& credentials) const;

 private:
  AccessControl(std::string path, ReloadMetrics* metrics);
  void Load();

  const std::string path_;
  ReloadMetrics* const metrics_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const AccessPolicy> policy_ ABSL_GUARDED_BY(mutex_);  // null: never a good one
  absl::Status loaded_ ABSL_GUARDED_BY(mutex_);                         // of the last try
  std::unique_ptr<FileWatch> watch_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ACCESS_CONTROL_H_
