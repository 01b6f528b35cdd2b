#include "server/tls_source.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/log_line.h"

namespace swoosh {
namespace {

std::vector<std::string> PathsOf(const TlsPaths& paths) {
  std::vector<std::string> all;
  for (const std::string* path : {&paths.certificate, &paths.key, &paths.roots}) {
    if (!path->empty()) all.push_back(*path);
  }
  return all;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsSource>> TlsSource::Open(const TlsPaths& paths,
                                                           TlsMetrics* metrics) {
  auto source = absl::WrapUnique(new TlsSource(paths, metrics));
  absl::MutexLock lock(&source->mutex_);
  if (source->current_ == nullptr) return source->loaded_;
  return source;
}

TlsSource::TlsSource(TlsPaths paths, TlsMetrics* metrics)
    : paths_(std::move(paths)), metrics_(metrics) {
  watch_ = std::make_unique<FileWatch>(PathsOf(paths_), kFileWatchInterval, [this] { Load(); });
}

void TlsSource::Load() {
  absl::StatusOr<TlsMaterial> read = ReadTlsFiles(paths_, absl::Now());
  metrics_->reloads.Count(read.ok());
  if (read.ok()) {
    LogLine line(LogLevel::kInfo, "certificate_loaded");
    line.With("paths", absl::StrJoin(PathsOf(paths_), " "));
    if (read->expiry < absl::InfiniteFuture()) {
      line.With("expiry", absl::FormatTime(read->expiry, absl::UTCTimeZone()));
      metrics_->expiry_timestamp_seconds.Set(
          absl::ToDoubleSeconds(read->expiry - absl::UnixEpoch()));
    }
  } else {
    LogLine(LogLevel::kError, "certificate_refused").With("error", read.status().message());
  }
  absl::MutexLock lock(&mutex_);
  loaded_ = read.status();
  if (read.ok()) current_ = std::make_shared<const TlsMaterial>(*std::move(read));
}

std::shared_ptr<const TlsMaterial> TlsSource::current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

}  // namespace swoosh
