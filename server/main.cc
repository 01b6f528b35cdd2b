// swooshd: puts the parts together, and takes them apart again in order.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/sha256.h"
#include "core/state.h"
#include "google/protobuf/stubs/logging.h"
#include "server/access_control.h"
#include "server/active_streams.h"
#include "server/backups.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/disk_reserve.h"
#include "server/disk_space.h"
#include "server/dump.h"
#include "server/executor.h"
#include "server/exit_codes.h"
#include "server/grpc_server.h"
#include "server/guard_client.h"
#include "server/guard_resolver.h"
#include "server/http/http_connection.h"
#include "server/http/http_gateway.h"
#include "server/http/tls_contexts.h"
#include "server/http_server.h"
#include "server/log_line.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/reader.h"
#include "server/repair.h"
#include "server/request_window.h"
#include "server/restore.h"
#include "server/root_leases.h"
#include "server/serial_thread.h"
#include "server/serving.h"
#include "server/signal_thread.h"
#include "server/snapshotter.h"
#include "server/tls_credentials.h"
#include "server/tls_source.h"
#include "server/verifier.h"
#include "server/verify.h"
#include "server/version.h"
#include "server/watch_message_cache.h"
#include "server/watch_session.h"
#include "server/worker_pool.h"
#include "storage/backup.h"
#include "storage/file_system.h"
#include "storage/recovery.h"

namespace swoosh {
namespace {

// The whole way from the first signal, or from the failed write, to the exit.
constexpr absl::Duration kDrainTimeout = absl::Seconds(30);
constexpr absl::Duration kFencedExitTimeout = absl::Seconds(10);
// After a failed write, how long what was committed can still be read.
constexpr absl::Duration kFencedReadTime = absl::Seconds(3);
// For calls that still run when everything taken is answered: clients that don't read.
constexpr absl::Duration kCallGrace = absl::Seconds(3);

constexpr int kReaderThreads = 2;
// Where the processors are busy, long lists give way to proposals.
constexpr int kReaderNice = 5;
constexpr size_t kReadsWaitingMax = 4'096;
constexpr int kWatcherThreads = 2;

// What the gateway lets in has threads.
static_assert(kHttpWatchesMax + kHttpCallsMax <= kHttpGatewayThreads);

// The file that only takes space on the log's disk.
constexpr char kReserveFileName[] = "reserve";

// Where --clock=manual begins without records: the Unix epoch.
constexpr int64_t kManualClockStartUs = 0;

// Ends the process in any case when `timeout` has passed.
void ExitAfter(absl::Duration timeout, int exit_code) {
  std::thread([timeout, exit_code] {
    absl::SleepFor(timeout);
    LogLine(LogLevel::kError, "shutdown_timeout").With("seconds", absl::ToInt64Seconds(timeout));
    _exit(exit_code);
  }).detach();
}

// Whether the server should stop, and why.
class StopRequest {
 public:
  enum class Reason { kNone, kSignal, kFenced };

  // The first signal asks, the second ends the process at once. Until Defer() the first one does
  // so too: a store that is being recovered can be left at any moment.
  void OnSignal(int signal, int count) {
    if (count > 1) _exit(128 + signal);
    LogLine(LogLevel::kInfo, "signal").With("number", signal);
    if (!deferred_) _exit(kExitOk);
    ExitAfter(kDrainTimeout, kExitDrainTimeout);
    Ask(Reason::kSignal);
  }
  void Defer() { deferred_ = true; }

  void Ask(Reason reason) {
    absl::MutexLock lock(&mutex_);
    if (reason_ == Reason::kNone) reason_ = reason;
  }
  Reason Await() {
    const auto asked = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return reason_ != Reason::kNone;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&asked));
    return reason_;
  }

 private:
  std::atomic<bool> deferred_{false};
  absl::Mutex mutex_;
  Reason reason_ ABSL_GUARDED_BY(mutex_) = Reason::kNone;
};

class Swooshd {
 public:
  explicit Swooshd(const Options& options) : options_(options) {}

  // Serves until asked to stop; returns what to exit with.
  int Run();

