#include "server/metrics.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "core/check.h"
#include "prometheus/text_serializer.h"
#include "server/process_metrics.h"

namespace swoosh {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Registry;

// The names of gRPC's status codes, by number: grpc/doc/statuscodes.md.
constexpr const char* kCodeNames[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

std::vector<double> Doubling(double first, double last) {
  std::vector<double> bounds;
  for (double bound = first; bound <= last; bound *= 2) bounds.push_back(bound);
  return bounds;
}

prometheus::Gauge& AddGauge(Registry* registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(*registry).Add({});
}

prometheus::Histogram& AddHistogram(Registry* registry, const char* name, const char* help,
                                    const std::vector<double>& bounds) {
  return BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, bounds);
}

prometheus::Counter& AddVerifyRuns(Registry* registry, const char* result) {
  return BuildCounter()
      .Name("swoosh_verify_runs_total")
      .Help("Second replays, by what they found.")
      .Register(*registry)
      .Add({{"result", result}});
}

prometheus::Counter& AddProposals(Registry* registry, const char* result) {
  // Registering a name again gives the family that has it.
  return BuildCounter()
      .Name("swoosh_proposals_total")
      .Help("Proposals, by what became of them.")
      .Register(*registry)
      .Add({{"result", result}});
}

prometheus::Counter& AddGuardCalls(Registry* registry, const char* result) {
  return BuildCounter()
      .Name("swoosh_guard_calls_total")
      .Help("Calls to the provider of external guards, by what came of them.")
      .Register(*registry)
      .Add({{"result", result}});
}

using Labels = std::map<std::string, std::string>;

// `prefix` is of the metrics' names, `what` is for people.
ReloadMetrics AddReloads(Registry* registry, const std::string& prefix, const std::string& what,
                         const Labels& labels) {
  const auto counter = [&](const char* result) -> prometheus::Counter& {
    Labels with_result = labels;
    with_result["result"] = result;
    return BuildCounter()
        .Name(prefix + "_reloads_total")
        .Help("Times that " + what + " was read.")
        .Register(*registry)
        .Add(with_result);
  };
  prometheus::Gauge& last_successful =
      BuildGauge()
          .Name(prefix + "_last_reload_successful")
          .Help("0 = " + what + " was refused as it is now, and what was read before is in force.")
          .Register(*registry)
          .Add(labels);
  last_successful.Set(1);
  return {counter("ok"), counter("failed"), last_successful};
}

TlsMetrics AddTls(Registry* registry, const char* peer) {
  const Labels labels = {{"peer", peer}};
  return {AddReloads(registry, "swoosh_certificate", "the set of TLS files", labels),
          BuildGauge()
              .Name("swoosh_certificate_expiry_timestamp_seconds")
              .Help("When the server's own certificate expires, in Unix time; 0 = it has none.")
              .Register(*registry)
              .Add(labels)};
}

prometheus::Gauge& AddStateBytes(Registry* registry, const char* copy) {
  return BuildGauge()
      .Name("swoosh_state_memory_bytes")
      .Help(
          "Memory in the state's tree, and as much again while a verification makes a second one.")
      .Register(*registry)
      .Add({{"copy", copy}});
}

prometheus::Counter& AddRefused(Registry* registry, const char* reason) {
  return BuildCounter()
      .Name("swoosh_connections_refused_total")
      .Help("Connections that were not let in, by the limit that they met.")
      .Register(*registry)
      .Add({{"limit", reason}});
}

prometheus::Counter& AddCut(Registry* registry, const char* reason) {
  return BuildCounter()
      .Name("swoosh_connections_cut_total")
      .Help("Connections that were cut off, by the limit that they passed.")
      .Register(*registry)
      .Add({{"limit", reason}});
}

}  // namespace

std::vector<double> FsyncSecondsBounds() { return Doubling(62.5e-6, 8.5); }
std::vector<double> ReduceSecondsBounds() { return Doubling(1e-6, 1.1); }

void ObserveAll(const std::vector<double>& values, const std::vector<double>& bounds,
                prometheus::Histogram* histogram) {
  if (values.empty()) return;
  std::vector<double> counts(bounds.size() + 1, 0);
  double sum = 0;
  for (const double value : values) {
    // As Histogram::Observe: the first bucket whose upper bound is not below the value.
    counts[std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin()] += 1;
    sum += value;
  }
  histogram->ObserveMultiple(counts, sum);
}

void ReloadMetrics::Count(bool are_good) {
  (are_good ? ok : failed).Increment();
  last_successful.Set(are_good ? 1 : 0);
}

