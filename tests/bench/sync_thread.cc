#include "tests/bench/sync_thread.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace swoosh {
namespace {

constexpr mode_t kMode = 0644;

void EndUnless(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "can't %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

int Open(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  EndUnless(file >= 0, "make the file");
  return file;
}

}  // namespace

SyncThread::SyncThread(const std::string& path, size_t bytes_per_request)
    : file_(Open(path)), bytes_per_request_(bytes_per_request), thread_([this] { Run(); }) {}

SyncThread::~SyncThread() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
  close(file_);
}

void SyncThread::Append(std::function<void()> done) {
  absl::MutexLock lock(&mutex_);
  waiting_.push_back(std::move(done));
}

void SyncThread::Run() {
  std::vector<std::function<void()>> group;
  std::string bytes;
  for (;;) {
    group.clear();
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &SyncThread::Waiting));
      if (waiting_.empty()) return;
      group.swap(waiting_);
    }
    bytes.resize(group.size() * bytes_per_request_, 'x');
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    EndUnless(written == static_cast<ssize_t>(bytes.size()), "write the file");
    EndUnless(fdatasync(file_) == 0, "sync the file");
    for (const std::function<void()>& done : group) done();
  }
}

}  // namespace swoosh
