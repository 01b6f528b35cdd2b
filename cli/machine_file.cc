#include "cli/machine_file.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/document.h"
#include "cli/text_file.h"
#include "cli/yaml_document.h"
#include "core/errors.h"
#include "core/statechart/machine.h"
#include "google/rpc/error_details.pb.h"

namespace swoosh {
namespace {

// What the compiler is told to call the machine.
constexpr char kCompileField[] = "machine";
constexpr char kCompileNamespace[] = "default";

bool IsJson(absl::string_view path, absl::string_view text) {
  if (absl::EndsWithIgnoreCase(path, ".json")) return true;
  if (absl::EndsWithIgnoreCase(path, ".yaml") || absl::EndsWithIgnoreCase(path, ".yml")) {
    return false;
  }
  const size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return first != absl::string_view::npos && text[first] == '{';
}

absl::Status WithMessage(const absl::Status& status, absl::string_view message) {
  absl::Status changed(status.code(), message);
  status.ForEachPayload([&changed](absl::string_view type_url, const absl::Cord& payload) {
    changed.SetPayload(type_url, payload);
  });
  return changed;
}

}  // namespace

absl::StatusOr<MachineFile> ParseMachineFile(const std::string& path, absl::string_view text) {
  const absl::StatusOr<Node> tree = IsJson(path, text) ? ParseJson(text) : ParseYaml(text);
  MachineFile file;
  file.path = path == kStandardInput ? "standard input" : path;
  absl::Status status = tree.status();
  if (status.ok()) status = ReadMessage(*tree, &file.machine, &file.positions);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file.path, ":", status.message()));
  }
  return file;
}

absl::StatusOr<MachineFile> ReadMachineFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, kDocumentBytesMax);
  if (!text.ok()) return text.status();
  return ParseMachineFile(path, *text);
}

Position FindPosition(const MachineFile& file, absl::string_view field) {
  while (true) {
    const auto found = file.positions.find(field);
    if (found != file.positions.end()) return found->second;
    const size_t end = field.find_last_of(".[");
    if (end == absl::string_view::npos) return Position{};
    field = field.substr(0, end);
  }
}

absl::StatusOr<std::shared_ptr<const Machine>> CompileMachineFile(const MachineFile& file) {
  absl::StatusOr<std::shared_ptr<const Machine>> machine =
      Machine::Compile(kCompileNamespace, file.machine, /*version=*/1, kCompileField);
  if (!machine.ok()) return LocateError(file, kCompileField, machine.status());
  return machine;
}

absl::Status CheckMachineFile(const MachineFile& file) { return CompileMachineFile(file).status(); }

absl::Status LocateError(const MachineFile& file, absl::string_view prefix,
                         const absl::Status& error) {
  google::rpc::BadRequest bad_request;
  if (!GetDetail(error, &bad_request) || bad_request.field_violations().empty()) return error;
  const auto& violation = bad_request.field_violations(0);
  absl::string_view field = violation.field();
  if (!absl::ConsumePrefix(&field, prefix)) return error;
  absl::ConsumePrefix(&field, ".");
  const Position position = FindPosition(file, field);
  return WithMessage(
      error, absl::StrCat(file.path, ":", position.line == 0 ? "" : ToString(position) + ":", " ",
                          field, field.empty() ? "" : ": ", violation.description()));
}

}  // namespace swoosh
