#include "cli/command.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr char kGlobalGroup[] = "Global options";
// Longer examples have what they are for on the next line.
constexpr size_t kExampleColumns = 60;
constexpr size_t kOptionColumns = 34;

// CLI11's help, with only the first sentence of each command where they are listed.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kOptionColumns); }

  std::string make_subcommand(const CLI::App* app) const override {
    std::ostringstream line;
    CLI::detail::format_help(line, app->get_name(), FirstSentence(app->get_description()),
                             get_column_width());
    return line.str();
  }
};

}  // namespace

CLI::Validator DurationValidator() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        absl::Duration duration;
        if (absl::ParseDuration(text, &duration) && duration > absl::ZeroDuration()) return "";
        return absl::StrCat("'", text, "' is no duration such as 500ms, 60s or 1h30m");
      },
      /*description, which would stand beside the type's name=*/"");
}

std::string ExamplesText(const std::vector<std::pair<std::string, std::string>>& examples) {
  std::string text = examples.empty() ? "" : "Examples:\n";
  size_t width = 0;
  for (const auto& [command, purpose] : examples) {
    if (command.size() <= kExampleColumns) width = std::max(width, command.size());
  }
  for (const auto& [command, purpose] : examples) {
    absl::StrAppend(&text, "  ", command);
    if (!purpose.empty()) {
      const bool fits = command.size() <= width;
      absl::StrAppend(&text, fits ? std::string(width - command.size() + 3, ' ') : "\n      ",
                      purpose);
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::string FirstSentence(const std::string& description) {
  std::string sentence = absl::StrReplaceAll(description, {{"\n", " "}});
  sentence = sentence.substr(0, sentence.find(". "));
  if (absl::EndsWith(sentence, ".")) sentence.pop_back();
  return sentence;
}

Commands::Commands(CLI::App* root, Session* session) : root_(root), session_(session) {
  root->formatter(std::make_shared<HelpFormatter>());
  AddGlobalOptions(root);
}

void Commands::AddGlobalOptions(CLI::App* app) {
  GlobalOptions* options = session_->options();
  app->add_option("--server", options->server, "The server's address [SWOOSH_SERVER]")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->group(kGlobalGroup);
  app->add_option("-n,--namespace", options->ns,
                  "The namespace of names and ids [SWOOSH_NAMESPACE]")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kGlobalGroup);
  app->add_option("-o,--output", options->output,
                  "table for people; json for programs: a message in the proto's JSON a line")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(kGlobalGroup);
  app->add_option("--timeout", options->timeout, "How long to wait for an answer")
      ->check(DurationValidator())
      ->type_name("DURATION")
      ->capture_default_str()
      ->group(kGlobalGroup);
  app->add_flag("--tls", options->tls, "Use TLS, and believe the system's roots [SWOOSH_TLS]")
      ->group(kGlobalGroup);
  const auto add_file = [app](const char* flag, std::string* path, const char* help) {
    app->add_option(flag, *path, help)->type_name("FILE")->group(kGlobalGroup);
  };
  add_file("--ca", &options->ca, "Use TLS, and believe these roots, in PEM [SWOOSH_CA]");
  add_file("--cert", &options->certificate,
           "Use TLS, with this client certificate, in PEM [SWOOSH_CLIENT_CERT]");
  add_file("--key", &options->key, "The key of --cert, in PEM [SWOOSH_CLIENT_KEY]");
  app->add_option("--token", options->token,
                  "Say who you are by this bearer token; others can see a command line, so better "
                  "by the variable or a file [SWOOSH_TOKEN]")
      ->type_name("TOKEN")
      ->group(kGlobalGroup);
  add_file("--token-file", &options->token_file, "The token's file [SWOOSH_TOKEN_FILE]");
  app->add_flag("--no-color", options->no_color, "No colours [NO_COLOR]")->group(kGlobalGroup);
}

CLI::App* Commands::Add(const std::string& name, const std::string& description,
                        const std::vector<std::pair<std::string, std::string>>& examples, Run run) {
  return AddTo(root_, name, description, examples, std::move(run));
}

CLI::App* Commands::AddTo(CLI::App* parent, const std::string& name, const std::string& description,
                          const std::vector<std::pair<std::string, std::string>>& examples,
                          Run run) {
  CLI::App* app = parent->add_subcommand(name, description);
  app->footer(ExamplesText(examples));
  AddGlobalOptions(app);
  commands_.push_back({app, std::move(run)});
  return app;
}

CLI::App* Commands::AddGroup(const std::string& name, const std::string& description) {
  CLI::App* app = root_->add_subcommand(name, description);
  app->require_subcommand(1);
  return app;
}

int Commands::RunParsed() {
  for (const auto& [app, run] : commands_) {
    if (app->parsed()) return run(*session_);
  }
  SWOOSH_CHECK(false);  // The program requires a command.
  return kCliUsage;
}

}  // namespace swoosh
