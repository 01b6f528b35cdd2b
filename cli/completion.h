#ifndef SWOOSH_CLI_COMPLETION_H_
#define SWOOSH_CLI_COMPLETION_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"

namespace swoosh {

// A script that completes the commands and options of `root` in a shell: "bash", "zsh" or "fish".
// Made from what is declared, so it is never behind. "" for another shell.
std::string CompletionScript(const CLI::App& root, absl::string_view shell);

}  // namespace swoosh

#endif  // SWOOSH_CLI_COMPLETION_H_
