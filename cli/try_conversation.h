#ifndef SWOOSH_CLI_TRY_CONVERSATION_H_
#define SWOOSH_CLI_TRY_CONVERSATION_H_

#include <cstdint>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/machine_file.h"
#include "cli/session.h"
#include "cli/simulator.h"
#include "google/protobuf/struct.pb.h"

namespace swoosh {

// A duration as in "72h" or "+1h30m": longer than 0, at most 100 years. kInvalidArgument.
absl::StatusOr<absl::Duration> ParseWait(absl::string_view text);

// What external guards answer, by name.
using GuardAnswers = std::map<std::string, bool>;
// Adds "NAME=true", or allow, yes, false, deny, no. kInvalidArgument.
absl::Status AddGuardAnswer(absl::string_view text, GuardAnswers* answers);

// A conversation with a machine: a line in, what came of it out. Time begins with the wall clock's
// and stands still then, until a line moves it on. Not thread-safe.
class TryConversation {
 public:
  struct Options {
    google::protobuf::Struct context;
    std::string actor;
    GuardAnswers guards;
    // Whether somebody types: then external guards without an answer in `guards` are asked there.
    bool typed = false;
  };

  // The pointers must outlive it. `lines` is where the answers to its questions come from.
  TryConversation(Session* session, const MachineFile* machine, std::istream* lines,
                  Options options);

  // Begins with a new instance. Errors: of Simulator::Start.
  absl::Status Start();

  // kCancelled: it is over. kInvalidArgument: the line can't be understood. What the machine
  // refuses is shown, and no error. kResourceExhausted: more timers fired than anybody reads.
  absl::Status Take(absl::string_view line);

  // Moves time to `since_start` after the start, firing what is due until then, each timer at its
  // deadline. kInvalidArgument: that is past. kResourceExhausted as Take.
  absl::Status MoveTimeTo(absl::Duration since_start);

 private:
  absl::Status TakeCommand(absl::string_view line);
  absl::Status TakeEvent(absl::string_view line);
  absl::Status TakeWait(absl::string_view duration);
  absl::Status FireUntil(int64_t time_us, bool* fired);
  std::optional<bool> AskGuard(const v1::EvaluateRequest& question, const std::string& edge);
  void ShowStep(const std::string& subject, const std::string& before);
  void ShowState();
  void ShowTimers();
  void ShowTime();
  std::string SinceStart() const;
  std::string States() const;

  Session& session_;
  const MachineFile& machine_;
  std::istream& lines_;
  Options options_;
  std::unique_ptr<Simulator> simulator_;
  int64_t start_us_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_TRY_CONVERSATION_H_
