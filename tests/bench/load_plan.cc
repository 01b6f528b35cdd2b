#include "tests/bench/load_plan.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace swoosh {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(each) < 0x20 ? ' ' : each;
  }
  return quoted + "\"";
}

}  // namespace

LoadPlan::LoadPlan(absl::Time start, absl::Duration warm_up, absl::Duration duration, double rate)
    : measured_from_(start + warm_up),
      end_(start + warm_up + duration),
      interval_(rate > 0 ? absl::Seconds(1 / rate) : absl::ZeroDuration()),
      next_(start) {}

bool LoadPlan::Take(absl::Time now, absl::Time* due) {
  if (stopped_) return false;
  if (!at_a_rate()) {
    if (now >= end_) return false;
    *due = now;
    return true;
  }
  if (next_ > now || next_ >= end_) return false;
  *due = next_;
  next_ += interval_;
  return true;
}

void LoadPlan::Stop() {
  stopped_ = true;
  next_ = end_;
}

void LoadTally::Answered(const LoadPlan& plan, absl::Time due, absl::Time now) {
  ++answered;
  if (now >= plan.measured_from() && now < plan.end()) ++answered_measured;
  if (due >= plan.measured_from()) latency.Record(now - due);
}

void LoadTally::Failed(absl::string_view why) {
  ++errors;
  if (first_error.empty()) first_error = std::string(why);
}

std::string LoadTally::ToJson(const LoadPlan& plan) const {
  const double seconds = absl::ToDoubleSeconds(plan.end() - plan.measured_from());
  const auto us = [this](double share) {
    return absl::ToDoubleMicroseconds(latency.Quantile(share));
  };
  return absl::StrFormat(
      R"({"rate": %.2f, "count": %d, "answered": %d, "errors": %d, "first_error": %s, )"
      R"("number_max": %d, "reply_bytes": %.1f, "p50_us": %.1f, "p90_us": %.1f, "p99_us": %.1f, )"
      R"("p999_us": %.1f, "max_us": %.1f})",
      static_cast<double>(answered_measured) / seconds, answered_measured, answered, errors,
      Quoted(first_error), number_max,
      static_cast<double>(reply_bytes) / static_cast<double>(std::max<uint64_t>(answered, 1)),
      us(0.5), us(0.9), us(0.99), us(0.999), absl::ToDoubleMicroseconds(latency.max()));
}

int PrintOutcome(const absl::StatusOr<std::string>& json) {
  if (!json.ok()) {
    std::fprintf(stderr, "%s\n", json.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", json->c_str());
  return 0;
}

}  // namespace swoosh
