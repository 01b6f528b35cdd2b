#include "cli/program.h"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/fake_client.h"
#include "cli/session.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kDoor[] = R"(
name: door
context: {code: "0000", tries: 0}
root:
  id: door
  initial: [locked]
  states:
    - id: locked
      on:
        - {id: unlock, event: unlock, guard: event.data.code == context.code, target: [closed]}
    - id: closed
      entry: [emit: {name: click, data: context.tries}]
      on: [{id: open, event: open, target: [opened]}]
    - {id: opened, type: FINAL}
)";

class ProgramTest : public testing::Test {
 protected:
  int Run(std::vector<const char*> arguments, const std::string& input = "") {
    std::istringstream in(input);
    out_.str("");
    err_.str("");
    Session session(&in, &out_, &err_, /*in_is_terminal=*/false, /*out_is_terminal=*/false);
    session.SetClient(std::move(client_));
    arguments.insert(arguments.begin(), "swooshctl");
    return RunProgram(static_cast<int>(arguments.size()), arguments.data(), &session);
  }

  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  static std::string TextFile(absl::string_view name, absl::string_view text) {
    const std::string path = absl::StrCat(testing::TempDir(), "/", name);
    std::ofstream(path) << text;
    return path;
  }

  static std::string DoorFile() { return TextFile("door.yaml", kDoor); }

  // A server that accepts the event, whose record 12 has this change.
  void AcceptSend(v1::SubmitRequest* seen) {
    client_->submit = [seen](const v1::SubmitRequest& request) {
      *seen = request;
      v1::SubmitResponse response;
      response.set_request_id(request.request_id());
      response.set_index(12);
      v1::Instance* instance = response.add_results()->mutable_instance();
      instance->set_id("d-1");
      instance->set_version(12);
      instance->add_enabled_events("open");
      return response;
    };
    client_->list_records = [](const v1::ListRecordsRequest& request) {
      EXPECT_EQ(request.from_index(), 12u);
      EXPECT_EQ(request.instance_id(), "d-1");
      v1::ListRecordsResponse page;
      v1::Change* change = page.add_records()->add_changes();
      change->set_instance_id("d-1");
      change->set_status(v1::Instance::RUNNING);
      change->add_configuration("door");
      change->add_configuration("closed");
      change->add_edges("unlock");
      change->add_emitted()->set_name("click");
      v1::Change* other = page.add_records()->add_changes();
      other->set_instance_id("d-1");
      other->add_configuration("door");
      other->add_configuration("locked");
      return page;
    };
  }

  // Until the first run.
  std::unique_ptr<FakeClient> client_ = std::make_unique<FakeClient>();
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ProgramTest, ExitsWithTwoForAWrongCommandLine) {
  const std::vector<const char*> cases[] = {
      {},
      {"fly"},
      {"send"},
      {"send", "a"},
      {"send", "a", "b", "c"},
      {"send", "a", "b", "--data", "{"},
      {"send", "a", "b", "--data", "[1]"},
      {"send", "a", "b", "--expected-version", "x"},
      {"state", "-o", "xml"},
      {"state", "--timeout", "soon"},
      {"state", "--timeout", "0s"},
      {"machine"},
      {"machine", "put"},
      {"submit"},
      {"submit", "--file", "x", "--in-flight", "0"},
      {"watch", "--initial", "--from", "3"},
      {"completion", "tcsh"},
      {"try", "-"},
  };
  for (const auto& arguments : cases) {
    EXPECT_EQ(Run(arguments), 2) << (arguments.empty() ? "nothing" : arguments[0]);
    EXPECT_TRUE(absl::StartsWith(err(), "swooshctl: ")) << err();
    EXPECT_EQ(out(), "");
  }
}

TEST_F(ProgramTest, HasExamplesInTheHelpOfEachCommand) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_TRUE(absl::StrContains(out(), "Begin with:")) << out();
  for (const char* command :
       {"create", "send", "submit", "get", "list", "history", "watch", "try", "records", "state",
        "status", "snapshot", "trim", "delete", "completion"}) {
    EXPECT_EQ(Run({command, "--help"}), 0);
    EXPECT_TRUE(absl::StrContains(out(), "Examples:")) << command;
    EXPECT_TRUE(absl::StrContains(out(), "--server")) << command;
  }
  for (const char* command : {"put", "get", "list", "check", "import", "export"}) {
    EXPECT_EQ(Run({"machine", command, "--help"}), 0);
    EXPECT_TRUE(absl::StrContains(out(), "Examples:")) << command;
  }
}

