#include "server/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "server/memory_use.h"

namespace swoosh {
namespace {

// The fields of /proc/self/stat that are used (proc(5)), counted from the one after the name.
struct ProcessStat {
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t start_ticks = 0;  // after the machine started
  uint64_t virtual_bytes = 0;
};

std::optional<ProcessStat> ReadProcessStat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The name, which is in brackets, may hold anything.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  const auto skip = [&](int count) {
    for (int i = 0; i < count; ++i) fields >> skipped;
  };
  ProcessStat stat;
  skip(11);
  fields >> stat.user_ticks >> stat.system_ticks;
  skip(6);
  fields >> stat.start_ticks >> stat.virtual_bytes;
  if (!fields) return std::nullopt;
  return stat;
}

// When the machine started, in seconds since the Unix epoch.
std::optional<double> BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  while (file >> name) {
    double seconds = 0;
    if (name == "btime" && file >> seconds) return seconds;
    std::getline(file, name);
  }
  return std::nullopt;
}

std::optional<double> OpenFileCount() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  double count = -1;  // the directory itself is open
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  if (error) return std::nullopt;
  return count;
}

class Families {
 public:
  void AddGauge(const char* name, const char* help, double value) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    Add(name, help, prometheus::MetricType::Gauge, std::move(metric));
  }
  void AddCounter(const char* name, const char* help, double value) {
    prometheus::ClientMetric metric;
    metric.counter.value = value;
    Add(name, help, prometheus::MetricType::Counter, std::move(metric));
  }
  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  void Add(const char* name, const char* help, prometheus::MetricType type,
           prometheus::ClientMetric metric) {
    prometheus::MetricFamily& family = families_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
    family.metric.push_back(std::move(metric));
  }

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace

std::vector<prometheus::MetricFamily> CollectProcessMetrics() {
  Families families;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const std::optional<ProcessStat> stat = ReadProcessStat(); stat.has_value()) {
    const auto ticks = static_cast<double>(stat->user_ticks + stat->system_ticks);
    families.AddCounter("process_cpu_seconds_total", "CPU time spent, user and system.",
                        ticks / ticks_per_second);
    families.AddGauge("process_virtual_memory_bytes", "Memory that is mapped.",
                      static_cast<double>(stat->virtual_bytes));
    if (const std::optional<double> boot = BootTimeSeconds(); boot.has_value()) {
      families.AddGauge("process_start_time_seconds",
                        "When the process started, in seconds since the Unix epoch.",
                        *boot + static_cast<double>(stat->start_ticks) / ticks_per_second);
    }
  }
  if (const uint64_t bytes = MemoryUsedBytes(); bytes > 0) {
    families.AddGauge("process_resident_memory_bytes", "Memory that is in use.",
                      static_cast<double>(bytes));
  }
  if (const std::optional<double> open = OpenFileCount(); open.has_value()) {
    families.AddGauge("process_open_fds", "File descriptors that are open.", *open);
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.AddGauge("process_max_fds", "File descriptors that may be open.",
                      static_cast<double>(limit.rlim_cur));
  }
  return families.Take();
}

}  // namespace swoosh
