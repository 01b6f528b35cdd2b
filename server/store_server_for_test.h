#ifndef SWOOSH_SERVER_STORE_SERVER_FOR_TEST_H_
#define SWOOSH_SERVER_STORE_SERVER_FOR_TEST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/state.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/executor.h"
#include "server/executor_for_test.h"
#include "server/metrics.h"
#include "server/snapshotter.h"
#include "server/submission.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// A server's inside over the store in a directory, as main puts it together. Its clock is a manual
// one that stands at kTestTimeUs.
class StoreServer {
 public:
  static constexpr uint64_t kWindowRecords = 100;

  struct Options {
    uint64_t snapshot_every_records = 1'000'000;
    uint64_t retain_records = 0;
    size_t log_write_buffer_bytes = 0;  // as RecoveryOptions
    // Called before each append, on the thread that writes. May be null.
    std::function<void(absl::Span<const EncodedRecord>)> on_append;
    // As Executor::Options. May be null.
    std::function<void(const absl::Status&)> on_fenced;
  };

  // Errors as Recover. `files` is not owned.
  static absl::StatusOr<std::unique_ptr<StoreServer>> Open(FileSystem* files,
                                                           const std::string& directory,
                                                           Options options);
  // Carries out what was taken; takes no snapshot.
  ~StoreServer();

  // Where the store in `directory` keeps what.
  static StorePaths PathsIn(const std::string& directory);

  Answer Call(v1::SubmitRequest request) { return Submit(std::move(request)).get(); }
  FutureAnswer Submit(v1::SubmitRequest request);
  // `done` is called on one of the executor's threads; on the caller's where the proposal is not
  // taken.
  void Submit(v1::SubmitRequest request, std::function<void(Answer)> done);

  std::shared_ptr<const State> state() const { return executor_->committed(); }
  OpenStore& store() { return store_; }
  ChangeFeed& feed() { return *feed_; }
  Executor& executor() { return *executor_; }
  Snapshotter& snapshotter() { return *snapshotter_; }
  Metrics& metrics() { return metrics_; }

 private:
  class ObservedLog;

  StoreServer() = default;
  absl::Status Start(FileSystem* files, const std::string& directory, Options options);

  Metrics metrics_{"test"};
  ManualClock clock_{Hlc{}, kTestTimeUs};
  OpenStore store_;
  std::unique_ptr<Log> log_;  // store_'s, observed
  std::unique_ptr<ChangeFeed> feed_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_STORE_SERVER_FOR_TEST_H_
