#include "server/process_metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::map<std::string, double> Values() {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : CollectProcessMetrics()) {
    const prometheus::ClientMetric& metric = family.metric.at(0);
    const bool counter = family.type == prometheus::MetricType::Counter;
    values[family.name] = counter ? metric.counter.value : metric.gauge.value;
  }
  return values;
}

TEST(ProcessMetricsTest, TellTheTimeMemoryAndFilesOfThisProcess) {
  const std::map<std::string, double> before = Values();
  ASSERT_EQ(before.size(), 6u);
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(before.at("process_start_time_seconds"), now.count() + 2);
  EXPECT_GT(before.at("process_start_time_seconds"), now.count() - 3'600);
  EXPECT_GT(before.at("process_resident_memory_bytes"), 100'000);
  EXPECT_GE(before.at("process_virtual_memory_bytes"), before.at("process_resident_memory_bytes"));
  EXPECT_GE(before.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(before.at("process_max_fds"), before.at("process_open_fds"));

  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(Values().at("process_open_fds"), before.at("process_open_fds") + 1);
  close(file);
  EXPECT_EQ(Values().at("process_open_fds"), before.at("process_open_fds"));
}

}  // namespace
}  // namespace swoosh