 private:
  absl::Status ReadSecurityFiles();
  absl::Status Listen();
  absl::StatusOr<OpenStore> OpenTheStore(RequestWindow* window);
  absl::Status Begin(OpenStore store, std::unique_ptr<RequestWindow> window);
  absl::Status MakeClock(const Hlc& last_record);
  std::unique_ptr<DiskSpace> MakeDiskSpace() const;
  void MakeExecutor(StateWriter writer, std::unique_ptr<RequestWindow> window);
  void MakeGuardResolver(const RequestWindow* window);
  void MakeSnapshotter();
  void MakeBackupsAndVerifier();
  void RefreshMetricsOnScrape();
  void PrintServingLine() const;
  void OnFenced();
  void OnWrongState(const absl::Status& error);
  int Stop(StopRequest::Reason reason);

  const Options options_;
  StopRequest stop_request_;
  // Before anything that starts a thread.
  const SignalThread signals_{
      [this](int signal, int count) { stop_request_.OnSignal(signal, count); }};
  std::atomic<bool> fenced_{false};
  std::atomic<bool> state_is_wrong_{false};
  Metrics metrics_{kVersion};
  Serving serving_{absl::Now()};
  RootLeases leases_;
  WorkerPool readers_{"read", kReaderThreads, kReadsWaitingMax, kReaderNice};
  WorkerPool watchers_{"watch", kWatcherThreads, 2 * kWatchersMax};
  WorkerPool backup_workers_{"backup", /*thread_count=*/1, 2 * kBackupsMax, kNiceMax};
  ActiveStreams streams_{kWatchTickInterval};

  // From the recovered store on. Each uses those before it.
  std::optional<OpenStore> store_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<ChangeFeed> feed_;
  std::unique_ptr<DiskSpace> disk_space_;
  std::unique_ptr<DiskSpace> snapshot_disk_space_;  // null: the same disk
  std::unique_ptr<Snapshotter> snapshotter_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<TlsSource> guard_tls_files_;  // null: it is asked without TLS
  std::unique_ptr<GuardResolver> guards_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<WatchMessageCache> watch_messages_;
  std::unique_ptr<Reader> reader_;
  Backend backend_;

  // Null: without TLS.
  std::unique_ptr<TlsSource> tls_files_;
  std::unique_ptr<TlsCredentials> tls_;
  std::unique_ptr<TlsContexts> http_tls_;
  std::unique_ptr<AccessControl> access_;  // null: everybody may do everything

  // They call into all of the above.
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpGateway> gateway_;
  std::unique_ptr<HttpServer> http_;
};

int Swooshd::Run() {
  const auto failed = [](const absl::Status& status) {
    std::fprintf(stderr, "swooshd: %s\n", std::string(status.message()).c_str());
    return ExitCodeFor(status);
  };
  if (const absl::Status status = Listen(); !status.ok()) return failed(status);
  auto window = std::make_unique<RequestWindow>(
      options_.retain_records == 0 ? kRequestWindowRecords
                                   : std::min(options_.retain_records, kRequestWindowRecords));
  absl::StatusOr<OpenStore> store = OpenTheStore(window.get());
  absl::Status status = store.status();
  if (status.ok()) status = Begin(*std::move(store), std::move(window));
  if (!status.ok()) {
    grpc_->Shutdown(absl::ZeroDuration());
    return failed(status);
  }
  PrintServingLine();
  return Stop(stop_request_.Await());
}

absl::Status Swooshd::ReadSecurityFiles() {
  if (options_.tls.has_value()) {
    absl::StatusOr<std::unique_ptr<TlsSource>> files =
        TlsSource::Open(*options_.tls, &metrics_.client_tls);
    if (!files.ok()) return files.status();
    tls_files_ = *std::move(files);
    tls_ = std::make_unique<TlsCredentials>(tls_files_.get());
    http_tls_ = std::make_unique<TlsContexts>(tls_files_.get());
  }
  if (options_.guard_tls.has_value()) {
    absl::StatusOr<std::unique_ptr<TlsSource>> files =
        TlsSource::Open(*options_.guard_tls, &metrics_.guard_tls);
    if (!files.ok()) return files.status();
    guard_tls_files_ = *std::move(files);
  }
  if (!options_.auth_file.empty()) {
    absl::StatusOr<std::unique_ptr<AccessControl>> access =
        AccessControl::Open(options_.auth_file, &metrics_.access_reloads);
    if (!access.ok()) return access.status();
    access_ = *std::move(access);
  }
  return absl::OkStatus();
}

