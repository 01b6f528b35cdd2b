#ifndef SWOOSH_SERVER_METRICS_H_
#define SWOOSH_SERVER_METRICS_H_

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace swoosh {

// What is counted about one RPC method. Made by Metrics::ForRpc, which must outlive it.
// Thread-safe.
class RpcMetrics {
 public:
  // An RPC ended with gRPC status code `code` (0 to 16) after `seconds`.
  void Handled(int code, double seconds);

 private:
  friend class Metrics;
  static constexpr int kCodes = 17;
  RpcMetrics() = default;
  std::array<prometheus::Counter*, kCodes> handled_ = {};
  prometheus::Histogram* handling_seconds_ = nullptr;
};

// Of files that are read at the start and again when they change.
struct ReloadMetrics {
  // They were read. Else they are refused: what was read before stays in force.
  void Count(bool are_good);

  prometheus::Counter& ok;
  prometheus::Counter& failed;
  prometheus::Gauge& last_successful;
};

// Of the TLS files for one kind of peers.
struct TlsMetrics {
  ReloadMetrics reloads;
  prometheus::Gauge& expiry_timestamp_seconds;
};

// All metrics of the server, and the only place that knows their names. Thread-safe.
//
// A prometheus-cpp histogram locks a mutex for each observation: on busy threads gather a group's
// and use ObserveAll.
class Metrics {
 private:
  std::shared_ptr<prometheus::Registry> registry_;

 public:
  // `version` stands in swoosh_build_info.
  explicit Metrics(absl::string_view version);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // All metrics in Prometheus' text format 0.0.4, once what OnScrape was given has run.
  std::string Scrape();
  // `refresh` runs at each scrape, one scrape at a time, to set gauges that are read off something.
  // It is never taken away: what it refers to must outlive the last Scrape.
  void OnScrape(std::function<void()> refresh);

  // `type` is "unary", "server_stream" or "bidi_stream"; `service` and `method` as in the contract:
  // "swoosh.v1.Orchestrator", "Submit". All codes start at 0. Call it once a method.
  RpcMetrics ForRpc(absl::string_view type, absl::string_view service, absl::string_view method);

  // Results of proposals, for swoosh_proposals_total.
  prometheus::Counter& proposals_accepted;
  prometheus::Counter& proposals_duplicate;
  prometheus::Counter& proposals_refused;
  prometheus::Counter& proposals_queue_full;
  prometheus::Counter& proposals_unavailable;  // draining, fenced, failed, disk nearly full

  // Results of calls to the GuardProvider, for swoosh_guard_calls_total.
  prometheus::Counter& guard_calls_allowed;
  prometheus::Counter& guard_calls_denied;
  prometheus::Counter& guard_calls_timeout;      // no answer in time
  prometheus::Counter& guard_calls_unavailable;  // the provider can't be reached
  prometheus::Counter& guard_calls_error;        // anything else but an answer
  prometheus::Counter& guard_calls_cancelled;    // given up because the server shuts down

  prometheus::Histogram& wal_fsync_seconds;
  prometheus::Histogram& wal_append_seconds;
  prometheus::Histogram& wal_group_records;
  prometheus::Histogram& reduce_seconds;
  prometheus::Histogram& snapshot_seconds;
  prometheus::Histogram& timer_lateness_seconds;
  prometheus::Histogram& guard_seconds;

  // Results of the second replay, for swoosh_verify_runs_total.
  prometheus::Counter& verify_runs_ok;
  prometheus::Counter& verify_runs_mismatch;  // the state served was wrong
  prometheus::Counter& verify_runs_failed;    // the log or the snapshot could not be read
  prometheus::Counter& verify_runs_skipped;   // too little memory
  prometheus::Histogram& verify_seconds;
  prometheus::Gauge& verified_index;
  prometheus::Gauge& verified_timestamp_seconds;

  ReloadMetrics access_reloads;  // of the file of --auth
  TlsMetrics client_tls;
  TlsMetrics guard_tls;

  prometheus::Gauge& connections;
  // Connections that were refused, for swoosh_connections_refused_total.
  prometheus::Counter& connections_refused_total;      // so many in all
  prometheus::Counter& connections_refused_address;    // so many from one address
  prometheus::Counter& connections_refused_rate;       // so many a second from one address
  prometheus::Counter& connections_refused_penalty;    // as one from there was cut off
  prometheus::Counter& connections_refused_resources;  // no descriptor, no memory
  // Connections that were cut off, for swoosh_connections_cut_total.
  prometheus::Counter& connections_cut_calls;      // its calls
  prometheus::Counter& connections_cut_all_calls;  // those of all, of which it had most
  prometheus::Counter& connections_cut_resets;     // calls that went without an answer
  prometheus::Counter& connections_cut_bytes;  // of messages not whole, or of which nothing came
  prometheus::Counter& connections_cut_all_bytes;  // those of all, of which it had most
  prometheus::Counter& connections_cut_memory;     // memory that calls take, of which it had most

  prometheus::Counter& backup_failures;
  prometheus::Gauge& last_backup_timestamp_seconds;

  prometheus::Gauge& replay_seconds;  // of the last recovery
  prometheus::Gauge& replay_records;
  prometheus::Gauge& snapshot_bytes;  // of the newest one
  prometheus::Gauge& last_snapshot_index;
  prometheus::Counter& snapshot_failures;
  prometheus::Gauge& commit_index;
  prometheus::Gauge& queue_depth;
  prometheus::Gauge& watchers;
  prometheus::Gauge& watch_lag_records;
  prometheus::Gauge& instances;
  prometheus::Gauge& state_bytes_served;    // of the state's tree in memory
  prometheus::Gauge& state_bytes_verified;  // as much, while a verification makes a second one
  prometheus::Gauge& timers;
  prometheus::Gauge& wal_bytes;
  prometheus::Gauge& disk_free_bytes;
  prometheus::Gauge& disk_nearly_full;
  prometheus::Gauge& disk_reserve_bytes;
  prometheus::Gauge& fenced;
  prometheus::Gauge& clock_held_seconds;  // by how much the log's time is ahead of the wall clock

 private:
  prometheus::Family<prometheus::Counter>& rpc_handled_;
  prometheus::Family<prometheus::Histogram>& rpc_handling_seconds_;

  absl::Mutex scrape_mutex_;
  std::vector<std::function<void()>> refreshers_ ABSL_GUARDED_BY(scrape_mutex_);
};

// Upper bounds in seconds, without the last, infinite one.
std::vector<double> FsyncSecondsBounds();   // 62.5 us doubling to 8 s
std::vector<double> ReduceSecondsBounds();  // 1 us doubling to 1 s

// Observes all at once, with one lock. `bounds` are those that the histogram was made with.
void ObserveAll(const std::vector<double>& values, const std::vector<double>& bounds,
                prometheus::Histogram* histogram);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_METRICS_H_
