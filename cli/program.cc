#include "cli/program.h"

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/backup_command.h"
#include "cli/bench_command.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/exit_codes.h"
#include "cli/machine_commands.h"
#include "cli/proposal_commands.h"
#include "cli/read_commands.h"
#include "cli/server_commands.h"
#include "cli/submit_command.h"
#include "cli/try_command.h"
#include "cli/version.h"
#include "cli/watch_command.h"

namespace swoosh {
namespace {

constexpr char kDescription[] =
    "swooshctl talks to swooshd, a server of durable state machines: register a machine, create\n"
    "instances of it, send them events, and watch what comes of it.";

constexpr char kFooter[] =
    "Begin with:\n"
    "  swooshctl try examples/machines/door.json          step through a machine, without a "
    "server\n"
    "  swooshctl machine put examples/machines/door.json  register it\n"
    "  swooshctl create door d-1                          create an instance\n"
    "  swooshctl send d-1 unlock --data '{\"code\": \"0000\"}'\n"
    "  swooshctl history d-1                              what happened to it\n"
    "  swooshctl watch                                    what happens from now on\n"
    "\n"
    "swooshctl COMMAND --help has examples of each command.\n"
    "Exit codes: 0 done, 1 failed (such as a file that is no machine), 2 wrong command line,\n"
    "64 + the gRPC code when the server refused or could not be reached.";

void AddCompletionCommand(Commands* commands) {
  auto shell = std::make_shared<std::string>();
  const CLI::App* root = commands->root();
  CLI::App* app =
      commands->Add("completion", "Print a script that completes commands and options in a shell.",
                    {{"source <(swooshctl completion bash)", "in ~/.bashrc"},
                     {"source <(swooshctl completion zsh)", "in ~/.zshrc, after compinit"},
                     {"swooshctl completion fish | source", "in ~/.config/fish/config.fish"}},
                    [shell, root](Session& session) {
                      session.out() << CompletionScript(*root, *shell);
                      return static_cast<int>(kCliOk);
                    });
  app->add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
}

void AddVersionCommand(Commands* commands) {
  commands->Add("version", "Print the version of swooshctl; status tells the server's.", {},
                [](Session& session) {
                  session.out() << "swooshctl " << kCliVersion << "\n";
                  return static_cast<int>(kCliOk);
                });
}

}  // namespace

void ReadEnvironment(GlobalOptions* options) {
  const auto read = [](const char* name, std::string* value) {
    const char* text = std::getenv(name);
    if (text != nullptr && *text != '\0') *value = text;
  };
  read("SWOOSH_SERVER", &options->server);
  read("SWOOSH_NAMESPACE", &options->ns);
  read("SWOOSH_CA", &options->ca);
  read("SWOOSH_CLIENT_CERT", &options->certificate);
  read("SWOOSH_CLIENT_KEY", &options->key);
  read("SWOOSH_TOKEN", &options->token);
  read("SWOOSH_TOKEN_FILE", &options->token_file);
  std::string tls;
  read("SWOOSH_TLS", &tls);
  options->tls = !tls.empty() && tls != "0";
  std::string no_color;
  read("NO_COLOR", &no_color);  // no-color.org: whatever it says, if it says anything.
  options->no_color = !no_color.empty();
}

int RunProgram(int argc, const char* const* argv, Session* session) {
  CLI::App root(kDescription, "swooshctl");
  root.footer(kFooter);
  root.require_subcommand(1);
  root.set_version_flag("--version", absl::StrCat("swooshctl ", kCliVersion));
  Commands commands(&root, session);
  AddMachineCommands(&commands);
  AddTryCommand(&commands);
  AddProposalCommands(&commands);
  AddSubmitCommand(&commands);
  AddReadCommands(&commands);
  AddWatchCommand(&commands);
  AddBenchCommand(&commands);
  AddServerCommands(&commands);
  AddBackupCommand(&commands);
  AddCompletionCommand(&commands);
  AddVersionCommand(&commands);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error, session->out(), session->err());
    // The innermost command that was recognised knows best.
    std::string command = "swooshctl";
    for (auto parsed = root.get_subcommands(); !parsed.empty();
         parsed = parsed.front()->get_subcommands()) {
      absl::StrAppend(&command, " ", parsed.front()->get_name());
    }
    return session->UsageFailed(
        absl::StrCat(error.what(), "\nRun '", command, " --help' for how to use it."));
  }
  if (const absl::Status status = session->ReadSecurity(); !status.ok()) {
    return absl::IsInvalidArgument(status) ? session->UsageFailed(status.message())
                                           : session->Failed(status.message());
  }
  return commands.RunParsed();
}

}  // namespace swoosh
