#include "tests/fuzz/machine_text.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/machine_file.h"
#include "core/check.h"
#include "core/statechart/machine.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

constexpr char kNamespace[] = "default";
constexpr char kField[] = "machine";
constexpr uint32_t kVersion = 1;

void CheckError(const absl::Status& status, absl::string_view begin) {
  SWOOSH_CHECK(IsValidUtf8(status.message()));
  SWOOSH_CHECK(absl::StartsWith(status.message(), begin));
}

}  // namespace

absl::Status CheckMachine(const v1::Machine& definition) {
  const absl::StatusOr<std::shared_ptr<const Machine>> machine =
      Machine::Compile(kNamespace, definition, kVersion, kField);
  if (!machine.ok()) {
    SWOOSH_CHECK(absl::IsInvalidArgument(machine.status()));
    CheckError(machine.status(), "");
    return machine.status();
  }
  const absl::StatusOr<std::shared_ptr<const Machine>> stored =
      DecodeMachine(MachineKey(kNamespace, (*machine)->name(), kVersion), EncodeMachine(**machine));
  SWOOSH_CHECK(stored.ok());
  SWOOSH_CHECK((*stored)->definition_hash() == (*machine)->definition_hash());
  SWOOSH_CHECK((*stored)->definition() == (*machine)->definition());
  SWOOSH_CHECK((*stored)->states().size() == (*machine)->states().size());

  const absl::StatusOr<std::shared_ptr<const Machine>> again =
      Machine::Compile(kNamespace, (*machine)->ToProto(true), kVersion, kField);
  SWOOSH_CHECK(again.ok());
  SWOOSH_CHECK((*again)->definition_hash() == (*machine)->definition_hash());
  return absl::OkStatus();
}

void CheckMachineText(const std::string& path, absl::string_view text) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile(path, text);
  if (!file.ok()) {
    SWOOSH_CHECK(absl::IsInvalidArgument(file.status()));
    return CheckError(file.status(), absl::StrCat(path, ":"));
  }
  const absl::Status status = CheckMachineFile(*file);
  if (!status.ok()) CheckError(status, path);
  SWOOSH_CHECK(CheckMachine(file->machine).ok() == status.ok());
}

}  // namespace swoosh
