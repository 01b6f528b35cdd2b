#ifndef SWOOSH_SERVER_PROCESS_METRICS_H_
#define SWOOSH_SERVER_PROCESS_METRICS_H_

#include <vector>

#include "prometheus/metric_family.h"

namespace swoosh {

// What every Prometheus client library tells of its process, under the names that they share:
// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_start_time_seconds, process_open_fds, process_max_fds. Read from /proc now; without what
// can't be read. Thread-safe.
// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
std::vector<prometheus::MetricFamily> CollectProcessMetrics();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_PROCESS_METRICS_H_
