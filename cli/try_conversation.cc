#include "cli/try_conversation.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/error_text.h"
#include "cli/proto_text.h"
#include "cli/rpc_status.h"
#include "cli/step_text.h"
#include "cli/text_table.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/record.h"
#include "swoosh/v1/error.pb.h"

namespace swoosh {
namespace {

constexpr char kHelp[] =
    "  EVENT [JSON]     send an event, with data: unlock {\"code\": \"0000\"}\n"
    "  :wait [72h]      let time pass, and timers fire; alone, until the next one is due\n"
    "  :timers          show the timers that wait\n"
    "  :context         show the context\n"
    "  :state           show the active states, what is enabled and what time it is\n"
    "  :actor [NAME]    send as NAME from now on (event.actor), or as nobody\n"
    "  :guard NAME=true answer an external guard from now on; false denies\n"
    "  :restart         begin anew\n"
    "  :quit            leave\n";

// 9999-12-31T23:59:59Z, with which a Timestamp ends.
constexpr int64_t kTimeSecondsMax = 253'402'300'799;
// A wait that fires more ends there: timers may set one another for ever.
constexpr int kTimersFiredPerWaitMax = 10'000;

std::optional<bool> ParseAnswer(absl::string_view text) {
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  for (const char* yes : {"true", "allow", "yes", "y", "a"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"false", "deny", "no", "n", "d"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::pair<absl::string_view, absl::string_view> SplitWord(absl::string_view line) {
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  return {line.substr(0, end), absl::StripAsciiWhitespace(line.substr(end))};
}

}  // namespace

absl::StatusOr<absl::Duration> ParseWait(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(absl::StripPrefix(text, "+"), &duration) ||
      duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no duration such as 90s, 15m or 72h"));
  }
  if (duration > absl::Seconds(kDelaySecondsMax)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is more than 100 years"));
  }
  return duration;
}

absl::Status AddGuardAnswer(absl::string_view text, GuardAnswers* answers) {
  const size_t equals = std::min(text.rfind('='), text.size());
  const std::optional<bool> answer =
      ParseAnswer(equals < text.size() ? text.substr(equals + 1) : absl::string_view());
  if (equals == 0 || !answer.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no answer such as fraud_check=true or fraud_check=false"));
  }
  (*answers)[std::string(text.substr(0, equals))] = *answer;
  return absl::OkStatus();
}

TryConversation::TryConversation(Session* session, const MachineFile* machine, std::istream* lines,
                                 Options options)
    : session_(*session), machine_(*machine), lines_(*lines), options_(std::move(options)) {}

absl::Status TryConversation::Start() {
  start_us_ = absl::ToUnixMicros(absl::Now());
  absl::StatusOr<std::unique_ptr<Simulator>> simulator =
      Simulator::Start(machine_.machine, options_.context, start_us_,
                       [this](const v1::EvaluateRequest& question, const std::string& edge) {
                         return AskGuard(question, edge);
                       });
  if (!simulator.ok()) return LocateError(machine_, Simulator::kMachineField, simulator.status());
  simulator_ = *std::move(simulator);
  ShowStep(machine_.machine.name(), "");
  bool fired;
  return FireUntil(start_us_, &fired);
}

absl::Status TryConversation::Take(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.empty() || line[0] == '#') return absl::OkStatus();
  return line[0] == ':' ? TakeCommand(line.substr(1)) : TakeEvent(line);
}

absl::Status TryConversation::TakeCommand(absl::string_view line) {
  const auto [word, rest] = SplitWord(line);
  if (word == "quit" || word == "q") return absl::CancelledError();
  if (word == "wait") return TakeWait(rest);
  if (word == "guard") return AddGuardAnswer(rest, &options_.guards);
  if (word == "restart") return Start();
  if (word == "help") {
    session_.out() << kHelp;
  } else if (word == "context") {
    session_.out() << StructText(simulator_->instance().context(), SIZE_MAX) << "\n";
  } else if (word == "state") {
    ShowState();
  } else if (word == "timers") {
    ShowTimers();
  } else if (word == "actor") {
    options_.actor = std::string(rest);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no :", word, "; :help tells what there is"));
  }
  return absl::OkStatus();
}

absl::Status TryConversation::TakeEvent(absl::string_view line) {
  const auto [event, rest] = SplitWord(line);
  absl::StatusOr<google::protobuf::Struct> data = ReadStructArgument(std::string(rest), "data");
  if (!data.ok()) return data.status();
  const std::string before = States();
  const absl::Status status = simulator_->Send(event, *data, options_.actor);
  if (!status.ok()) {
    if (session_.json()) {
      session_.PrintJson(ToRpcStatus(status));
      return absl::OkStatus();
    }
    session_.out() << ErrorText(status, event, session_.palette());
    if (ReasonOf(status) == v1::GUARD_UNANSWERED) {
      session_.out()
          << "  answer it with --guard NAME=true, or :guard NAME=true before the event\n";
    }
    return absl::OkStatus();
  }
  ShowStep("", before);
  bool fired;
  return FireUntil(simulator_->time_us(), &fired);
}

absl::Status TryConversation::TakeWait(absl::string_view duration) {
  const auto& timers = simulator_->instance().timers();
  bool fired = false;
  if (duration.empty()) {
    if (timers.empty())
      return absl::InvalidArgumentError("no timer waits; :wait 72h lets time pass");
    return FireUntil(MicrosFromTimestamp(timers[0].due()), &fired);
  }
  const absl::StatusOr<absl::Duration> wait = ParseWait(duration);
  if (!wait.ok()) return wait.status();
  return MoveTimeTo(absl::Microseconds(simulator_->time_us() - start_us_) + *wait);
}

absl::Status TryConversation::MoveTimeTo(absl::Duration since_start) {
  const int64_t to_us = start_us_ + absl::ToInt64Microseconds(since_start);
  if (to_us < simulator_->time_us()) {
    return absl::InvalidArgumentError(absl::StrCat("+", absl::FormatDuration(since_start),
                                                   " is past: it is ", SinceStart(), " now"));
  }
  if (to_us > absl::ToUnixMicros(absl::FromUnixSeconds(kTimeSecondsMax))) {
    return absl::InvalidArgumentError("time ends with the year 9999");
  }
  bool fired = false;
  if (absl::Status status = FireUntil(to_us, &fired); !status.ok()) return status;
  const bool moved = simulator_->time_us() < to_us;
  simulator_->MoveTimeTo(to_us);
  if ((moved || !fired) && !session_.json()) ShowTime();
  return absl::OkStatus();
}

// Also at once, what an event or a timer sends without a delay.
absl::Status TryConversation::FireUntil(int64_t time_us, bool* fired) {
  for (int count = 0;; ++count) {
    const std::string before = States();
    const std::optional<v1::Timer> timer =
        count < kTimersFiredPerWaitMax ? simulator_->FireNext(time_us) : std::nullopt;
    if (timer.has_value()) {
      *fired = true;
      ShowStep(absl::StrCat(SinceStart(), "  ", TimerName(*timer)), before);
      continue;
    }
    if (count < kTimersFiredPerWaitMax) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        kTimersFiredPerWaitMax, " timers have fired, and it is ", SinceStart(), " only"));
  }
}

