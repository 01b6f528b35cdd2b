#include "cli/read_commands.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/exit_codes.h"
#include "cli/proto_text.h"
#include "cli/step_text.h"
#include "core/sha256.h"

namespace swoosh {
namespace {

constexpr int kPageSize = 1'000;
constexpr size_t kValueBytesMax = 2'000;
constexpr size_t kHashDigitsShown = 12;
constexpr int kTimersShownMax = 20;
// A table is shown a piece at a time, so that a long one begins at once.
constexpr int kTableRows = 1'000;

struct ListOptions {
  std::string machine;
  std::vector<std::string> states;
  std::string status;
  std::string prefix;
  uint64_t limit = 0;  // 0 = all
};

struct RecordsOptions {
  std::string instance_id;  // "" = all records
  uint64_t from_index = 0;
  uint64_t limit = 0;  // 0 = all
  bool raw = false;
};

int ToPageSize(uint64_t limit, uint64_t shown) {
  const uint64_t left = limit == 0 ? kPageSize : limit - shown;
  return static_cast<int>(std::min<uint64_t>(left, kPageSize));
}

void ShowInstance(Session& session, const v1::Instance& instance) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"instance", instance.id()},
      {"machine", absl::StrCat(instance.machine(), " version ", instance.machine_version())},
      {"state", ConfigurationText(instance.configuration())},
      {"status", StatusText(instance.status())},
      {"version", absl::StrCat(instance.version())},
      {"created",
       absl::StrCat(TimeText(instance.create_time()), " at index ", instance.created_index())},
      {"changed", TimeText(instance.update_time())},
  };
  if (instance.has_output()) {
    fields.push_back({"output", ValueText(instance.output(), kValueBytesMax)});
  }
  if (instance.has_fault()) fields.push_back({"fault", instance.fault().message()});
  if (!instance.enabled_events().empty()) {
    fields.push_back({"enabled", absl::StrJoin(instance.enabled_events(), ", ")});
  }
  for (int i = 0; i < std::min(instance.timers_size(), kTimersShownMax); ++i) {
    fields.push_back({i == 0 ? "timers" : "", absl::StrCat(TimeText(instance.timers(i).due()), "  ",
                                                           TimerName(instance.timers(i)))});
  }
  if (instance.timers_size() > kTimersShownMax) {
    fields.push_back({"", absl::StrCat("and ", instance.timers_size() - kTimersShownMax, " more")});
  }
  std::vector<std::pair<std::string, std::string>> context;
  for (const auto& [key, value] : instance.context().fields()) {
    context.push_back({absl::StrCat("  ", key), ValueText(value, kValueBytesMax)});
  }
  std::sort(context.begin(), context.end());
  fields.push_back({"context", context.empty() ? "empty" : ""});
  session.out() << RenderFields(fields, session.palette())
                << RenderFields(context, session.palette());
}

int Get(Session& session, const std::string& id, uint64_t at_index) {
  v1::GetInstanceRequest request;
  request.set_namespace_(session.ns());
  request.set_instance_id(id);
  request.set_view(v1::VIEW_FULL);
  request.set_at_index(at_index);
  const absl::StatusOr<v1::Instance> instance = session.client()->GetInstance(request);
  if (!instance.ok()) return session.RpcFailed(instance.status());
  if (session.json()) {
    session.PrintJson(*instance);
  } else {
    ShowInstance(session, *instance);
  }
  return kCliOk;
}

