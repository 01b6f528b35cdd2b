#ifndef SWOOSH_SERVER_TLS_SOURCE_H_
#define SWOOSH_SERVER_TLS_SOURCE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/file_watch.h"
#include "server/metrics.h"
#include "server/tls_files.h"

namespace swoosh {

// TLS files, read again when they change. What can't be used is not taken: what was read before it
// stays in force, and the log and a metric tell. Connections that are there keep what they were
// made with. Thread-safe.
class TlsSource {
 public:
  // Reads the files. `metrics` must outlive this.
  //   as ReadTlsFiles
  static absl::StatusOr<std::unique_ptr<TlsSource>> Open(const TlsPaths& paths,
                                                         TlsMetrics* metrics);

  const TlsPaths& paths() const { return paths_; }

  // The newest that is good: the same object until there is a newer one.
  std::shared_ptr<const TlsMaterial> current() const;

 private:
  TlsSource(TlsPaths paths, TlsMetrics* metrics);
  void Load();

  const TlsPaths paths_;
  TlsMetrics* const metrics_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TlsMaterial> current_ ABSL_GUARDED_BY(mutex_);  // null: never a good one
  absl::Status loaded_ ABSL_GUARDED_BY(mutex_);                         // of the last try
  std::unique_ptr<FileWatch> watch_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_TLS_SOURCE_H_