TEST_F(ProgramTest, SendShowsBeforeAndAfter) {
  v1::SubmitRequest seen;
  AcceptSend(&seen);
  EXPECT_EQ(Run({"send", "d-1", "unlock", "--data", "{\"code\": \"0000\"}", "-n", "home",
                 "--expected-version", "7", "--request-id", "r-1"}),
            0)
      << err();
  EXPECT_EQ(out(),
            "d-1  locked → closed\n"
            "  edges    unlock\n"
            "  emitted  click\n"
            "  enabled  open\n"
            "  version  12\n");
  EXPECT_EQ(seen.namespace_(), "home");
  EXPECT_EQ(seen.request_id(), "r-1");
  EXPECT_EQ(seen.transitions(0).expected_version(), 7u);
  EXPECT_EQ(seen.transitions(0).send_event().data().fields().at("code").string_value(), "0000");
}

TEST_F(ProgramTest, SendsEventsThatAreNamedAsCommandsAre) {
  v1::SubmitRequest seen;
  AcceptSend(&seen);
  EXPECT_EQ(Run({"send", "create", "submit"}), 0) << err();
  EXPECT_EQ(seen.transitions(0).send_event().instance_id(), "create");
  EXPECT_EQ(seen.transitions(0).send_event().event(), "submit");
  EXPECT_FALSE(seen.request_id().empty());
  EXPECT_FALSE(seen.transitions(0).has_expected_version());
  EXPECT_FALSE(seen.transitions(0).send_event().has_data());
}

TEST_F(ProgramTest, PrintsTheProtosJsonForPrograms) {
  v1::SubmitRequest seen;
  AcceptSend(&seen);
  EXPECT_EQ(Run({"send", "d-1", "unlock", "--request-id", "r", "-o", "json"}), 0) << err();
  EXPECT_EQ(out(),
            "{\"requestId\":\"r\",\"index\":\"12\",\"results\":[{\"instance\":{\"id\":\"d-1\","
            "\"version\":\"12\",\"enabledEvents\":[\"open\"]}}]}\n");
}

TEST_F(ProgramTest, ExitsWithTheCodeOfTheRefusalAndSaysWhy) {
  client_->submit = [](const v1::SubmitRequest&) -> absl::StatusOr<v1::SubmitResponse> {
    absl::Status status = MakeError(absl::StatusCode::kFailedPrecondition, v1::EVENT_NOT_ENABLED,
                                    "no edge takes 'unlok'");
    v1::Denial denial;
    denial.add_enabled_events("unlock");
    AddDetail(denial, &status);
    return status;
  };
  EXPECT_EQ(Run({"send", "d-1", "unlok"}), 64 + 9);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(err(),
            "error: FAILED_PRECONDITION EVENT_NOT_ENABLED: no edge takes 'unlok'\n"
            "  did you mean unlock?\n"
            "  enabled now: unlock\n");
}

TEST_F(ProgramTest, PrintsErrorsAsJsonForPrograms) {
  client_->get_instance = [](const v1::GetInstanceRequest&) -> absl::StatusOr<v1::Instance> {
    return MakeError(absl::StatusCode::kNotFound, v1::INSTANCE_NOT_FOUND, "no such instance");
  };
  EXPECT_EQ(Run({"get", "d-1", "-o", "json"}), 64 + 5);
  EXPECT_EQ(err(),
            "{\"code\":5,\"message\":\"no such instance\",\"details\":[{\"@type\":"
            "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"INSTANCE_NOT_FOUND\","
            "\"domain\":\"swoosh\"}]}\n");
}

TEST_F(ProgramTest, TellsHowToRepeatWhatMayHaveBeenApplied) {
  client_->submit = [](const v1::SubmitRequest&) -> absl::StatusOr<v1::SubmitResponse> {
    return absl::UnavailableError("connection reset");
  };
  EXPECT_EQ(Run({"send", "d-1", "unlock", "--request-id", "r-7"}), 64 + 14);
  EXPECT_TRUE(absl::StrContains(err(), "--request-id r-7 applies it once")) << err();
}

TEST_F(ProgramTest, CreateMakesAnIdWhenNoneIsGiven) {
  v1::SubmitRequest seen;
  AcceptSend(&seen);
  EXPECT_EQ(Run({"create", "door", "-o", "json"}), 0) << err();
  EXPECT_EQ(seen.transitions(0).create_instance().machine(), "door");
  EXPECT_EQ(seen.transitions(0).create_instance().instance_id().size(), 20u);
}

