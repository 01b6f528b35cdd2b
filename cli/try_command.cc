#include "cli/try_command.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/error_text.h"
#include "cli/exit_codes.h"
#include "cli/machine_file.h"
#include "cli/proto_text.h"
#include "cli/rpc_status.h"
#include "cli/simulator.h"
#include "cli/step_text.h"
#include "cli/text_file.h"

namespace swoosh {
namespace {

constexpr char kHelp[] =
    "  EVENT [JSON]    send an event, with data: unlock {\"code\": \"0000\"}\n"
    "  :context        show the context\n"
    "  :state          show the active states and what is enabled\n"
    "  :actor [NAME]   send as NAME from now on (event.actor), or as nobody\n"
    "  :restart        begin anew\n"
    "  :quit           leave\n";

struct TryOptions {
  std::string machine_path;
  std::string events_path;
  std::string context;
  std::string actor;
};

int64_t NowMicros() { return absl::ToUnixMicros(absl::Now()); }

// A conversation with a machine: a line in, what came of it out.
class Conversation {
 public:
  Conversation(Session* session, const MachineFile* machine, google::protobuf::Struct context,
               std::string actor)
      : session_(*session),
        machine_(*machine),
        context_(std::move(context)),
        actor_(std::move(actor)) {}

  // Begins with a new instance. Errors: of Simulator::Start.
  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<Simulator>> simulator =
        Simulator::Start(machine_.machine, context_, NowMicros());
    if (!simulator.ok()) {
      return LocateError(machine_, Simulator::kMachineField, simulator.status());
    }
    simulator_ = *std::move(simulator);
    ShowStep(machine_.machine.name(), "");
    return absl::OkStatus();
  }

  // kCancelled: it is over. kInvalidArgument: the line can't be understood. What the machine
  // refuses is shown, and no error.
  absl::Status Take(absl::string_view line) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') return absl::OkStatus();
    return line[0] == ':' ? TakeCommand(line.substr(1)) : TakeEvent(line);
  }

 private:
  absl::Status TakeCommand(absl::string_view line) {
    const auto [word, rest] = SplitWord(line);
    if (word == "quit" || word == "q") return absl::CancelledError();
    if (word == "help") {
      session_.out() << kHelp;
    } else if (word == "context") {
      session_.out() << StructText(simulator_->instance().context(), SIZE_MAX) << "\n";
    } else if (word == "state") {
      ShowState();
    } else if (word == "actor") {
      actor_ = std::string(rest);
    } else if (word == "restart") {
      return Start();
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no :", word, "; :help tells what there is"));
    }
    return absl::OkStatus();
  }

  absl::Status TakeEvent(absl::string_view line) {
    const auto [event, rest] = SplitWord(line);
    absl::StatusOr<google::protobuf::Struct> data = ReadStructArgument(std::string(rest), "data");
    if (!data.ok()) return data.status();
    const std::string before = ConfigurationText(simulator_->instance().configuration());
    const absl::Status status = simulator_->Send(event, *data, actor_, NowMicros());
    if (status.ok()) {
      ShowStep("", before);
    } else if (session_.json()) {
      session_.PrintJson(ToRpcStatus(status));
    } else {
      session_.out() << ErrorText(status, event, session_.palette());
    }
    return absl::OkStatus();
  }

  static std::pair<absl::string_view, absl::string_view> SplitWord(absl::string_view line) {
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    return {line.substr(0, end), absl::StripAsciiWhitespace(line.substr(end))};
  }

  void ShowStep(const std::string& subject, const std::string& before) {
    if (session_.json()) {
      session_.PrintJson(simulator_->change());
    } else {
      session_.out() << StepText(subject, before, simulator_->change(), simulator_->instance(),
                                 session_.palette());
    }
  }

  void ShowState() {
    const v1::Instance& instance = simulator_->instance();
    session_.out() << RenderFields({{"state", ConfigurationText(instance.configuration())},
                                    {"status", StatusText(instance.status())},
                                    {"enabled", absl::StrJoin(instance.enabled_events(), ", ")}},
                                   session_.palette());
  }

  Session& session_;
  const MachineFile& machine_;
  const google::protobuf::Struct context_;
  std::string actor_;
  std::unique_ptr<Simulator> simulator_;
};

// Somebody who types sees a prompt and goes on after a mistake; a script stops at the first.
int Converse(Session& session, std::istream& lines, bool typed, Conversation* conversation) {
  std::string line;
  for (int number = 1;; ++number) {
    if (typed) session.out() << session.palette().Dim("> ") << std::flush;
    if (!std::getline(lines, line)) break;
    if (!typed && !session.json() && !line.empty()) {
      session.out() << session.palette().Dim(absl::StrCat("> ", Printable(line))) << "\n";
    }
    const absl::Status status = conversation->Take(line);
    session.out().flush();
    if (absl::IsCancelled(status)) return kCliOk;
    if (status.ok()) continue;
    const int exit_code =
        session.Failed(typed ? std::string(status.message())
                             : absl::StrCat("line ", number, ": ", status.message()));
    if (!typed) return exit_code;
  }
  if (typed) session.out() << "\n";
  return kCliOk;
}

int Try(Session& session, const TryOptions& options) {
  if (options.machine_path == kStandardInput &&
      (options.events_path.empty() || options.events_path == kStandardInput)) {
    return session.UsageFailed("the machine and the events can't both come from standard input");
  }
  const absl::StatusOr<MachineFile> machine = ReadMachineFile(options.machine_path);
  if (!machine.ok()) return session.Failed(machine.status().message());
  absl::StatusOr<google::protobuf::Struct> context =
      ReadStructArgument(options.context, "--context");
  if (!context.ok()) return session.UsageFailed(context.status().message());

  const bool from_file = !options.events_path.empty() && options.events_path != kStandardInput;
  std::ifstream file;
  if (from_file) {
    file.open(options.events_path);
    if (!file) return session.Failed(absl::StrCat(options.events_path, ": can't be read"));
  }
  Conversation conversation(&session, &*machine, *std::move(context), options.actor);
  if (absl::Status status = conversation.Start(); !status.ok()) {
    return session.Failed(status.message());
  }
  const bool typed = !from_file && session.in_is_terminal();
  if (typed && !session.json()) session.out() << session.palette().Dim(":help for help") << "\n";
  return Converse(session, from_file ? file : session.in(), typed, &conversation);
}

}  // namespace

void AddTryCommand(Commands* commands) {
  auto options = std::make_shared<TryOptions>();
  CLI::App* app = commands->Add(
      "try",
      "Step through a machine without a server, by the same rules. Each line is an event, with "
      "its\n"
      "data in JSON after it. Nothing is stored.",
      {{"swooshctl try door.json", "type events: unlock {\"code\": \"0000\"}"},
       {"swooshctl try order.json --context '{\"total\": 250}'", "start with another context"},
       {"swooshctl try door.json --events events.txt -o json", "a change, or a refusal, a line"},
       {"printf 'unlock {\"code\":\"1\"}\\n' | swooshctl try door.json", ""}},
      [options](Session& session) { return Try(session, *options); });
  app->add_option("MACHINE", options->machine_path, "Machine file, in JSON or YAML")->required();
  app->add_option("--events", options->events_path, "Read events from a file; - for standard input")
      ->type_name("FILE");
  app->add_option("--context", options->context,
                  "Replaces keys of the machine's context: JSON, or @FILE")
      ->type_name("JSON");
  app->add_option("--actor", options->actor, "Who sends the events: event.actor")
      ->type_name("NAME");
}

}  // namespace swoosh
