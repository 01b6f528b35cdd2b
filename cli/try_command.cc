#include "cli/try_command.h"

#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/machine_file.h"
#include "cli/text_file.h"
#include "cli/text_table.h"
#include "cli/try_conversation.h"

namespace swoosh {
namespace {

struct TryOptions {
  std::string machine_path;
  std::string events_path;
  std::string context;
  std::string actor;
  std::vector<std::string> guards;
  std::string at;  // "" = time stands still
};

// Somebody who types sees a prompt and goes on after a mistake; a script stops at the first.
int Converse(Session& session, std::istream& lines, bool typed, TryConversation* conversation) {
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

// From the start to the end: time moves to `at` once all the events are sent, or before the first
// one that somebody types.
int Talk(Session& session, const MachineFile& machine, std::istream& lines,
         TryConversation::Options options, std::optional<absl::Duration> at) {
  const bool typed = options.typed;
  TryConversation conversation(&session, &machine, &lines, std::move(options));
  absl::Status status = conversation.Start();
  if (status.ok() && typed && at.has_value()) status = conversation.MoveTimeTo(*at);
  if (!status.ok()) return session.Failed(status.message());
  if (typed && !session.json()) session.out() << session.palette().Dim(":help for help") << "\n";
  const int exit_code = Converse(session, lines, typed, &conversation);
  if (exit_code != kCliOk || typed || !at.has_value()) return exit_code;
  status = conversation.MoveTimeTo(*at);
  return status.ok() ? kCliOk : session.Failed(absl::StrCat("--at: ", status.message()));
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

  TryConversation::Options talk;
  talk.context = *std::move(context);
  talk.actor = options.actor;
  for (const std::string& guard : options.guards) {
    const absl::Status added = AddGuardAnswer(guard, &talk.guards);
    if (!added.ok()) return session.UsageFailed(absl::StrCat("--guard: ", added.message()));
  }
  std::optional<absl::Duration> at;
  if (!options.at.empty()) {
    const absl::StatusOr<absl::Duration> wait = ParseWait(options.at);
    if (!wait.ok()) return session.UsageFailed(absl::StrCat("--at: ", wait.status().message()));
    at = *wait;
  }

  const bool from_file = !options.events_path.empty() && options.events_path != kStandardInput;
  std::ifstream file;
  if (from_file) {
    file.open(options.events_path);
    if (!file) return session.Failed(absl::StrCat(options.events_path, ": can't be read"));
  }
  talk.typed = !from_file && session.in_is_terminal();
  return Talk(session, *machine, from_file ? file : session.in(), std::move(talk), at);
}

}  // namespace

void AddTryCommand(Commands* commands) {
  auto options = std::make_shared<TryOptions>();
  CLI::App* app = commands->Add(
      "try",
      "Step through a machine without a server, by the same rules. Each line is an event, with "
      "its\n"
      "data in JSON after it. Time stands still until --at or :wait moves it on, and then each "
      "timer\n"
      "fires when it is due. Nothing is stored.",
      {{"swooshctl try door.json", "type events: unlock {\"code\": \"0000\"}"},
       {"swooshctl try order.json --context '{\"total\": 250}'", "start with another context"},
       {"swooshctl try order.json --events events.txt --at +72h", "and what happens in three days"},
       {"swooshctl try payment.json --guard fraud_check=false", "what an external guard says"},
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
  app->add_option("--at", options->at,
                  "After the events, let time pass until so long after the start: +72h")
      ->type_name("DURATION");
  app->add_option("--guard", options->guards,
                  "What an external guard answers, NAME=true or NAME=false; given again, another.\n"
                  "Without, who types is asked, and a script's event is refused")
      ->type_name("NAME=ANSWER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace swoosh