int List(Session& session, const ListOptions& options) {
  v1::ListInstancesRequest request;
  request.set_namespace_(session.ns());
  request.set_machine(options.machine);
  request.set_id_prefix(options.prefix);
  request.set_view(session.json() ? v1::VIEW_CONTEXT : v1::VIEW_BASIC);
  for (const std::string& state : options.states) request.add_states(state);
  if (!options.status.empty()) {
    v1::Instance::Status status = v1::Instance::STATUS_UNSPECIFIED;
    v1::Instance::Status_Parse(absl::AsciiStrToUpper(options.status), &status);
    request.set_status(status);
  }
  TextTable table({"INSTANCE", "MACHINE", "STATE", "STATUS", "VERSION", "CHANGED"});
  uint64_t shown = 0;
  do {
    request.set_page_size(ToPageSize(options.limit, shown));
    const absl::StatusOr<v1::ListInstancesResponse> page = session.client()->ListInstances(request);
    if (!page.ok()) return session.RpcFailed(page.status());
    for (const v1::Instance& instance : page->instances()) {
      ++shown;
      if (session.json()) {
        session.PrintJson(instance);
        continue;
      }
      table.AddRow({instance.id(),
                    absl::StrCat(instance.machine(), " v", instance.machine_version()),
                    ConfigurationText(instance.configuration()), StatusText(instance.status()),
                    absl::StrCat(instance.version()), TimeText(instance.update_time())});
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && (options.limit == 0 || shown < options.limit));
  if (session.json()) return kCliOk;
  session.out() << (table.empty() ? "no instances match\n" : table.Render(session.palette()));
  return kCliOk;
}

// Calls `show` with each record and its stored bytes ("" without --raw), page after page.
int ForEachRecord(Session& session, const RecordsOptions& options,
                  const std::function<void(const v1::Record&, const std::string& raw)>& show,
                  const std::function<void()>& page_done) {
  v1::ListRecordsRequest request;
  request.set_namespace_(session.ns());
  request.set_instance_id(options.instance_id);
  request.set_from_index(options.from_index);
  request.set_raw(options.raw);
  uint64_t shown = 0;
  do {
    request.set_page_size(ToPageSize(options.limit, shown));
    const absl::StatusOr<v1::ListRecordsResponse> page = session.client()->ListRecords(request);
    if (!page.ok()) return session.RpcFailed(page.status());
    for (int i = 0; i < page->records_size(); ++i) {
      ++shown;
      show(page->records(i), i < page->raw_size() ? page->raw(i) : "");
    }
    page_done();
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && (options.limit == 0 || shown < options.limit));
  return kCliOk;
}

// A table that is shown whenever a page is there.
class PagedTable {
 public:
  PagedTable(Session* session, std::vector<std::string> header)
      : session_(*session), header_(std::move(header)), table_(header_) {}

  void AddRow(const std::vector<std::string>& cells) {
    table_.AddRow(cells);
    any_ = true;
    if (++rows_ == kTableRows) Show();
  }
  void Show() {
    if (table_.empty()) return;
    session_.out() << table_.Render(session_.palette()) << std::flush;
    table_ = TextTable(header_);
    rows_ = 0;
  }
  bool any() const { return any_; }

 private:
  Session& session_;
  const std::vector<std::string> header_;
  TextTable table_;
  int rows_ = 0;
  bool any_ = false;
};

int History(Session& session, const RecordsOptions& options) {
  PagedTable table(&session, {"INDEX", "TIME", "EVENT", "EDGES", "STATE", "EMITTED"});
  return ForEachRecord(
      session, options,
      [&](const v1::Record& record, const std::string&) {
        if (session.json()) return session.PrintJson(record);
        std::vector<std::string> asked;
        for (const v1::Transition& transition : record.transitions()) {
          if (transition.send_event().instance_id() == options.instance_id) {
            asked.push_back(transition.send_event().event());
          } else if (transition.create_instance().instance_id() == options.instance_id) {
            asked.push_back("(create)");
          } else if (transition.delete_instance().instance_id() == options.instance_id) {
            asked.push_back("(delete)");
          } else if (transition.has_advance_time()) {
            asked.push_back("(timer)");
          }
        }
        for (const v1::Change& change : record.changes()) {
          if (change.instance_id() != options.instance_id) continue;
          table.AddRow({absl::StrCat(record.index()), TimeText(record.hlc().time()),
                        absl::StrJoin(asked, ", "), absl::StrJoin(change.edges(), ", "),
                        ChangeSummary(change), EmittedText(change.emitted())});
        }
      },
      [&] { table.Show(); });
}

int RawRecords(Session& session, const RecordsOptions& options) {
  PagedTable table(&session, {"INDEX", "BYTES", "SHA-256 OF THE STORED BYTES"});
  return ForEachRecord(
      session, options,
      [&](const v1::Record& record, const std::string& raw) {
        if (session.json()) {
          // The message that holds both.
          v1::ListRecordsResponse line;
          *line.add_records() = record;
          line.add_raw(raw);
          return session.PrintJson(line);
        }
        table.AddRow({absl::StrCat(record.index()), absl::StrCat(raw.size()), ToHex(Sha256(raw))});
      },
      [&] { table.Show(); });
}

int Records(Session& session, const RecordsOptions& options) {
  if (options.raw) return RawRecords(session, options);
  PagedTable table(&session, {"INDEX", "TIME", "REQUEST", "PROPOSAL", "CHANGES", "STATE HASH"});
  const int exit_code = ForEachRecord(
      session, options,
      [&](const v1::Record& record, const std::string&) {
        if (session.json()) return session.PrintJson(record);
        const auto asked = absl::StrJoin(record.transitions(), "; ",
                                         [](std::string* out, const v1::Transition& transition) {
                                           absl::StrAppend(out, TransitionText(transition));
                                         });
        table.AddRow({absl::StrCat(record.index()), TimeText(record.hlc().time()),
                      record.request_id(), asked, absl::StrCat(record.changes_size()),
                      HexText(record.state_hash()).substr(0, kHashDigitsShown)});
      },
      [&] { table.Show(); });
  if (exit_code == kCliOk && !session.json() && !table.any()) session.out() << "no records\n";
  return exit_code;
}

void AddGet(Commands* commands) {
  auto id = std::make_shared<std::string>();
  auto at_index = std::make_shared<uint64_t>(0);
  CLI::App* app =
      commands->Add("get",
                    "Show an instance: its states, context, what is enabled and which timers wait; "
                    "as it is, or as\n"
                    "it was.",
                    {{"swooshctl get o-1", ""},
                     {"swooshctl get o-1 --at-index 12", "after record 12"},
                     {"swooshctl get o-1 -o json | jq .context.total", ""}},
                    [id, at_index](Session& session) { return Get(session, *id, *at_index); });
  app->add_option("ID", *id, "The instance's id")->required();
  app->add_option("--at-index", *at_index, "As it was after this record (default: now)")
      ->type_name("N");
}

void AddList(Commands* commands) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* app =
      commands->Add("list", "List the instances of the namespace that match, all as of one moment.",
                    {{"swooshctl list", ""},
                     {"swooshctl list --machine order --state charging", ""},
                     {"swooshctl list --status done --prefix 2024- --limit 10", ""}},
                    [options](Session& session) { return List(session, *options); });
  app->add_option("--machine", options->machine, "Only instances of this machine")
      ->type_name("NAME");
  app->add_option("--state", options->states,
                  "Only instances in this state; given again, in one of them")
      ->type_name("ID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--status", options->status, "Only instances of this status")
      ->check(CLI::IsMember({"running", "done", "faulted"}, CLI::ignore_case))
      ->type_name("STATUS");
  app->add_option("--prefix", options->prefix, "Only instances whose id begins so")
      ->type_name("TEXT");
  app->add_option("--limit", options->limit, "At most so many (default: all)")->type_name("N");
}