std::optional<bool> TryConversation::AskGuard(const v1::EvaluateRequest& question,
                                              const std::string& edge) {
  const auto answer = options_.guards.find(question.guard());
  if (answer != options_.guards.end()) return answer->second;
  std::string line;
  while (options_.typed) {
    session_.out() << "external guard " << session_.palette().Bold(Printable(question.guard()))
                   << " of edge " << Printable(edge) << ": allow or deny? " << std::flush;
    if (!std::getline(lines_, line)) break;
    const std::optional<bool> typed = ParseAnswer(line);
    if (typed.has_value()) return typed;
  }
  return std::nullopt;
}

void TryConversation::ShowStep(const std::string& subject, const std::string& before) {
  if (session_.json()) {
    session_.PrintJson(simulator_->change());
  } else {
    session_.out() << StepText(subject, before, simulator_->change(), simulator_->instance(),
                               session_.palette());
  }
}

void TryConversation::ShowState() {
  const v1::Instance& instance = simulator_->instance();
  const google::protobuf::Timestamp now = TimestampFromMicros(simulator_->time_us());
  std::vector<std::pair<std::string, std::string>> fields = {
      {"state", States()},
      {"status", StatusText(instance.status())},
      {"enabled", absl::StrJoin(instance.enabled_events(), ", ")},
      {"timers", TimersText(instance.timers(), now)},
      {"time", absl::StrCat(TimeText(now), ", ", SinceStart())}};
  if (instance.has_fault()) {
    fields.insert(fields.begin() + 2, {"fault", instance.fault().message()});
  }
  session_.out() << RenderFields(fields, session_.palette());
}

void TryConversation::ShowTimers() {
  const google::protobuf::Timestamp now = TimestampFromMicros(simulator_->time_us());
  TextTable table({"TIMER", "DUE IN", "DUE"});
  for (const v1::Timer& timer : simulator_->instance().timers()) {
    const absl::Duration left =
        absl::Microseconds(MicrosFromTimestamp(timer.due()) - MicrosFromTimestamp(now));
    table.AddRow({TimerName(timer), absl::FormatDuration(left), TimeText(timer.due())});
  }
  session_.out() << (table.empty() ? "no timer waits\n" : table.Render(session_.palette()));
}

void TryConversation::ShowTime() {
  session_.out() << session_.palette().Dim(SinceStart()) << "  " << Printable(States()) << "\n";
}

std::string TryConversation::SinceStart() const {
  return absl::StrCat("+",
                      absl::FormatDuration(absl::Microseconds(simulator_->time_us() - start_us_)));
}

std::string TryConversation::States() const {
  return simulator_->change().deleted() ? "deleted"
                                        : ConfigurationText(simulator_->instance().configuration());
}

}  // namespace swoosh