TEST_F(ProgramTest, ListFollowsPagesUpToTheLimit) {
  std::vector<std::string> asked;
  client_->list_instances = [&asked](const v1::ListInstancesRequest& request) {
    asked.push_back(absl::StrCat(request.page_size(), " '", request.page_token(), "'"));
    v1::ListInstancesResponse page;
    page.add_instances()->set_id("a");
    page.add_instances()->set_id("b");
    page.set_next_page_token("t");
    return page;
  };
  EXPECT_EQ(Run({"list", "--limit", "4", "--status", "done", "-o", "json"}), 0);
  EXPECT_EQ(out(), "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
  EXPECT_EQ(asked, (std::vector<std::string>{"4 ''", "2 't'"}));
}

TEST_F(ProgramTest, MachinePutLocatesWhatTheServerRefuses) {
  const std::string path = DoorFile();
  client_->submit = [](const v1::SubmitRequest& request) -> absl::StatusOr<v1::SubmitResponse> {
    EXPECT_EQ(request.transitions_size(), 2);
    return InvalidField("transitions[1].register_machine.machine.root.states[1].on[0].target[0]",
                        "no state 'opened'");
  };
  EXPECT_EQ(Run({"machine", "put", path.c_str(), path.c_str()}), 64 + 3);
  EXPECT_EQ(err(), absl::StrCat("error: INVALID_ARGUMENT INVALID_FIELD: ", path,
                                ":13:45: root.states[1].on[0].target[0]: no state 'opened'\n"));
}

TEST_F(ProgramTest, MachineCheckNeedsNoServer) {
  const std::string path = DoorFile();
  EXPECT_EQ(Run({"machine", "check", path.c_str()}), 0) << err();
  EXPECT_EQ(out(), absl::StrCat("ok  ", path, ": machine door, 3 states, 2 edges\n"));
  EXPECT_EQ(Run({"machine", "check", "no/such/file", path.c_str()}), 1);
  EXPECT_TRUE(absl::StrContains(err(), "no/such/file: No such file")) << err();
  EXPECT_TRUE(absl::StrContains(out(), "ok")) << out();
}

TEST_F(ProgramTest, MachineCheckTellsWhatIsOddWithItsPlace) {
  const std::string path = TextFile("odd.yaml", R"(
name: odd
root:
  id: odd
  initial: [a]
  states:
    - id: a
      on:
        - {event: x, guard: "1 > 2", target: [b]}
    - {id: b}
)");
  EXPECT_EQ(Run({"machine", "check", path.c_str()}), 0) << err();
  EXPECT_EQ(
      out(),
      absl::StrCat("ok  ", path, ": machine odd, 2 states, 1 edges\n", "note: ", path,
                   ":7:7: state a is not final, and no edge leaves it [state_without_exit]\n",
                   "warning: ", path,
                   ":9:22: edge a/on/0 is never taken: its guard is always false "
                   "[guard_always_false]\n",
                   "warning: ", path, ":10:7: state b can never be entered [state_unreachable]\n"));
  EXPECT_EQ(Run({"machine", "check", path.c_str(), "-o", "json"}), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "\"kind\":\"guard_always_false\"")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "\"line\":9")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "\"edge\":\"a/on/0\"")) << out();

  const std::string bad = TextFile("bad.yaml", "{name: m, root: {id: m, initial: [x]}}");
  EXPECT_EQ(Run({"machine", "check", bad.c_str(), "-o", "json"}), 1);
  EXPECT_TRUE(absl::StrContains(out(), "\"severity\":\"error\"")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "\"file\":")) << out();
}

TEST_F(ProgramTest, MachineImportWritesAMachineOfAnXStateConfig) {
  const std::string path =
      TextFile("config.json",
               R"({"id": "m", "initial": "a", "states": {"a": {"on": {"x": "b"}}, "b": {}}})");
  constexpr char kMachine[] = R"({
  "name": "m",
  "root": {
    "id": "m",
    "type": "COMPOUND",
    "initial": ["a"],
    "states": [
      {"id": "a", "type": "ATOMIC", "on": [{"event": "x", "target": ["b"]}]},
      {"id": "b", "type": "ATOMIC"}
    ]
  }
}
)";
  EXPECT_EQ(Run({"machine", "import", path.c_str()}), 0) << err();
  EXPECT_EQ(out(), kMachine);
  EXPECT_EQ(Run({"machine", "import", path.c_str(), "-o", "json", "--name", "n"}), 0) << err();
  EXPECT_TRUE(absl::StartsWith(out(), "{\"name\":\"n\",\"root\":{\"id\":\"n\",")) << out();
  const std::string written = absl::StrCat(testing::TempDir(), "/written.json");
  EXPECT_EQ(Run({"machine", "import", path.c_str(), "--write", written.c_str()}), 0) << err();
  EXPECT_EQ(out(), absl::StrCat("ok  ", written, "\n"));
  EXPECT_EQ(Run({"machine", "export", written.c_str(), "--format", "json"}), 0) << err();
  EXPECT_EQ(out(), kMachine);
}

