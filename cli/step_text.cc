#include "cli/step_text.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/proto_text.h"

namespace swoosh {
namespace {

constexpr size_t kOutputBytesMax = 2'000;

}  // namespace

std::string StepText(const std::string& subject, const std::string& before,
                     const v1::Change& change, const v1::Instance& after, const Palette& palette) {
  const std::string now =
      change.deleted() ? "deleted" : Printable(ConfigurationText(change.configuration()));
  std::string text = Printable(subject);
  if (!text.empty()) absl::StrAppend(&text, "  ");
  if (!before.empty()) absl::StrAppend(&text, Printable(before), " → ");
  absl::StrAppend(&text, palette.Bold(now), "\n");

  std::vector<std::pair<std::string, std::string>> fields;
  if (!change.edges().empty()) {
    fields.push_back({"  edges", absl::StrJoin(change.edges(), ", ")});
  }
  if (!change.emitted().empty()) fields.push_back({"  emitted", EmittedText(change.emitted())});
  if (change.status() != v1::Instance::RUNNING) {
    fields.push_back({"  status", StatusText(change.status())});
  }
  if (change.has_fault()) fields.push_back({"  fault", change.fault().message()});
  if (after.has_output())
    fields.push_back({"  output", ValueText(after.output(), kOutputBytesMax)});
  if (!after.enabled_events().empty()) {
    fields.push_back({"  enabled", absl::StrJoin(after.enabled_events(), ", ")});
  }
  if (!after.timers().empty()) {
    fields.push_back({"  timers", TimersText(after.timers(), after.update_time())});
  }
  return absl::StrCat(text, RenderFields(fields, palette));
}

std::string ChangeSummary(const v1::Change& change) {
  std::string text = change.deleted() ? "deleted" : ConfigurationText(change.configuration());
  if (change.status() != v1::Instance::RUNNING && !change.deleted()) {
    absl::StrAppend(&text, " (", StatusText(change.status()),
                    change.has_fault() ? absl::StrCat(": ", change.fault().message()) : "", ")");
  }
  return text;
}

}  // namespace swoosh
