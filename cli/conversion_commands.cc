#include "cli/conversion_commands.h"

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/conversion/dot_export.h"
#include "cli/conversion/json_export.h"
#include "cli/conversion/mermaid_export.h"
#include "cli/conversion/scxml_export.h"
#include "cli/conversion/scxml_import.h"
#include "cli/conversion/xstate_import.h"
#include "cli/document.h"
#include "cli/exit_codes.h"
#include "cli/machine_file.h"
#include "cli/proto_text.h"
#include "cli/text_file.h"
#include "cli/text_table.h"

namespace swoosh {
namespace {

constexpr char kXState[] = "xstate";
constexpr char kScxml[] = "scxml";

struct ImportArguments {
  std::string path;
  std::string from;  // "" = by the path's extension
  std::string name;
  std::vector<std::string> dropped;
  std::string write;  // "" = standard output
};

struct ExportArguments {
  std::string source;
  std::string format;
  std::string write;
};

// An error of several lines.
int FailedLines(Session& session, absl::string_view message) {
  for (absl::string_view line : absl::StrSplit(message, '\n')) session.Failed(line);
  return kCliFailed;
}

// Into the file, or to standard output when `path` is "".
int WriteText(Session& session, const std::string& path, const std::string& text) {
  if (path.empty()) {
    session.out() << text;
    return kCliOk;
  }
  const absl::Status status = WriteTextFileAtomically(path, text);
  if (!status.ok()) return session.Failed(status.message());
  session.out() << session.palette().Green("ok") << "  " << Printable(path) << "\n";
  return kCliOk;
}

std::string NotationOf(const ImportArguments& arguments) {
  if (!arguments.from.empty()) return arguments.from;
  if (absl::EndsWithIgnoreCase(arguments.path, ".json")) return kXState;
  if (absl::EndsWithIgnoreCase(arguments.path, ".scxml") ||
      absl::EndsWithIgnoreCase(arguments.path, ".xml")) {
    return kScxml;
  }
  return "";
}

absl::StatusOr<v1::Machine> ImportText(const ImportArguments& arguments, absl::string_view notation,
                                       absl::string_view text) {
  const std::string path =
      arguments.path == kStandardInput ? std::string("standard input") : arguments.path;
  if (notation == kXState) {
    XStateImportOptions options;
    options.name = arguments.name;
    options.dropped.insert(arguments.dropped.begin(), arguments.dropped.end());
    return ImportXState(path, text, options);
  }
  absl::StatusOr<v1::Machine> machine = ImportScxml(path, text);
  if (machine.ok() && !arguments.name.empty()) machine->set_name(arguments.name);
  return machine;
}

int Import(Session& session, const ImportArguments& arguments) {
  const std::string notation = NotationOf(arguments);
  if (notation.empty()) {
    return session.UsageFailed(
        "the file's name ends neither in .json nor in .scxml: say --from xstate or --from scxml");
  }
  if (notation == kScxml && !arguments.dropped.empty()) {
    return session.UsageFailed(
        "--drop is for imports from XState: comments are all that SCXML has");
  }
  const absl::StatusOr<std::string> text = ReadTextFile(arguments.path, kDocumentBytesMax);
  if (!text.ok()) return session.Failed(text.status().message());
  MachineFile file;
  file.path = "the imported machine";
  absl::StatusOr<v1::Machine> machine = ImportText(arguments, notation, *text);
  if (!machine.ok()) return FailedLines(session, machine.status().message());
  file.machine = *std::move(machine);
  if (const absl::Status status = CheckMachineFile(file); !status.ok()) {
    return session.Failed(status.message());
  }
  const bool one_line = session.json() && arguments.write.empty();
  return WriteText(session, arguments.write,
                   one_line ? ToJson(file.machine) + "\n" : ExportJson(file.machine));
}

bool IsFileName(const std::string& source) {
  return source == kStandardInput || absl::StrContains(source, "/") ||
         absl::EndsWithIgnoreCase(source, ".json") || absl::EndsWithIgnoreCase(source, ".yaml") ||
         absl::EndsWithIgnoreCase(source, ".yml");
}

// The machine to be exported, from a file or the server. False once the failure was told, with the
// exit code in `failure`.
bool ReadSource(Session& session, const std::string& source, v1::Machine* machine, int* failure) {
  if (IsFileName(source)) {
    absl::StatusOr<MachineFile> file = ReadMachineFile(source);
    absl::Status status = file.status();
    if (status.ok()) status = CheckMachineFile(*file);
    if (!status.ok()) {
      *failure = session.Failed(status.message());
      return false;
    }
    *machine = std::move(file->machine);
    return true;
  }
  const std::pair<std::string, std::string> parts = absl::StrSplit(source, absl::MaxSplits('@', 1));
  uint32_t version = 0;
  if (absl::StrContains(source, "@") &&
      (!absl::SimpleAtoi(parts.second, &version) || version == 0)) {
    *failure = session.UsageFailed(absl::StrCat("'", parts.second, "' is no version of a machine"));
    return false;
  }
  v1::GetMachineRequest request;
  request.set_namespace_(session.ns());
  request.set_name(parts.first);
  request.set_version(version);
  absl::StatusOr<v1::Machine> found = session.client()->GetMachine(request);
  if (!found.ok()) {
    *failure = session.RpcFailed(found.status());
    return false;
  }
  *machine = *std::move(found);
  return true;
}

int Export(Session& session, const ExportArguments& arguments) {
  v1::Machine machine;
  int failure = kCliFailed;
  if (!ReadSource(session, arguments.source, &machine, &failure)) return failure;
  if (arguments.format == "mermaid") {
    return WriteText(session, arguments.write, ExportMermaid(machine));
  }
  if (arguments.format == "dot") return WriteText(session, arguments.write, ExportDot(machine));
  if (arguments.format == "json") {
    return WriteText(session, arguments.write, ExportJson(machine));
  }
  const absl::StatusOr<std::string> scxml = ExportScxml(machine);
  if (!scxml.ok()) return session.Failed(scxml.status().message());
  return WriteText(session, arguments.write, *scxml);
}

void AddImport(Commands* commands, CLI::App* group) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* import = commands->AddTo(
      group, "import",
      "Make a machine of an XState v5 config in JSON, or of SCXML. Needs no server.\n"
      "Named guards become external guards, named actions tell workers (emit). What a machine "
      "can't\n"
      "express is refused, with its place in the file; nothing is left out but what --drop names.",
      {{"swooshctl machine import checkout.json > order.json", "an XState config"},
       {"swooshctl machine import chart.scxml --write chart.json", ""},
       {"swooshctl machine import checkout.json --drop description,meta", ""},
       {"swooshctl machine import checkout.json | swooshctl machine put -", "register it at once"}},
      [arguments](Session& session) { return Import(session, *arguments); });
  import->add_option("FILE", arguments->path, "The file; - for standard input")->required();
  import->add_option("--from", arguments->from, "The notation (default: by the file's extension)")
      ->check(CLI::IsMember({kXState, kScxml}))
      ->type_name("NOTATION");
  import->add_option("--name", arguments->name, "The machine's name (default: the file's own id)")
      ->type_name("NAME");
  const std::vector<std::string> droppable(std::begin(kXStateDroppable),
                                           std::end(kXStateDroppable));
  import
      ->add_option("--drop", arguments->dropped,
                   "What to leave out of an XState config: description, meta, tags, version")
      ->delimiter(',')
      ->allow_extra_args(false)  // The file may follow.
      ->check(CLI::IsMember(droppable))
      ->type_name("LIST");
  import->add_option("--write", arguments->write, "Write into this file instead of to stdout")
      ->type_name("FILE");
}

void AddExport(Commands* commands, CLI::App* group) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* app = commands->AddTo(
      group, "export",
      "Write a machine in another notation. That is SCXML, which import reads again, a Mermaid or\n"
      "Graphviz diagram, or the JSON that put takes. What ends in .json, .yaml or .yml, has a / or "
      "is\n"
      "- is a file, and needs no server; anything else is the name of a registered machine.",
      {{"swooshctl machine export order --format mermaid", "the latest version, as a diagram"},
       {"swooshctl machine export order@2 --format json > order.json", ""},
       {"swooshctl machine export order.yaml --format scxml --write order.scxml", ""},
       {"swooshctl machine export order.yaml --format dot | dot -Tsvg > order.svg", ""}},
      [arguments](Session& session) { return Export(session, *arguments); });
  app->add_option("SOURCE", arguments->source, "A machine file, or NAME[@VERSION] of a machine")
      ->required();
  app->add_option("--format", arguments->format, "The notation")
      ->check(CLI::IsMember({"scxml", "mermaid", "dot", "json"}))
      ->type_name("NOTATION")
      ->required();
  app->add_option("--write", arguments->write, "Write into this file instead of to stdout")
      ->type_name("FILE");
}

}  // namespace

void AddConversionCommands(Commands* commands, CLI::App* group) {
  AddImport(commands, group);
  AddExport(commands, group);
}

}  // namespace swoosh
