#ifndef SWOOSH_CLI_COMMAND_H_
#define SWOOSH_CLI_COMMAND_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/session.h"

namespace swoosh {

// The commands of the program: each a subcommand of CLI11, and what it does once the command line
// is understood. Not thread-safe.
class Commands {
 public:
  // What a command does; returns the exit code.
  using Run = std::function<int(Session&)>;

  // Both must outlive it.
  Commands(CLI::App* root, Session* session);

  // A command of the program, or of `parent`. `examples` ends its help: a line each, with the
  // command and what it is for. It takes the global options too.
  CLI::App* Add(const std::string& name, const std::string& description,
                const std::vector<std::pair<std::string, std::string>>& examples, Run run);
  CLI::App* AddTo(CLI::App* parent, const std::string& name, const std::string& description,
                  const std::vector<std::pair<std::string, std::string>>& examples, Run run);
  // A command that only holds others.
  CLI::App* AddGroup(const std::string& name, const std::string& description);

  CLI::App* root() { return root_; }

  // Runs the command that was parsed.
  int RunParsed();

 private:
  void AddGlobalOptions(CLI::App* app);

  CLI::App* const root_;
  Session* const session_;
  std::vector<std::pair<CLI::App*, Run>> commands_;
};

// Aligned examples for the end of a help text.
std::string ExamplesText(const std::vector<std::pair<std::string, std::string>>& examples);

// What a description begins with, without its full stop.
std::string FirstSentence(const std::string& description);

// Refuses what is no duration longer than 0, such as "60s" or "1h30m".
CLI::Validator DurationValidator();

}  // namespace swoosh

#endif  // SWOOSH_CLI_COMMAND_H_