void AddHistory(Commands* commands) {
  auto options = std::make_shared<RecordsOptions>();
  CLI::App* app = commands->Add(
      "history", "Show what happened to an instance, newest first, back to its creation.",
      {{"swooshctl history o-1", ""},
       {"swooshctl history o-1 --limit 5", "the last five changes"},
       {"swooshctl history o-1 -o json", "whole records"}},
      [options](Session& session) { return History(session, *options); });
  app->add_option("ID", options->instance_id, "The instance's id")->required();
  app->add_option(
         "--from", options->from_index,
         "Begin at this record, which must have changed it (default: the newest); also for\n"
         "an instance that was deleted")
      ->type_name("INDEX");
  app->add_option("--limit", options->limit, "At most so many (default: all)")->type_name("N");
}

void AddRecords(Commands* commands) {
  auto options = std::make_shared<RecordsOptions>();
  CLI::App* app = commands->Add(
      "records", "Show the log: every accepted proposal of the namespace, oldest first.",
      {{"swooshctl records --from 100 --limit 20", ""},
       {"swooshctl records --raw", "the hash of each record's stored bytes, to check the chain"},
       {"swooshctl records -o json", "a record a line"}},
      [options](Session& session) { return Records(session, *options); });
  app->add_option("--from", options->from_index, "Begin here (default: the log's first record)")
      ->type_name("INDEX");
  app->add_option("--limit", options->limit, "At most so many (default: all)")->type_name("N");
  app->add_flag("--raw", options->raw,
                "The stored bytes: their size and hash; with -o json, the bytes too");
}

}  // namespace

void AddReadCommands(Commands* commands) {
  AddGet(commands);
  AddList(commands);
  AddHistory(commands);
  AddRecords(commands);
}

}  // namespace swoosh