TEST_F(ProgramTest, MachineImportTellsAllThatItRefuses) {
  const std::string path = TextFile("refused.json", R"({"id": "m", "initial": "a",
  "description": "d", "states": {"a": {"invoke": {"src": "s"}}}})");
  EXPECT_EQ(Run({"machine", "import", "--drop", "meta,tags", path.c_str()}), 1);
  EXPECT_EQ(out(), "");
  EXPECT_TRUE(absl::StartsWith(err(), absl::StrCat("error: ", path, ":2:3: description: ")))
      << err();
  EXPECT_TRUE(absl::StrContains(err(), absl::StrCat("\nerror: ", path, ":2:40: states.a.invoke: ")))
      << err();
  // What is imported and breaks a bound of ours.
  const std::string long_name = std::string(200, 'n');
  const std::string sound = TextFile("sound.json", R"({"id": "m"})");
  EXPECT_EQ(Run({"machine", "import", sound.c_str(), "--name", long_name.c_str()}), 1);
  EXPECT_TRUE(absl::StartsWith(err(), "error: the imported machine: name: has 200 bytes")) << err();
  EXPECT_EQ(Run({"machine", "import", "chart.txt"}), 2);
  EXPECT_EQ(Run({"machine", "import", "-"}), 2);
  EXPECT_EQ(Run({"machine", "import", path.c_str(), "--drop", "invoke"}), 2);
  EXPECT_EQ(Run({"machine", "import", "chart.scxml", "--drop", "meta"}), 2);
  EXPECT_EQ(Run({"machine", "import", path.c_str(), "--from", "uml"}), 2);
}

TEST_F(ProgramTest, MachineExportTakesAFileOrAMachineOfTheServer) {
  const std::string path = DoorFile();
  EXPECT_EQ(Run({"machine", "export", path.c_str(), "--format", "mermaid"}), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "stateDiagram-v2\n")) << out();
  EXPECT_EQ(Run({"machine", "export", path.c_str(), "--format", "dot"}), 0) << err();
  EXPECT_TRUE(absl::StartsWith(out(), "digraph \"door\" {\n")) << out();
  EXPECT_EQ(Run({"machine", "export", path.c_str(), "--format", "scxml"}), 0) << err();
  EXPECT_TRUE(absl::StartsWith(out(), "<?xml ")) << out();

  client_ = std::make_unique<FakeClient>();
  client_->get_machine = [](const v1::GetMachineRequest& request) {
    EXPECT_EQ(request.name(), "door");
    EXPECT_EQ(request.version(), 2u);
    EXPECT_EQ(request.namespace_(), "home");
    v1::Machine machine;
    machine.set_name("door");
    machine.set_version(2);
    machine.mutable_root()->set_id("door");
    return machine;
  };
  EXPECT_EQ(Run({"machine", "export", "door@2", "--format", "json", "-n", "home"}), 0) << err();
  EXPECT_EQ(out(), "{\"name\": \"door\", \"root\": {\"id\": \"door\"}}\n");
  EXPECT_EQ(Run({"machine", "export", "door@two", "--format", "json"}), 2);
  EXPECT_EQ(Run({"machine", "export", "door"}), 2);
  EXPECT_EQ(Run({"machine", "export", "no/such/file", "--format", "dot"}), 1);
}

TEST_F(ProgramTest, GetAndHistoryTellOfTimersAndFaults) {
  client_->get_instance = [](const v1::GetInstanceRequest& request) {
    EXPECT_EQ(request.view(), v1::VIEW_FULL);
    v1::Instance instance;
    instance.set_id("p");
    instance.set_status(v1::Instance::FAULTED);
    instance.mutable_fault()->set_message("edge broken: no way");
    for (int i = 0; i < 22; ++i) {
      v1::Timer* timer = instance.add_timers();
      timer->set_event("remind");
      timer->set_id(absl::StrCat("r", i));
      timer->mutable_due()->set_seconds(1'717'156'800 + i);
    }
    return instance;
  };
  EXPECT_EQ(Run({"get", "p"}), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "fault     edge broken: no way\n")) << out();
  EXPECT_TRUE(absl::StrContains(out(),
                                "timers    2024-05-31 12:00:00.000  remind (r0)\n"
                                "          2024-05-31 12:00:01.000  remind (r1)\n"))
      << out();
  EXPECT_TRUE(absl::StrContains(out(), "12:00:19.000  remind (r19)\n          and 2 more\n"))
      << out();

  client_ = std::make_unique<FakeClient>();
  client_->list_records = [](const v1::ListRecordsRequest&) {
    v1::ListRecordsResponse page;
    v1::Record* record = page.add_records();
    record->set_index(7);
    record->add_transitions()->mutable_advance_time()->mutable_to()->set_seconds(1'717'156'800);
    for (const char* id : {"other", "p"}) {
      v1::Change* change = record->add_changes();
      change->set_instance_id(id);
      change->set_status(v1::Instance::FAULTED);
      change->add_configuration("patience");
      change->add_configuration("late");
      change->mutable_fault()->set_message("no way");
    }
    return page;
  };
  EXPECT_EQ(Run({"history", "p"}), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "(timer)")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "late (FAULTED: no way)")) << out();
}