Metrics::Metrics(absl::string_view version)
    : registry_(std::make_shared<Registry>(Registry::InsertBehavior::Merge)),
      proposals_accepted(AddProposals(registry_.get(), "accepted")),
      proposals_duplicate(AddProposals(registry_.get(), "duplicate")),
      proposals_refused(AddProposals(registry_.get(), "refused")),
      proposals_queue_full(AddProposals(registry_.get(), "queue_full")),
      proposals_unavailable(AddProposals(registry_.get(), "unavailable")),
      guard_calls_allowed(AddGuardCalls(registry_.get(), "allowed")),
      guard_calls_denied(AddGuardCalls(registry_.get(), "denied")),
      guard_calls_timeout(AddGuardCalls(registry_.get(), "timeout")),
      guard_calls_unavailable(AddGuardCalls(registry_.get(), "unavailable")),
      guard_calls_error(AddGuardCalls(registry_.get(), "error")),
      guard_calls_cancelled(AddGuardCalls(registry_.get(), "cancelled")),
      wal_fsync_seconds(AddHistogram(registry_.get(), "swoosh_wal_fsync_duration_seconds",
                                     "Time a sync of the log's file took.", FsyncSecondsBounds())),
      wal_append_seconds(AddHistogram(registry_.get(), "swoosh_wal_append_duration_seconds",
                                      "Time the synced append of a group took.",
                                      FsyncSecondsBounds())),
      wal_group_records(AddHistogram(registry_.get(), "swoosh_wal_group_records",
                                     "Records that were appended with one sync.",
                                     Doubling(1, 1024))),
      reduce_seconds(AddHistogram(registry_.get(), "swoosh_reduce_duration_seconds",
                                  "Time it took to reduce a proposal.", ReduceSecondsBounds())),
      snapshot_seconds(AddHistogram(registry_.get(), "swoosh_snapshot_duration_seconds",
                                    "Time it took to write and verify a snapshot.",
                                    Doubling(0.0625, 1100))),
      timer_lateness_seconds(AddHistogram(registry_.get(), "swoosh_timer_lateness_seconds",
                                          "How long after their due time timers fired.",
                                          Doubling(0.001, 70))),
      guard_seconds(AddHistogram(registry_.get(), "swoosh_guard_call_duration_seconds",
                                 "Time a call to the provider of external guards took.",
                                 Doubling(0.0005, 4.5))),
      verify_runs_ok(AddVerifyRuns(registry_.get(), "ok")),
      verify_runs_mismatch(AddVerifyRuns(registry_.get(), "mismatch")),
      verify_runs_failed(AddVerifyRuns(registry_.get(), "failed")),
      verify_runs_skipped(AddVerifyRuns(registry_.get(), "skipped")),
      verify_seconds(AddHistogram(registry_.get(), "swoosh_verify_duration_seconds",
                                  "Time a second replay took that found everything right.",
                                  Doubling(0.0625, 9000))),
      verified_index(AddGauge(registry_.get(), "swoosh_verified_index",
                              "Newest index proven by a second replay; 0 = none since the start.")),
      verified_timestamp_seconds(AddGauge(registry_.get(), "swoosh_verified_timestamp_seconds",
                                          "When that was, in Unix time; 0 = not since the start.")),
      access_reloads(AddReloads(registry_.get(), "swoosh_access", "the file of --auth", {})),
      client_tls(AddTls(registry_.get(), "clients")),
      guard_tls(AddTls(registry_.get(), "guard_provider")),
      connections(AddGauge(registry_.get(), "swoosh_connections", "Open connections for gRPC.")),
      connections_refused_total(AddRefused(registry_.get(), "connections")),
      connections_refused_address(AddRefused(registry_.get(), "connections_of_address")),
      connections_refused_rate(AddRefused(registry_.get(), "rate_of_address")),
      connections_refused_penalty(AddRefused(registry_.get(), "penalty")),
      connections_refused_resources(AddRefused(registry_.get(), "resources")),
      connections_cut_calls(AddCut(registry_.get(), "calls")),
      connections_cut_all_calls(AddCut(registry_.get(), "all_calls")),
      connections_cut_resets(AddCut(registry_.get(), "resets")),
      connections_cut_bytes(AddCut(registry_.get(), "bytes")),
      connections_cut_all_bytes(AddCut(registry_.get(), "all_bytes")),
      connections_cut_memory(AddCut(registry_.get(), "memory")),
      backup_failures(BuildCounter()
                          .Name("swoosh_backup_failures_total")
                          .Help("Backups that ended before their end.")
                          .Register(*registry_)
                          .Add({})),
      last_backup_timestamp_seconds(
          AddGauge(registry_.get(), "swoosh_last_backup_timestamp_seconds",
                   "When a backup was last delivered, in Unix time; 0 = not since the start.")),
      replay_seconds(AddGauge(registry_.get(), "swoosh_replay_duration_seconds",
                              "Time the last recovery took to replay the log.")),
      replay_records(AddGauge(registry_.get(), "swoosh_replay_records",
                              "Records that the last recovery replayed.")),
      snapshot_bytes(
          AddGauge(registry_.get(), "swoosh_snapshot_size_bytes", "Size of the newest snapshot.")),
      last_snapshot_index(AddGauge(registry_.get(), "swoosh_last_snapshot_index",
                                   "Index of the newest snapshot that counts; 0 without one.")),
      snapshot_failures(BuildCounter()
                            .Name("swoosh_snapshot_failures_total")
                            .Help("Snapshots that could not be written or verified.")
                            .Register(*registry_)
                            .Add({})),
      commit_index(
          AddGauge(registry_.get(), "swoosh_commit_index", "Index of the newest durable record.")),
      queue_depth(AddGauge(registry_.get(), "swoosh_queue_depth",
                           "Proposals that were taken and not answered yet.")),
      watchers(AddGauge(registry_.get(), "swoosh_watchers", "Open watches.")),
      watch_lag_records(AddGauge(registry_.get(), "swoosh_watch_lag_records",
                                 "Records that the slowest watch has not been sent yet.")),
      instances(AddGauge(registry_.get(), "swoosh_instances", "Instances in the state.")),
      state_bytes_served(AddStateBytes(registry_.get(), "served")),
      state_bytes_verified(AddStateBytes(registry_.get(), "verified")),
      timers(AddGauge(registry_.get(), "swoosh_timers", "Timers in the state.")),
      wal_bytes(AddGauge(registry_.get(), "swoosh_wal_size_bytes", "Bytes of the log on disk.")),
      disk_free_bytes(AddGauge(registry_.get(), "swoosh_disk_free_bytes",
                               "Bytes that are free on the log's disk.")),
      disk_nearly_full(AddGauge(registry_.get(), "swoosh_disk_nearly_full",
                                "1 when proposals are refused for lack of disk space, else 0.")),
      disk_reserve_bytes(AddGauge(registry_.get(), "swoosh_disk_reserve_bytes",
                                  "Bytes of the log's disk that are set aside.")),
      fenced(AddGauge(registry_.get(), "swoosh_fenced",
                      "1 when a write failed and nothing more is written, else 0.")),
      clock_held_seconds(AddGauge(registry_.get(), "swoosh_clock_held_seconds",
                                  "By how much the log's time is ahead of the wall clock.")),
      rpc_handled_(BuildCounter()
                       .Name("grpc_server_handled_total")
                       .Help("RPCs that ended, by status code.")
                       .Register(*registry_)),
      rpc_handling_seconds_(BuildHistogram()
                                .Name("grpc_server_handling_seconds")
                                .Help("Time from an RPC's start to its end.")
                                .Register(*registry_)) {
  BuildGauge()
      .Name("swoosh_build_info")
      .Help("Always 1; the labels tell what runs.")
      .Register(*registry_)
      .Add({{"version", std::string(version)}})
      .Set(1);
}

