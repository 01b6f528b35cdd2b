#include "cli/machine_commands.h"

#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/conversion_commands.h"
#include "cli/document.h"
#include "cli/exit_codes.h"
#include "cli/machine_file.h"
#include "cli/machine_outline.h"
#include "cli/proto_text.h"
#include "core/statechart/machine_analysis.h"

namespace swoosh {
namespace {

constexpr int kPageSize = 1'000;
constexpr size_t kHashDigitsShown = 12;

std::string ShortHash(const std::string& hash) { return HexText(hash).substr(0, kHashDigitsShown); }

// The error of a proposal with all files, with the place in the file that it is about.
absl::Status Locate(const std::vector<MachineFile>& files, absl::Status error) {
  for (size_t i = 0; i < files.size(); ++i) {
    error =
        LocateError(files[i], absl::StrCat("transitions[", i, "].register_machine.machine"), error);
  }
  return error;
}

int Put(Session& session, const std::vector<std::string>& paths) {
  v1::SubmitRequest request;
  request.set_namespace_(session.ns());
  std::vector<MachineFile> files;
  for (const std::string& path : paths) {
    absl::StatusOr<MachineFile> file = ReadMachineFile(path);
    if (!file.ok()) return session.Failed(file.status().message());
    *request.add_transitions()->mutable_register_machine()->mutable_machine() = file->machine;
    files.push_back(*std::move(file));
  }
  const absl::StatusOr<v1::SubmitResponse> response = session.client()->Submit(request);
  if (!response.ok()) return session.RpcFailed(Locate(files, response.status()));
  if (session.json()) {
    session.PrintJson(*response);
    return kCliOk;
  }
  TextTable table({"MACHINE", "VERSION", "DEFINITION"});
  for (const v1::TransitionResult& result : response->results()) {
    const v1::Machine& machine = result.machine();
    table.AddRow(
        {machine.name(), absl::StrCat(machine.version()), ShortHash(machine.definition_hash())});
  }
  session.out() << table.Render(session.palette());
  return kCliOk;
}

int Get(Session& session, const std::string& name, uint32_t version) {
  v1::GetMachineRequest request;
  request.set_namespace_(session.ns());
  request.set_name(name);
  request.set_version(version);
  const absl::StatusOr<v1::Machine> machine = session.client()->GetMachine(request);
  if (!machine.ok()) return session.RpcFailed(machine.status());
  if (session.json()) {
    session.PrintJson(*machine);
    return kCliOk;
  }
  session.out() << RenderFields({{"machine", machine->name()},
                                 {"version", absl::StrCat(machine->version())},
                                 {"definition", HexText(machine->definition_hash())}},
                                session.palette())
                << "\n"
                << MachineOutline(*machine, session.palette());
  return kCliOk;
}

int List(Session& session) {
  TextTable table({"MACHINE", "VERSION", "DEFINITION"});
  v1::ListMachinesRequest request;
  request.set_namespace_(session.ns());
  request.set_page_size(kPageSize);
  do {
    const absl::StatusOr<v1::ListMachinesResponse> page = session.client()->ListMachines(request);
    if (!page.ok()) return session.RpcFailed(page.status());
    for (const v1::Machine& machine : page->machines()) {
      if (session.json()) session.PrintJson(machine);
      table.AddRow(
          {machine.name(), absl::StrCat(machine.version()), ShortHash(machine.definition_hash())});
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (session.json()) return kCliOk;
  if (table.empty()) {
    session.out() << "no machines in namespace " << Printable(session.ns()) << "\n";
  } else {
    session.out() << table.Render(session.palette());
  }
  return kCliOk;
}

// What programs are told of a file: a line of JSON.
class CheckReport {
 public:
  explicit CheckReport(const std::string& path) { Set("file", path); }

  void Set(const std::string& key, const std::string& text) {
    (*report_.mutable_fields())[key].set_string_value(text);
  }
  void Set(const std::string& key, int count) {
    (*report_.mutable_fields())[key].set_number_value(count);
  }
  void AddError(const std::string& message) {
    auto& fields = *AddFinding("error", message);
    fields["kind"].set_string_value("definition_invalid");
  }
  void AddFinding(const MachineFinding& finding, const Position& position) {
    auto& fields = *AddFinding(SeverityName(finding.severity), finding.message);
    fields["kind"].set_string_value(std::string(FindingKindName(finding.kind)));
    fields["field"].set_string_value(finding.field);
    fields["state"].set_string_value(finding.state);
    if (!finding.edge.empty()) fields["edge"].set_string_value(finding.edge);
    fields["line"].set_number_value(position.line);
    fields["column"].set_number_value(position.column);
  }
  const google::protobuf::Struct& Finish() {
    *(*report_.mutable_fields())["findings"].mutable_list_value() = findings_;
    return report_;
  }

  static std::string SeverityName(MachineFinding::Severity severity) {
    return severity == MachineFinding::Severity::kWarning ? "warning" : "note";
  }

 private:
  google::protobuf::Map<std::string, google::protobuf::Value>* AddFinding(
      const std::string& severity, const std::string& message) {
    auto* fields = findings_.add_values()->mutable_struct_value()->mutable_fields();
    (*fields)["severity"].set_string_value(severity);
    (*fields)["message"].set_string_value(message);
    return fields;
  }

  google::protobuf::Struct report_;
  google::protobuf::ListValue findings_;
};

bool CheckFailed(Session& session, const std::string& path, const absl::Status& status) {
  if (!session.json()) {
    session.Failed(status.message());
    return false;
  }
  CheckReport report(path);
  report.AddError(std::string(status.message()));
  session.PrintJson(report.Finish());
  return false;
}

void PrintFinding(Session& session, const MachineFile& file, const MachineFinding& finding) {
  const bool warning = finding.severity == MachineFinding::Severity::kWarning;
  const Position position = FindPosition(file, finding.field);
  const std::string severity = CheckReport::SeverityName(finding.severity) + ":";
  session.out() << (warning ? session.palette().Yellow(severity) : session.palette().Dim(severity))
                << " " << Printable(file.path) << ":" << ToString(position) << ": "
                << Printable(finding.message) << " [" << FindingKindName(finding.kind) << "]\n";
}

// Counts of a machine that is sound, and what is odd about it. False when it is not.
bool CheckOne(Session& session, const std::string& path) {
  const absl::StatusOr<MachineFile> file = ReadMachineFile(path);
  if (!file.ok()) return CheckFailed(session, path, file.status());
  const auto machine = CompileMachineFile(*file);
  if (!machine.ok()) return CheckFailed(session, path, machine.status());
  const MachineCounts counts = CountMachine(file->machine);
  const std::vector<MachineFinding> findings = AnalyzeMachine(**machine);
  if (session.json()) {
    CheckReport report(path);
    report.Set("machine", file->machine.name());
    report.Set("states", counts.states);
    report.Set("edges", counts.edges);
    for (const MachineFinding& finding : findings) {
      report.AddFinding(finding, FindPosition(*file, finding.field));
    }
    session.PrintJson(report.Finish());
    return true;
  }
  session.out() << session.palette().Green("ok") << "  " << Printable(path) << ": machine "
                << Printable(file->machine.name()) << ", " << counts.states << " states, "
                << counts.edges << " edges\n";
  for (const MachineFinding& finding : findings) PrintFinding(session, *file, finding);
  return true;
}

int Check(Session& session, const std::vector<std::string>& paths) {
  bool sound = true;
  for (const std::string& path : paths) sound = CheckOne(session, path) && sound;
  return sound ? kCliOk : kCliFailed;
}

}  // namespace

void AddMachineCommands(Commands* commands) {
  CLI::App* group = commands->AddGroup(
      "machine", "Register, show, check, import and export machines (state-machine definitions)");

  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* put = commands->AddTo(
      group, "put",
      "Register machines from JSON or YAML files. All of them or, when one is refused, none.\n"
      "A definition that is registered already keeps its version; a changed one gets the next.\n"
      "Running instances keep the version that they were created with.",
      {{"swooshctl machine put order.json", "register order, or its next version"},
       {"swooshctl machine put *.yaml", "all or none of these"},
       {"generate | swooshctl machine put -", "read standard input"}},
      [paths](Session& session) { return Put(session, *paths); });
  put->add_option("FILE", *paths, "Machine files; - for standard input")->required();

  auto name = std::make_shared<std::string>();
  auto version = std::make_shared<uint32_t>(0);
  CLI::App* get = commands->AddTo(
      group, "get",
      "Show a machine, its states and edges as a tree. With -o json, a file that put takes.",
      {{"swooshctl machine get order", "the latest version"},
       {"swooshctl machine get order --version 2 -o json > order.json", "take a version back"}},
      [name, version](Session& session) { return Get(session, *name, *version); });
  get->add_option("NAME", *name, "The machine's name")->required();
  get->add_option("--version", *version, "Which version (default: the latest)")->type_name("N");

  commands->AddTo(group, "list", "List the machines of the namespace, the latest version of each.",
                  {{"swooshctl machine list", ""}, {"swooshctl machine list -n staging", ""}},
                  [](Session& session) { return List(session); });

  auto checked = std::make_shared<std::vector<std::string>>();
  CLI::App* check = commands->AddTo(
      group, "check",
      "Check machine files without a server, as registering would. Warns of states that can never\n"
      "be entered or left, edges that are never taken, guards that are constant, and events that\n"
      "nothing takes. Exits with 1 when a file has a mistake; warnings and notes are none.",
      {{"swooshctl machine check order.json review.yaml", ""},
       {"swooshctl machine check order.json -o json", "a line of JSON a file, for programs"}},
      [checked](Session& session) { return Check(session, *checked); });
  check->add_option("FILE", *checked, "Machine files; - for standard input")->required();

  AddConversionCommands(commands, group);
}

}  // namespace swoosh
