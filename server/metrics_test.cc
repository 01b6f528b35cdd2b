#include "server/metrics.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

bool HasLine(const std::string& text, const std::string& line) {
  return absl::StrContains(absl::StrCat("\n", text), absl::StrCat("\n", line, "\n"));
}

TEST(Metrics, EveryNameIsThereFromTheStartWithItsType) {
  Metrics metrics("1.2.3");
  metrics.ForRpc("unary", "swoosh.v1.Orchestrator", "Submit");
  const std::string text = metrics.Scrape();
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"swoosh_wal_fsync_duration_seconds", "histogram"},
      {"swoosh_wal_append_duration_seconds", "histogram"},
      {"swoosh_wal_group_records", "histogram"},
      {"swoosh_replay_duration_seconds", "gauge"},
      {"swoosh_replay_records", "gauge"},
      {"swoosh_snapshot_duration_seconds", "histogram"},
      {"swoosh_snapshot_size_bytes", "gauge"},
      {"swoosh_snapshot_failures_total", "counter"},
      {"swoosh_last_snapshot_index", "gauge"},
      {"swoosh_commit_index", "gauge"},
      {"swoosh_proposals_total", "counter"},
      {"swoosh_reduce_duration_seconds", "histogram"},
      {"swoosh_queue_depth", "gauge"},
      {"swoosh_watchers", "gauge"},
      {"swoosh_watch_lag_records", "gauge"},
      {"swoosh_instances", "gauge"},
      {"swoosh_timers", "gauge"},
      {"swoosh_timer_lateness_seconds", "histogram"},
      {"swoosh_guard_calls_total", "counter"},
      {"swoosh_guard_call_duration_seconds", "histogram"},
      {"swoosh_wal_size_bytes", "gauge"},
      {"swoosh_disk_free_bytes", "gauge"},
      {"swoosh_fenced", "gauge"},
      {"grpc_server_handled_total", "counter"},
      {"grpc_server_handling_seconds", "histogram"},
      {"swoosh_build_info", "gauge"}};
  for (const auto& [name, type] : expected) {
    EXPECT_TRUE(HasLine(text, absl::StrCat("# TYPE ", name, " ", type))) << name;
    EXPECT_TRUE(absl::StrContains(text, absl::StrCat("# HELP ", name, " "))) << name;
  }
  EXPECT_TRUE(HasLine(text, "swoosh_build_info{version=\"1.2.3\"} 1")) << text;
}

TEST(Metrics, EachResultOfAProposalIsCountedFromZero) {
  Metrics metrics("v");
  metrics.proposals_refused.Increment();
  const std::string text = metrics.Scrape();
  EXPECT_TRUE(HasLine(text, "swoosh_proposals_total{result=\"refused\"} 1")) << text;
  for (const char* result : {"accepted", "duplicate", "queue_full", "unavailable"}) {
    EXPECT_TRUE(HasLine(text, absl::StrCat("swoosh_proposals_total{result=\"", result, "\"} 0")));
  }
}

TEST(Metrics, FsyncBucketsDoubleFrom62Point5MicrosecondsTo8Seconds) {
  const std::vector<double> bounds = FsyncSecondsBounds();
  EXPECT_EQ(bounds.front(), 62.5e-6);
  EXPECT_NEAR(bounds.back(), 8.192, 0.001);
  for (size_t i = 1; i < bounds.size(); ++i) EXPECT_EQ(bounds[i], 2 * bounds[i - 1]);
}

TEST(Metrics, ObserveAllIsObservingEach) {
  Metrics metrics("v");
  const std::vector<double> bounds = ReduceSecondsBounds();
  prometheus::Histogram one_by_one(bounds);
  prometheus::Histogram at_once(bounds);
  const std::vector<double> values = {0, bounds[0], bounds[3], bounds[3] * 1.5, bounds.back(), 99};
  for (const double value : values) one_by_one.Observe(value);
  ObserveAll(values, bounds, &at_once);
  const auto a = one_by_one.Collect().histogram;
  const auto b = at_once.Collect().histogram;
  EXPECT_EQ(a.sample_count, values.size());
  EXPECT_EQ(a.sample_count, b.sample_count);
  EXPECT_DOUBLE_EQ(a.sample_sum, b.sample_sum);
  ASSERT_EQ(a.bucket.size(), b.bucket.size());
  for (size_t i = 0; i < a.bucket.size(); ++i) {
    EXPECT_EQ(a.bucket[i].cumulative_count, b.bucket[i].cumulative_count) << i;
  }
}

TEST(Metrics, GaugesAreRefreshedAtEachScrape) {
  Metrics metrics("v");
  int scrapes = 0;
  metrics.OnScrape([&] { metrics.wal_bytes.Set(++scrapes); });
  EXPECT_TRUE(HasLine(metrics.Scrape(), "swoosh_wal_size_bytes 1"));
  EXPECT_TRUE(HasLine(metrics.Scrape(), "swoosh_wal_size_bytes 2"));
}

TEST(Metrics, RpcsAreCountedByCode) {
  Metrics metrics("v");
  RpcMetrics rpc = metrics.ForRpc("unary", "swoosh.v1.Orchestrator", "Submit");
  rpc.Handled(0, 0.001);
  rpc.Handled(8, 0.001);
  rpc.Handled(8, 0.001);
  const std::string text = metrics.Scrape();
  const std::string method =
      "grpc_method=\"Submit\",grpc_service=\"swoosh.v1.Orchestrator\",grpc_type=\"unary\"";
  EXPECT_TRUE(
      HasLine(text, absl::StrCat("grpc_server_handled_total{grpc_code=\"OK\",", method, "} 1")));
  EXPECT_TRUE(HasLine(
      text,
      absl::StrCat("grpc_server_handled_total{grpc_code=\"ResourceExhausted\",", method, "} 2")));
  EXPECT_TRUE(HasLine(text, absl::StrCat("grpc_server_handling_seconds_count{", method, "} 3")));
}

}  // namespace
}  // namespace swoosh
