#include "server/file_watch.h"

#include <sys/stat.h>

#include <utility>

#include "server/serial_thread.h"

namespace swoosh {

FileWatch::FileWatch(std::vector<std::string> paths, absl::Duration interval,
                     std::function<void()> load)
    : paths_(std::move(paths)), load_(std::move(load)) {
  // Before they are read: what changes meanwhile is a change.
  std::vector<Stamp> loaded = Look();
  load_();
  thread_ = std::thread([this, interval, loaded] { Run(interval, loaded); });
}

FileWatch::~FileWatch() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

std::vector<FileWatch::Stamp> FileWatch::Look() const {
  std::vector<Stamp> stamps;
  for (const std::string& path : paths_) {
    struct stat found = {};
    Stamp stamp = {};
    if (stat(path.c_str(), &found) == 0) {
      stamp = {static_cast<int64_t>(found.st_dev),
               static_cast<int64_t>(found.st_ino),
               static_cast<int64_t>(found.st_size),
               found.st_mtim.tv_sec,
               found.st_mtim.tv_nsec,
               found.st_ctim.tv_sec,
               found.st_ctim.tv_nsec};
    }
    stamps.push_back(stamp);
  }
  return stamps;
}

void FileWatch::Run(absl::Duration interval, std::vector<Stamp> loaded) {
  NameThisThread("file-watch");
  std::vector<Stamp> seen = loaded;
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), interval)) {
    std::vector<Stamp> now = Look();
    if (now != loaded && now == seen) {
      loaded = now;
      load_();
    }
    seen = std::move(now);
  }
}

}  // namespace swoosh
