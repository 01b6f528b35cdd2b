#include "cli/watch_command.h"

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/proto_text.h"
#include "cli/step_text.h"
#include "cli/text_table.h"
#include "cli/watcher.h"

namespace swoosh {
namespace {

struct WatchOptions {
  uint64_t from_index = 0;
  bool initial = false;
  std::vector<std::string> machines;
  std::vector<std::string> ids;
  std::vector<std::string> states;
  uint64_t count = 0;  // of changes; 0 = without end
  std::string retry_for = "60s";
};

v1::WatchRequest ToRequest(const std::string& ns, const WatchOptions& options) {
  v1::WatchRequest request;
  request.set_namespace_(ns);
  request.set_from_index(options.from_index);
  request.set_initial(options.initial);
  for (const std::string& machine : options.machines) request.add_machines(machine);
  for (const std::string& id : options.ids) request.add_instance_ids(id);
  for (const std::string& state : options.states) request.add_states(state);
  return request;
}

// "12  2024-05-31 12:00:00.000  o-1  order  charging/…  via card_charged  emits ship {...}"
std::string ChangeLine(const v1::WatchResponse& response, const v1::Change& change,
                       const Palette& palette) {
  std::string line =
      absl::StrCat(response.index(), "  ", TimeText(response.hlc().time()), "  ",
                   palette.Bold(Printable(change.instance_id())), "  ", Printable(change.machine()),
                   "  ", change.created() ? "created in " : "", Printable(ChangeSummary(change)));
  if (!change.edges().empty()) {
    absl::StrAppend(&line, "  ", palette.Dim("via"), " ",
                    Printable(absl::StrJoin(change.edges(), ", ")));
  }
  if (!change.emitted().empty()) {
    absl::StrAppend(&line, "  ", palette.Dim("emits"), " ",
                    Printable(EmittedText(change.emitted())));
  }
  return line;
}

std::string InitialLine(const v1::WatchResponse& response, const v1::Instance& instance,
                        const Palette& palette) {
  return absl::StrCat(response.index(), "  ", TimeText(instance.update_time()), "  ",
                      palette.Bold(Printable(instance.id())), "  ", Printable(instance.machine()),
                      "  ", Printable(ConfigurationText(instance.configuration())), " (",
                      StatusText(instance.status()), ")  ", palette.Dim("initially"));
}

void Show(Session& session, const v1::WatchResponse& response) {
  if (session.json()) {
    session.PrintJson(response);
    return;
  }
  for (const v1::Instance& instance : response.initial()) {
    session.out() << InitialLine(response, instance, session.palette()) << "\n";
  }
  for (const v1::Change& change : response.changes()) {
    session.out() << ChangeLine(response, change, session.palette()) << "\n";
  }
  session.out().flush();
}

int Watch(Session& session, const WatchOptions& options) {
  if (options.initial && options.from_index != 0) {
    return session.UsageFailed("--initial begins now, so it can't be given with --from");
  }
  absl::Duration retry_for;
  absl::ParseDuration(options.retry_for, &retry_for);
  uint64_t change_count = 0;
  bool outage_told = false;
  Watcher::Events events;
  events.told = [&](const v1::WatchResponse& response) {
    outage_told = false;
    Show(session, response);
    change_count += static_cast<uint64_t>(response.changes_size());
    // Nobody reads any more.
    if (!session.out()) return false;
    return options.count == 0 || change_count < options.count;
  };
  events.broken = [&](const absl::Status& why) {
    if (!outage_told) {
      session.err() << "connection lost, trying again: " << Printable(why.message()) << std::endl;
    }
    outage_told = true;
  };
  Watcher watcher(session.client(), ToRequest(session.ns(), options), retry_for, std::move(events));
  const absl::Status status = watcher.Run();
  return status.ok() ? kCliOk : session.RpcFailed(status);
}

}  // namespace

void AddWatchCommand(Commands* commands) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* app = commands->Add(
      "watch",
      "Show what changes, a line a change, until it is stopped. When the connection breaks it "
      "goes\n"
      "on by itself, without a gap or a repeat.",
      {{"swooshctl watch", "whatever changes from now on"},
       {"swooshctl watch --from 1", "from the first record of the log"},
       {"swooshctl watch --initial --machine order", "what there is, then what changes"},
       {"swooshctl watch --id o-1 --count 1", "wait for the next change of o-1"},
       {"swooshctl watch --from 1 -o json | jq .changes[].emitted[]",
        "what machines told workers"}},
      [options](Session& session) { return Watch(session, *options); });
  app->add_option("--from", options->from_index, "The first record to show (default: the next)")
      ->type_name("INDEX");
  app->add_flag("--initial", options->initial, "First the instances that match now");
  const auto add_filter = [app](const std::string& name, std::vector<std::string>* values,
                                const std::string& description) {
    app->add_option(name, *values, description)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("NAME");
  };
  add_filter("--machine", &options->machines,
             "Only instances of this machine; given again, of one of them");
  add_filter("--id", &options->ids, "Only this instance; given again, one of them");
  add_filter("--state", &options->states,
             "Only instances in this state, before or after; given again, in one of them");
  app->add_option("--count", options->count, "Stop after so many changes")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app->add_option("--retry-for", options->retry_for, "How long to do without a server")
      ->check(DurationValidator())
      ->type_name("DURATION")
      ->capture_default_str();
}

}  // namespace swoosh