TEST_F(ProgramTest, CompletionKnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(Run({"completion", shell}), 0);
    for (const char* word : {"machine", "check", "submit", "watch", "snapshot", "completion"}) {
      EXPECT_TRUE(absl::StrContains(out(), word)) << shell << " " << word;
    }
    const char* option = std::string(shell) == "fish" ? "-l in-flight" : "--in-flight";
    EXPECT_TRUE(absl::StrContains(out(), option)) << shell;
  }
}

TEST_F(ProgramTest, BashTakesTheCompletionScriptAndCompletes) {
  EXPECT_EQ(Run({"completion", "bash"}), 0);
  const std::string path = absl::StrCat(testing::TempDir(), "/completion.bash");
  std::ofstream(path) << out()
                      << "complete_line() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
                         "COMPREPLY=(); _swooshctl; echo \"${COMPREPLY[*]}\"; }\n"
                         "[[ $(complete_line swooshctl machine ch) == check ]] || exit 1\n"
                         "[[ $(complete_line swooshctl hi) == history ]] || exit 2\n"
                         "[[ $(complete_line swooshctl -o json submit --in) == --in-flight ]] || "
                         "exit 3\n";
  EXPECT_EQ(std::system(absl::StrCat("bash ", path).c_str()), 0);
}

TEST_F(ProgramTest, ATokenIsNotSentInTheClearAndFilesMustBeThere) {
  EXPECT_EQ(Run({"status", "--server", "example.org:7070", "--token", "t"}), 2);
  EXPECT_TRUE(absl::StrContains(err(), "--tls")) << err();
  EXPECT_EQ(Run({"status", "--cert", "c.pem"}), 2);
  EXPECT_TRUE(absl::StrContains(err(), "--key")) << err();
  EXPECT_EQ(Run({"status", "--token", "t", "--token-file", "f"}), 2);
  EXPECT_EQ(Run({"status", "--ca", "/no/such.pem"}), 1);
  EXPECT_TRUE(absl::StrContains(err(), "/no/such.pem")) << err();
}

TEST_F(ProgramTest, TakesDefaultsFromTheEnvironment) {
  setenv("SWOOSH_SERVER", "example:1", 1);
  setenv("SWOOSH_NAMESPACE", "staging", 1);
  setenv("NO_COLOR", "1", 1);
  setenv("SWOOSH_TLS", "1", 1);
  setenv("SWOOSH_CA", "ca.pem", 1);
  setenv("SWOOSH_CLIENT_CERT", "cert.pem", 1);
  setenv("SWOOSH_CLIENT_KEY", "key.pem", 1);
  setenv("SWOOSH_TOKEN_FILE", "token", 1);
  GlobalOptions options;
  ReadEnvironment(&options);
  EXPECT_EQ(options.server, "example:1");
  EXPECT_EQ(options.ns, "staging");
  EXPECT_TRUE(options.no_color);
  EXPECT_TRUE(options.tls);
  EXPECT_EQ(options.ca, "ca.pem");
  EXPECT_EQ(options.certificate, "cert.pem");
  EXPECT_EQ(options.key, "key.pem");
  EXPECT_EQ(options.token_file, "token");
  for (const char* name : {"SWOOSH_TLS", "SWOOSH_CA", "SWOOSH_CLIENT_CERT", "SWOOSH_CLIENT_KEY",
                           "SWOOSH_TOKEN_FILE"}) {
    unsetenv(name);
  }
  setenv("NO_COLOR", "", 1);
  unsetenv("SWOOSH_SERVER");
  unsetenv("SWOOSH_NAMESPACE");
  GlobalOptions defaults;
  ReadEnvironment(&defaults);
  EXPECT_EQ(defaults.server, "127.0.0.1:7070");
  EXPECT_EQ(defaults.ns, "default");
  EXPECT_FALSE(defaults.no_color);
}

}  // namespace
}  // namespace swoosh
