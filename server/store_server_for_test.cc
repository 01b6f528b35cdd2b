#include "server/store_server_for_test.h"

#include <algorithm>
#include <future>
#include <utility>

#include "core/sha256.h"
#include "server/request_window.h"

namespace swoosh {

class StoreServer::ObservedLog : public Log {
 public:
  ObservedLog(Log* base, std::function<void(absl::Span<const EncodedRecord>)> on_append)
      : base_(base), on_append_(std::move(on_append)) {}

  Limits limits() const override { return base_->limits(); }
  uint64_t first_index() const override { return base_->first_index(); }
  uint64_t next_index() const override { return base_->next_index(); }
  absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) override {
    if (on_append_ != nullptr) on_append_(records);
    return base_->Append(expected_next, records);
  }
  absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const override {
    return base_->Read(from, bytes_max, visit);
  }
  absl::Status TrimPrefix(uint64_t first_kept) override { return base_->TrimPrefix(first_kept); }
  void SetFailureListener(std::function<void(const absl::Status&)> listener) override {
    base_->SetFailureListener(std::move(listener));
  }
  uint64_t size_bytes() const override { return base_->size_bytes(); }

 private:
  Log* const base_;
  const std::function<void(absl::Span<const EncodedRecord>)> on_append_;
};

absl::StatusOr<std::unique_ptr<StoreServer>> StoreServer::Open(FileSystem* files,
                                                               const std::string& directory,
                                                               Options options) {
  std::unique_ptr<StoreServer> server(new StoreServer());
  absl::Status started = server->Start(files, directory, std::move(options));
  if (!started.ok()) return started;
  return server;
}

StorePaths StoreServer::PathsIn(const std::string& directory) {
  return {directory, directory + "/wal", directory + "/snapshots"};
}

absl::Status StoreServer::Start(FileSystem* files, const std::string& directory, Options options) {
  auto window = std::make_unique<RequestWindow>(kWindowRecords);
  RecoveryOptions recovery;
  recovery.window_records = kWindowRecords;
  recovery.log_write_buffer_bytes = options.log_write_buffer_bytes;
  recovery.on_log_sync = [this](double seconds) { metrics_.wal_fsync_seconds.Observe(seconds); };
  recovery.on_record = [&](const v1::Record& record, const Digest&) {
    Digest fingerprint = {};
    std::copy(record.request_fingerprint().begin(), record.request_fingerprint().end(),
              fingerprint.begin());
    window->Restore(record.index(), record.namespace_(), record.request_id(), fingerprint);
  };
  absl::StatusOr<OpenStore> store = Recover(files, PathsIn(directory), recovery);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  const auto listed = store_.snapshots->List();  // newest first
  if (!listed.ok()) return listed.status();
  const uint64_t snapshot_index = listed->empty() ? 0 : listed->front().index;

  log_ = std::make_unique<ObservedLog>(store_.log.get(), std::move(options.on_append));
  feed_ = std::make_unique<ChangeFeed>(log_.get(), log_->next_index());
  Executor::Options executor;
  executor.retain_records = options.retain_records;
  executor.oldest_snapshot_index = [this] { return store_.snapshots->oldest_verified_index(); };
  executor.on_committed = [this](uint64_t index) { snapshotter_->OnCommitted(index); };
  executor.on_fenced = std::move(options.on_fenced);
  executor_ = std::make_unique<Executor>(log_.get(), std::move(store_.writer), std::move(window),
                                         feed_.get(), &clock_, &metrics_, std::move(executor));
  Snapshotter::Options snapshotter;
  snapshotter.interval_records = options.snapshot_every_records;
  snapshotter.committed = [this] { return executor_->committed(); };
  snapshotter.on_snapshot = [this] { executor_->TrimToRetained(); };
  snapshotter_ = std::make_unique<Snapshotter>(store_.snapshots.get(), snapshot_index, &metrics_,
                                               std::move(snapshotter));
  executor_->Start();
  snapshotter_->Start();
  return absl::OkStatus();
}

StoreServer::~StoreServer() {
  if (executor_ != nullptr) executor_->Drain();
  if (snapshotter_ != nullptr) snapshotter_->Stop(false).IgnoreError();
}

FutureAnswer StoreServer::Submit(v1::SubmitRequest request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  FutureAnswer future = promise->get_future();
  Submit(std::move(request), [promise](Answer answer) { promise->set_value(std::move(answer)); });
  return future;
}

void StoreServer::Submit(v1::SubmitRequest request, std::function<void(Answer)> done) {
  Submission submission;
  *submission.request = std::move(request);
  submission.done = std::move(done);
  const absl::Status taken = executor_->TrySubmit(&submission);
  if (!taken.ok()) submission.done(taken);
}

}  // namespace swoosh