RpcMetrics Metrics::ForRpc(absl::string_view type, absl::string_view service,
                           absl::string_view method) {
  const prometheus::Labels labels = {{"grpc_type", std::string(type)},
                                     {"grpc_service", std::string(service)},
                                     {"grpc_method", std::string(method)}};
  RpcMetrics rpc;
  for (int code = 0; code < RpcMetrics::kCodes; ++code) {
    prometheus::Labels with_code = labels;
    with_code["grpc_code"] = kCodeNames[code];
    rpc.handled_[code] = &rpc_handled_.Add(with_code);
  }
  rpc.handling_seconds_ = &rpc_handling_seconds_.Add(labels, FsyncSecondsBounds());
  return rpc;
}

void RpcMetrics::Handled(int code, double seconds) {
  SWOOSH_CHECK(code >= 0 && code < kCodes);
  handled_[code]->Increment();
  handling_seconds_->Observe(seconds);
}

void Metrics::OnScrape(std::function<void()> refresh) {
  absl::MutexLock lock(&scrape_mutex_);
  refreshers_.push_back(std::move(refresh));
}

std::string Metrics::Scrape() {
  absl::MutexLock lock(&scrape_mutex_);
  for (const std::function<void()>& refresh : refreshers_) refresh();
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::vector<prometheus::MetricFamily> process = CollectProcessMetrics();
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace swoosh