// Before the recovery, which may take a while: clients and probes are told so.
absl::Status Swooshd::Listen() {
  if (absl::Status status = ReadSecurityFiles(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<GrpcServer>> grpc =
      GrpcServer::Start(options_.listen, {.serving = &serving_,
                                          .metrics = &metrics_,
                                          .streams = &streams_,
                                          .readers = &readers_,
                                          .watchers = &watchers_,
                                          .backups = &backup_workers_,
                                          .access = access_.get(),
                                          .tls = tls_.get(),
                                          .connections = options_.connections});
  if (!grpc.ok()) return grpc.status();
  grpc_ = *std::move(grpc);
  gateway_ = std::make_unique<HttpGateway>(grpc_->in_process());
  absl::StatusOr<std::unique_ptr<HttpServer>> http = HttpServer::Start(
      options_.http,
      {.metrics = [this] { return metrics_.Scrape(); },
       .healthy = [this] { return !fenced_; },
       .ready = [this] { return serving_.ready() && !fenced_; },
       .gateway = [this](HttpConnection* request) { return gateway_->Handle(request); }},
      http_tls_.get());
  if (!http.ok()) {
    grpc_->Shutdown(absl::ZeroDuration());
    return http.status();
  }
  http_ = *std::move(http);
  return absl::OkStatus();
}

absl::StatusOr<OpenStore> Swooshd::OpenTheStore(RequestWindow* window) {
  MakeDiskSpace()->ReleaseReserveIfNeeded();
  RecoveryOptions recovery;
  recovery.window_records = window->window_records();
  recovery.on_log_sync = [this](double seconds) { metrics_.wal_fsync_seconds.Observe(seconds); };
  recovery.on_record = [window](const v1::Record& record, const Digest&) {
    Digest fingerprint = {};
    const std::string& bytes = record.request_fingerprint();
    std::copy_n(bytes.begin(), std::min(bytes.size(), fingerprint.size()), fingerprint.begin());
    window->Restore(record.index(), record.namespace_(), record.request_id(), fingerprint);
  };
  return Recover(PosixFileSystem(), {options_.data_dir, options_.wal_dir, options_.snapshot_dir},
                 recovery);
}

absl::Status Swooshd::Begin(OpenStore store, std::unique_ptr<RequestWindow> window) {
  LogLine(LogLevel::kInfo, "recovered").With("report", store.report);
  metrics_.replay_records.Set(static_cast<double>(store.replayed_records));
  metrics_.replay_seconds.Set(store.replay_seconds);
  if (absl::Status status = MakeClock(store.writer.position().hlc); !status.ok()) return status;
  store_.emplace(std::move(store));
  feed_ = std::make_unique<ChangeFeed>(store_->log.get(), store_->log->next_index());
  const RequestWindow* const requests = window.get();  // lives with the executor
  MakeExecutor(std::move(store_->writer), std::move(window));
  MakeGuardResolver(requests);
  MakeSnapshotter();
  MakeBackupsAndVerifier();
  const auto committed = [this] { return executor_->committed(); };
  watch_messages_ = std::make_unique<WatchMessageCache>(store_->history_id);
  reader_ = std::make_unique<Reader>(committed, feed_.get(), &leases_, store_->history_id);
  RefreshMetricsOnScrape();

  backend_.executor = executor_.get();
  backend_.guards = guards_.get();
  backend_.feed = feed_.get();
  backend_.reader = reader_.get();
  backend_.snapshotter = snapshotter_.get();
  backend_.backups = backups_.get();
  backend_.verifier = verifier_.get();
  backend_.manual_clock = options_.manual_clock ? static_cast<ManualClock*>(clock_.get()) : nullptr;
  backend_.watch = {committed, feed_.get(), watch_messages_.get(), store_->history_id};
  backend_.recovery_report = store_->report;
  snapshotter_->Start();
  executor_->Start();
  verifier_->Start();
  stop_request_.Defer();
  serving_.Begin(&backend_);
  grpc_->SetServing(true);
  return absl::OkStatus();
}

absl::Status Swooshd::MakeClock(const Hlc& last_record) {
  if (options_.manual_clock) {
    clock_ = std::make_unique<ManualClock>(last_record, kManualClockStartUs);
    return absl::OkStatus();
  }
  clock_ = std::make_unique<SystemClock>();
  return CheckLastRecordTime(last_record, clock_->NowUs(), options_.accept_clock_ahead);
}

// Of the log's disk.
std::unique_ptr<DiskSpace> Swooshd::MakeDiskSpace() const {
  const std::string& folder =
      OnSameDisk(options_.data_dir, options_.wal_dir) ? options_.data_dir : options_.wal_dir;
  const DiskMarks marks = DiskMarksFor(DiskTotalBytes(folder));
  return std::make_unique<DiskSpace>(
      [folder] { return DiskFreeBytes(folder); }, marks.free_bytes_min, kDiskCheckInterval,
      std::make_unique<DiskReserve>(absl::StrCat(folder, "/", kReserveFileName),
                                    marks.reserve_bytes));
}

void Swooshd::MakeExecutor(StateWriter writer, std::unique_ptr<RequestWindow> window) {
  disk_space_ = MakeDiskSpace();
  disk_space_->StartWatching();
  Executor::Options executor;
  executor.retain_records = options_.retain_records;
  executor.oldest_snapshot_index = [this] { return store_->snapshots->oldest_verified_index(); };
  executor.on_fenced = [this](const absl::Status&) { OnFenced(); };
  executor.on_committed = [this](uint64_t commit_index) {
    snapshotter_->OnCommitted(commit_index);
    leases_.Sweep();
  };
  executor.disk_space = disk_space_.get();
  if (options_.manual_clock) executor.manual_clock = static_cast<ManualClock*>(clock_.get());
  executor_ = std::make_unique<Executor>(store_->log.get(), std::move(writer), std::move(window),
                                         feed_.get(), clock_.get(), &metrics_, executor);
}

void Swooshd::MakeGuardResolver(const RequestWindow* window) {
  std::unique_ptr<GuardClient> provider;
  if (options_.guard_provider.has_value()) {
    provider = std::make_unique<GuardClient>(options_.guard_provider->ToString(),
                                             guard_tls_files_.get(), &metrics_);
  }
  guards_ = std::make_unique<GuardResolver>(executor_.get(), window, std::move(provider));
}

void Swooshd::MakeSnapshotter() {
  Snapshotter::Options snapshotter;
  snapshotter.interval_records = SnapshotIntervalRecords(
      options_.snapshot_every_records, store_->replayed_records, store_->replay_seconds);
  snapshotter.committed = [this] { return executor_->committed(); };
  snapshotter.on_snapshot = [this] { executor_->TrimToRetained(); };
  if (!OnSameDisk(options_.wal_dir, options_.snapshot_dir)) {
    const std::string& folder = options_.snapshot_dir;
    snapshot_disk_space_ =
        std::make_unique<DiskSpace>([folder] { return DiskFreeBytes(folder); },
                                    DiskMarksFor(DiskTotalBytes(folder)).free_bytes_min);
  }
  DiskSpace* const space =
      snapshot_disk_space_ == nullptr ? disk_space_.get() : snapshot_disk_space_.get();
  snapshotter.check_room = [space](uint64_t bytes) { return space->CheckRoomFor(bytes); };
  snapshotter_ = std::make_unique<Snapshotter>(
      store_->snapshots.get(), store_->snapshots->newest_verified_index(), &metrics_, snapshotter);
}

void Swooshd::MakeBackupsAndVerifier() {
  BackupSource::Store store;
  store.file_system = PosixFileSystem();
  store.log = store_->log.get();
  store.snapshots = store_->snapshots.get();
  store.history_id = store_->history_id;
  store.origin_id = store_->origin_id;
  store.committed = [this] { return *executor_->committed(); };
  backups_ = std::make_unique<Backups>(std::move(store), executor_.get(), &metrics_);

  Verifier::Options verifier;
  verifier.log = store_->log.get();
  verifier.snapshots = store_->snapshots.get();
  verifier.origin_id = store_->origin_id;
  verifier.committed = [this] { return executor_->committed(); };
  verifier.pin_log = [this] { return executor_->PinLog(); };
  verifier.on_mismatch = [this](const absl::Status& error) { OnWrongState(error); };
  verifier_ = std::make_unique<Verifier>(&metrics_, std::move(verifier));
}

void Swooshd::RefreshMetricsOnScrape() {
  metrics_.OnScrape([this] {
    const auto set = [](prometheus::Gauge& gauge, auto value) {
      gauge.Set(static_cast<double>(value));
    };
    set(metrics_.queue_depth, executor_->waiting());
    set(metrics_.watchers, feed_->watcher_count());
    set(metrics_.watch_lag_records, feed_->lag_records());
    set(metrics_.wal_bytes, store_->log->size_bytes());
    set(metrics_.disk_free_bytes, DiskFreeBytes(options_.wal_dir));
    set(metrics_.disk_nearly_full, disk_space_->nearly_full());
    set(metrics_.disk_reserve_bytes, disk_space_->reserve_held_bytes());
  });
}

void Swooshd::PrintServingLine() const {
  const std::shared_ptr<const State> state = executor_->committed();
  const std::string line =
      absl::StrCat("serving grpc=", HostPort{options_.listen.host, grpc_->port()}.ToString(),
                   " http=", HostPort{options_.http.host, http_->port()}.ToString(),
                   " index=", state->index(), " state_hash=", ToHex(state->hash()), "\n");
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

void Swooshd::OnFenced() {
  ExitAfter(kFencedExitTimeout, state_is_wrong_ ? kExitDataLoss : kExitFenced);
  fenced_ = true;
  grpc_->SetServing(false);
  stop_request_.Ask(StopRequest::Reason::kFenced);
}

// Not one more answer is given from it, and no snapshot is made of it.
void Swooshd::OnWrongState(const absl::Status& error) {
  serving_.Refuse(error);
  grpc_->SetServing(false);
  streams_.EndAll(error);
  state_is_wrong_ = true;
  executor_->FenceFor(error);
}

int Swooshd::Stop(StopRequest::Reason reason) {
  if (reason == StopRequest::Reason::kFenced) absl::SleepFor(kFencedReadTime);
  LogLine(LogLevel::kInfo, "draining").With("waiting", executor_->waiting());
  serving_.Drain();
  grpc_->SetServing(false);
  streams_.EndAll(DrainingError());
  guards_->Drain();
  verifier_->Stop();
  executor_->Drain();
  // Calls of this process have no grace in Shutdown.
  gateway_->Drain(kCallGrace);
  grpc_->Shutdown(kCallGrace);
  const absl::Status snapshot = snapshotter_->Stop(/*final=*/!fenced_);
  if (!snapshot.ok()) {
    LogLine(LogLevel::kWarn, "final_snapshot_failed").With("error", snapshot.message());
  }
  const std::shared_ptr<const State> state = executor_->committed();
  LogLine(LogLevel::kInfo, "stopped")
      .With("index", state->index())
      .With("state_hash", ToHex(state->hash()));
  http_.reset();
  if (state_is_wrong_) return kExitDataLoss;
  return fenced_ ? kExitFenced : kExitOk;
}

int Told(int exit_code, const std::string& output, const std::string& error) {
  std::fputs(output.c_str(), stdout);
  std::fputs(error.c_str(), stderr);
  return exit_code;
}

// What works on a store that no server has open.
int RunOffline(const Options& options) {
  const StorePaths paths = {options.data_dir, options.wal_dir, options.snapshot_dir};
  if (options.command == Options::Command::kVerify) {
    const VerifyReport report = Verify(PosixFileSystem(), paths);
    return Told(report.exit_code, report.output, report.error);
  }
  if (options.command == Options::Command::kRepair) {
    const auto answer = []() -> std::optional<std::string> {
      std::string line;
      if (isatty(STDIN_FILENO) == 0 || !std::getline(std::cin, line)) return std::nullopt;
      return line;
    };
    return RunRepair(PosixFileSystem(), paths, options.yes, answer, std::cout, std::cerr);
  }
  if (options.command == Options::Command::kRestore) {
    const RestoreReport report = RestoreBackup(PosixFileSystem(), paths, options.backup_file);
    return Told(report.exit_code, report.output, report.error);
  }
  DumpRange range;
  range.from = options.dump_from;
  if (options.dump_to > 0) range.to = options.dump_to;
  const DumpReport report = Dump(PosixFileSystem(), paths, range, [](absl::string_view line) {
    return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
  });
  // Before the error, where both go to one place.
  const bool flushed = std::fflush(stdout) == 0;
  return Told(flushed ? report.exit_code : kExitFailed, "", report.error);
}

int Main(int argc, char** argv) {
  const ParsedOptions parsed = ParseOptions(argc, argv);
  std::fputs(parsed.output.c_str(), stdout);
  std::fputs(parsed.error.c_str(), stderr);
  if (!parsed.options.has_value()) return parsed.exit_code;
  const Options& options = *parsed.options;
  if (options.command != Options::Command::kServe) return RunOffline(options);
  // Whoever sends bytes that don't parse is told; the library would write a line for each, too.
  google::protobuf::SetLogHandler(nullptr);
  signal(SIGPIPE, SIG_IGN);
  // Debian's abseil follows the order of all locks, at every one.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return Swooshd(options).Run();
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) { return swoosh::Main(argc, argv); }
