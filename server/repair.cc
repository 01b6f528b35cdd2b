#include "server/repair.h"

#include <memory>
#include <ostream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "server/exit_codes.h"
#include "server/verify.h"
#include "storage/repair.h"

namespace swoosh {
namespace {

std::string Kept(const RepairPlan& plan) {
  if (plan.last_kept == 0) return "kept: no record; the store will be empty";
  if (plan.first_kept > plan.last_kept) {
    return absl::StrCat("kept: the state after record ", plan.last_kept,
                        ", of a snapshot; no record can be read");
  }
  std::string text = absl::StrCat("kept: records ", plan.first_kept, " to ", plan.last_kept,
                                  ", and the state after them");
  if (plan.first_kept > 1) {
    absl::StrAppend(&text, "; of the records before, only what they did to the state");
  }
  return text;
}

std::string Lost(const RepairPlan& plan) {
  if (!plan.acknowledged.has_value()) {
    return absl::StrCat("lost: whatever was acknowledged after record ", plan.last_kept,
                        ": the commit mark, which would tell, is missing or damaged");
  }
  const std::string unknown =
      "what was acknowledged after that in the last 100 ms before a power cut can't be known";
  if (plan.lost_records() == 0) {
    return absl::StrCat("lost: no record up to ", *plan.acknowledged,
                        ", which is how far the commit mark tells; ", unknown);
  }
  return absl::StrCat("lost: records ", plan.last_kept + 1, " to ", *plan.acknowledged, " (",
                      plan.lost_records(), "), which were acknowledged; ", unknown);
}

// Whether the operator types the number of records that are lost.
bool Agrees(const RepairPlan& plan, const std::function<std::optional<std::string>()>& answer,
            std::ostream& output, std::ostream& error) {
  output << "The files as they are now will be kept as evidence, and the store gets a new history "
            "id.\nType the number of records lost ("
         << plan.lost_records() << ") to go on: " << std::flush;
  const std::optional<std::string> typed = answer();
  if (!typed.has_value()) {
    output << "\n";
    error << "not repaired: nobody is there to ask; add --yes to repair without asking\n";
    return false;
  }
  if (absl::StripAsciiWhitespace(*typed) == absl::StrCat(plan.lost_records())) return true;
  error << "not repaired: nothing was changed\n";
  return false;
}

}  // namespace

int RunRepair(FileSystem* file_system, const StorePaths& paths, bool agreed,
              const std::function<std::optional<std::string>()>& answer, std::ostream& output,
              std::ostream& error) {
  const auto failed = [&error](const absl::Status& status) {
    error << "not repaired: " << std::string(status.message()) << "\n";
    return ExitCodeFor(status);
  };
  const absl::StatusOr<std::unique_ptr<Repair>> repair = Repair::Examine(file_system, paths);
  if (!repair.ok()) return failed(repair.status());
  const RepairPlan& plan = (*repair)->plan();
  if (plan.trouble.empty()) {
    output << "nothing to repair: the store in " << paths.data_dir << " is whole\n";
    return kExitOk;
  }
  output << "found: " << plan.trouble << "\n";
  if (plan.goes_on) {
    output << "going on with a repair that was agreed to and cut short\n";
  } else {
    output << Kept(plan) << "\n" << Lost(plan) << "\n";
    if (!agreed && !Agrees(plan, answer, output, error)) return kExitDataLoss;
  }
  const absl::StatusOr<RepairResult> result = (*repair)->CarryOut();
  if (!result.ok()) return failed(result.status());
  output << "evidence: " << result->evidence << "\nrepaired history_id=" << result->history_id
         << " index=" << result->index << " state_hash=" << ToHex(result->state_hash) << "\n";
  return kExitOk;
}

}  // namespace swoosh
