#include "cli/submit_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/value.h"

namespace swoosh {
namespace {

constexpr int kBarColumns = 24;

double Rate(const SubmitRun& run) {
  const double seconds = absl::ToDoubleSeconds(run.elapsed);
  const uint64_t answered = run.checkpoint.totals.answered() - run.answered_before;
  return seconds > 0 ? static_cast<double>(answered) / seconds : 0;
}

std::string Bar(double share) {
  const int filled = static_cast<int>(share * kBarColumns);
  return absl::StrCat("[", std::string(static_cast<size_t>(filled), '#'),
                      std::string(static_cast<size_t>(kBarColumns - filled), '.'), "]");
}

Value Count(uint64_t number) { return Value::Number(static_cast<double>(number)); }

}  // namespace

std::string GroupedDigits(uint64_t number) {
  const std::string digits = absl::StrCat(number);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

std::string ProgressLine(const SubmitRun& run, int columns) {
  const SubmitTotals& totals = run.checkpoint.totals;
  std::string line;
  if (run.bytes_total > 0) {
    const double share = std::min(1.0, static_cast<double>(run.checkpoint.place.bytes) /
                                           static_cast<double>(run.bytes_total));
    absl::StrAppend(&line, Bar(share), absl::StrFormat(" %3.0f %%  ", share * 100));
  }
  absl::StrAppend(&line, GroupedDigits(totals.answered()), " answered");
  if (totals.refused_total() > 0) {
    absl::StrAppend(&line, ", ", GroupedDigits(totals.refused_total()), " refused");
  }
  absl::StrAppend(&line, ", ", GroupedDigits(static_cast<uint64_t>(Rate(run))), "/s");
  return line.substr(0, static_cast<size_t>(std::max(columns, 1)));
}

std::string SummaryText(const SubmitRun& run, const Palette& palette) {
  const SubmitTotals& totals = run.checkpoint.totals;
  std::vector<std::pair<std::string, std::string>> fields = {
      {"answered", absl::StrCat(GroupedDigits(totals.answered()), " requests")},
      {"accepted", GroupedDigits(totals.accepted)},
  };
  if (totals.duplicates > 0) {
    fields.push_back(
        {"duplicates", absl::StrCat(GroupedDigits(totals.duplicates), " accepted before")});
  }
  if (totals.validated > 0) fields.push_back({"validated", GroupedDigits(totals.validated)});
  fields.push_back({"refused", GroupedDigits(totals.refused_total())});
  for (const auto& [why, count] : totals.refused) {
    fields.push_back({absl::StrCat("  ", why), GroupedDigits(count)});
  }
  if (run.answered_before > 0) {
    fields.push_back({"resumed after", GroupedDigits(run.answered_before)});
  }
  fields.push_back({"last index", absl::StrCat(totals.last_index)});
  fields.push_back({"time", absl::StrFormat("%.1f s, %s/s", absl::ToDoubleSeconds(run.elapsed),
                                            GroupedDigits(static_cast<uint64_t>(Rate(run))))});
  return RenderFields(fields, palette);
}

std::string SummaryJson(const SubmitRun& run) {
  const SubmitTotals& totals = run.checkpoint.totals;
  Value::Map refused;
  for (const auto& [why, count] : totals.refused) refused.push_back({why, Count(count)});
  return absl::StrCat(ToJsonText(Value::OfMap({
                          {"lines", Count(run.checkpoint.place.line)},
                          {"answered", Count(totals.answered())},
                          {"answeredBefore", Count(run.answered_before)},
                          {"accepted", Count(totals.accepted)},
                          {"duplicates", Count(totals.duplicates)},
                          {"validated", Count(totals.validated)},
                          {"refused", Value::OfMap(std::move(refused))},
                          {"lastIndex", Count(totals.last_index)},
                          {"seconds", Value::Number(absl::ToDoubleSeconds(run.elapsed))},
                      })),
                      "\n");
}

}  // namespace swoosh
