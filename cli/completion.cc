#include "cli/completion.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/command.h"

namespace swoosh {
namespace {

struct Word {
  std::string text;
  std::string description;
};

// What may come after a command: its path is "" for the program, "machine put" for a command.
struct Completions {
  std::string path;
  std::vector<Word> commands;
  std::vector<Word> options;
};

void Collect(const CLI::App& app, const std::string& path, std::vector<Completions>* all) {
  Completions completions;
  completions.path = path;
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) {
    completions.commands.push_back({child->get_name(), FirstSentence(child->get_description())});
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      completions.options.push_back(
          {absl::StrCat("--", name), FirstSentence(option->get_description())});
    }
    for (const std::string& name : option->get_snames()) {
      completions.options.push_back(
          {absl::StrCat("-", name), FirstSentence(option->get_description())});
    }
  }
  all->push_back(std::move(completions));
  for (const CLI::App* child : children) {
    Collect(*child, absl::StrCat(path, path.empty() ? "" : " ", child->get_name()), all);
  }
}

std::string Names(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) { *out += word.text; });
}

std::string CommandPaths(const std::vector<Completions>& all) {
  return absl::StrJoin(all, "|", [](std::string* out, const Completions& one) {
    absl::StrAppend(out, "'", one.path, "'");
  });
}

std::string Bash(const std::vector<Completions>& all) {
  std::string script =
      "# swooshctl completion for bash: source <(swooshctl completion bash)\n"
      "_swooshctl() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path='' word candidate words\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    candidate=\"${path:+$path }$word\"\n"
      "    case \"$candidate\" in\n";
  absl::StrAppend(&script, "      ", CommandPaths(all), ") path=\"$candidate\" ;;\n");
  absl::StrAppend(&script, "    esac\n  done\n  case \"$path\" in\n");
  for (const Completions& one : all) {
    absl::StrAppend(&script, "    '", one.path, "')\n      words='", Names(one.commands), "'\n",
                    "      [[ \"$current\" == -* ]] && words='", Names(one.options), "' ;;\n");
  }
  absl::StrAppend(&script,
                  "  esac\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                  "}\n"
                  "complete -o default -o bashdefault -F _swooshctl swooshctl\n");
  return script;
}

// Between single quotes, for zsh and fish.
std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "’"}, {"\\", ""}}), "'");
}

std::string ZshWords(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) {
    absl::StrAppend(out, Quoted(absl::StrCat(word.text, ":",
                                             absl::StrReplaceAll(word.description, {{":", ";"}}))));
  });
}

// `path` is a special parameter there.
std::string Zsh(const std::vector<Completions>& all) {
  std::string script =
      "#compdef swooshctl\n"
      "# swooshctl completion for zsh: source <(swooshctl completion zsh)\n"
      "_swooshctl() {\n"
      "  local place='' word candidate\n"
      "  local -a subcommands options\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    candidate=\"${place:+$place }$word\"\n"
      "    case \"$candidate\" in\n";
  absl::StrAppend(&script, "      ", CommandPaths(all), ") place=\"$candidate\" ;;\n");
  absl::StrAppend(&script, "    esac\n  done\n  case \"$place\" in\n");
  for (const Completions& one : all) {
    absl::StrAppend(&script, "    '", one.path, "')\n      subcommands=(", ZshWords(one.commands),
                    ")\n      options=(", ZshWords(one.options), ") ;;\n");
  }
  absl::StrAppend(&script,
                  "  esac\n"
                  "  if [[ \"$PREFIX\" == -* ]]; then\n"
                  "    _describe option options\n"
                  "  elif (( $#subcommands )); then\n"
                  "    _describe command subcommands\n"
                  "  else\n"
                  "    _files\n"
                  "  fi\n"
                  "}\n"
                  "compdef _swooshctl swooshctl\n");
  return script;
}

std::string Fish(const std::vector<Completions>& all) {
  std::string script =
      "# swooshctl completion for fish: swooshctl completion fish | source\n"
      "function __swooshctl_at\n"
      "  set -l path ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch (string trim \"$path $word\")\n";
  std::vector<std::string> paths;
  for (const Completions& one : all) {
    if (!one.path.empty()) paths.push_back(absl::StrCat("'", one.path, "'"));
  }
  absl::StrAppend(&script, "      case ", absl::StrJoin(paths, " "),
                  "\n        set path (string trim \"$path $word\")\n");
  absl::StrAppend(&script, "    end\n  end\n  test \"$path\" = \"$argv[1]\"\nend\n");
  for (const Completions& one : all) {
    const std::string condition =
        absl::StrCat("complete -c swooshctl -n '__swooshctl_at \"", one.path, "\"'");
    for (const Word& word : one.commands) {
      absl::StrAppend(&script, condition, " -f -a ", word.text, " -d ", Quoted(word.description),
                      "\n");
    }
    for (const Word& word : one.options) {
      const bool is_long = absl::StartsWith(word.text, "--");
      absl::StrAppend(&script, condition, is_long ? " -l " : " -s ",
                      word.text.substr(is_long ? 2 : 1), " -d ", Quoted(word.description), "\n");
    }
  }
  return script;
}

}  // namespace

std::string CompletionScript(const CLI::App& root, absl::string_view shell) {
  std::vector<Completions> all;
  Collect(root, "", &all);
  if (shell == "bash") return Bash(all);
  if (shell == "zsh") return Zsh(all);
  if (shell == "fish") return Fish(all);
  return "";
}

}  // namespace swoosh
