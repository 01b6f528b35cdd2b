#include "cli/submit_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/submit_input.h"
#include "cli/submit_journal.h"
#include "cli/submit_report.h"
#include "cli/submitter.h"
#include "cli/text_table.h"

namespace swoosh {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr int kColumnsDefault = 80;
constexpr size_t kInFlightMax = 4'096;  // a server's queue holds no more

struct SubmitCommandOptions {
  std::string file;
  std::string checkpoint;
  std::string responses;
  size_t in_flight = 256;
  std::string retry_for = "60s";
};

int TerminalColumns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumnsDefault;
  return size.ws_col - 1;
}

// One line on a terminal that is drawn over itself; nothing elsewhere. Thread-safe.
class ProgressBar {
 public:
  ProgressBar(std::ostream* err, bool on) : err_(*err), on_(on) {}

  void Draw(const std::string& line) {
    if (!on_) return;
    absl::MutexLock lock(&mutex_);
    err_ << "\r\x1b[K" << line << std::flush;
    drawn_ = true;
  }
  // A line that stays, above the bar.
  void Note(const std::string& line) {
    absl::MutexLock lock(&mutex_);
    err_ << (drawn_ ? "\r\x1b[K" : "") << line << "\n" << std::flush;
    drawn_ = false;
  }
  void Clear() {
    absl::MutexLock lock(&mutex_);
    if (drawn_) err_ << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }

 private:
  std::ostream& err_;
  const bool on_;
  absl::Mutex mutex_;
  bool drawn_ ABSL_GUARDED_BY(mutex_) = false;
};

SubmitRun Snapshot(const SubmitJournal& journal, const SubmitInput& input, absl::Time start) {
  SubmitRun run;
  run.checkpoint = journal.checkpoint();
  run.answered_before = journal.answered_before();
  run.bytes_total = input.bytes_total();
  run.elapsed = absl::Now() - start;
  return run;
}

// What goes on beside the submitting: the checkpoint, the bar, and the watch over a server that
// says nothing. Ends when `done` is notified.
void TickUntil(const absl::Notification& done, const SubmitInput& input, absl::Time start,
               SubmitJournal* journal, Submitter* submitter, ProgressBar* bar) {
  bool checkpoint_failed = false;
  while (!done.WaitForNotificationWithTimeout(kTick)) {
    submitter->BreakIfSilent();
    bar->Draw(ProgressLine(Snapshot(*journal, input, start), TerminalColumns()));
    const absl::Status status = journal->WriteCheckpoint(/*now=*/false);
    // The last one, at the end, decides; a disk that is full for a moment is no reason to stop.
    if (!status.ok() && !checkpoint_failed) {
      bar->Note(absl::StrCat("warning: the checkpoint can't be written: ", status.message()));
      checkpoint_failed = true;
    }
  }
}

struct Outcome {
  absl::Status status;
  bool failed_locally = false;  // by the file, or by what is written, not by the server
};

Outcome RunSubmitter(Session& session, const SubmitCommandOptions& options, SubmitInput* input,
                     SubmitJournal* journal, absl::Time start) {
  SubmitOptions submit_options;
  submit_options.in_flight_max = options.in_flight;
  submit_options.answer_timeout = session.timeout();
  absl::ParseDuration(options.retry_for, &submit_options.retry_for);
  ProgressBar bar(&session.err(), isatty(STDERR_FILENO) != 0);
  bool outage_told = false;
  Submitter::Events events;
  events.connected = [journal](const std::string& history_id) {
    return journal->Connected(history_id);
  };
  events.answered = [journal, &outage_told](const SubmitLine& line,
                                            const v1::SubmitResponse& response) {
    outage_told = false;
    return journal->Answered(line, response);
  };
  events.broken = [&bar, &outage_told](const absl::Status& why) {
    if (!outage_told) {
      bar.Note(absl::StrCat("connection lost, trying again: ", Printable(why.message())));
    }
    outage_told = true;
  };
  Submitter submitter(session.client(), input, submit_options, std::move(events));

  absl::Notification done;
  std::thread ticker([&] { TickUntil(done, *input, start, journal, &submitter, &bar); });
  const absl::Status status = submitter.Run();
  done.Notify();
  ticker.join();
  bar.Clear();
  return {status, submitter.failed_locally()};
}

int Report(Session& session, const Outcome& outcome, const SubmitRun& run) {
  if (session.json()) {
    session.out() << SummaryJson(run) << std::flush;
  } else {
    session.out() << SummaryText(run, session.palette());
  }
  if (outcome.status.ok()) return kCliOk;
  return outcome.failed_locally ? session.Failed(outcome.status.message())
                                : session.RpcFailed(outcome.status);
}

int Submit(Session& session, const SubmitCommandOptions& options) {
  const absl::StatusOr<std::unique_ptr<SubmitInput>> input =
      SubmitInput::Open(options.file, session.ns());
  if (!input.ok()) return session.Failed(input.status().message());
  const absl::StatusOr<std::unique_ptr<SubmitJournal>> journal =
      SubmitJournal::Open(options.checkpoint, options.responses);
  if (!journal.ok()) return session.Failed(journal.status().message());
  if (absl::Status status = (*input)->SkipTo((*journal)->checkpoint().place); !status.ok()) {
    return session.Failed(status.message());
  }
  const absl::Time start = absl::Now();
  const Outcome outcome = RunSubmitter(session, options, input->get(), journal->get(), start);
  const absl::Status written = (*journal)->WriteCheckpoint(/*now=*/true);
  const int exit_code = Report(session, outcome, Snapshot(**journal, **input, start));
  return written.ok() ? exit_code : session.Failed(written.message());
}

}  // namespace

void AddSubmitCommand(Commands* commands) {
  auto options = std::make_shared<SubmitCommandOptions>();
  CLI::App* app = commands->Add(
      "submit",
      "Submit a file of proposals, each of them once. The file has one SubmitRequest in JSON a "
      "line;\n"
      "they are sent in its order, many at a time, but never two that are unanswered for one\n"
      "instance. Refusals are counted and the rest goes on. When the connection breaks it "
      "connects\n"
      "again. A request without a requestId gets one made of the file's content up to it, so the\n"
      "same file submitted again applies nothing twice, but tries again what was refused; with\n"
      "--checkpoint it goes on where it stopped. Exits with 0 when every request was answered.",
      {{"swooshctl submit --file events.jsonl", ""},
       {"swooshctl submit --file events.jsonl --checkpoint events.done", "resumable"},
       {"swooshctl submit --file events.jsonl --responses answers.jsonl",
        "with every answer, a line each, in the same order"},
       {"convert log.xes | swooshctl submit --file - -o json", "the summary as JSON"},
       {"a line of the file:", ""},
       {"{\"transitions\": [{\"sendEvent\": {\"instanceId\": \"o-1\", \"event\": \"cancel\"}}]}",
        ""}},
      [options](Session& session) { return Submit(session, *options); });
  app->add_option("-f,--file", options->file, "The file; - for standard input")
      ->type_name("FILE")
      ->required();
  app->add_option("--in-flight", options->in_flight,
                  "How many requests may be unanswered, up to 4096")
      ->check(CLI::Range(size_t{1}, kInFlightMax).description(""))
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--checkpoint", options->checkpoint,
                  "Note here, at least once a second, what was answered, and go on from there")
      ->type_name("FILE");
  app->add_option("--responses", options->responses, "Write each SubmitResponse in JSON here")
      ->type_name("FILE");
  app->add_option("--retry-for", options->retry_for, "How long to do without a server")
      ->check(DurationValidator())
      ->type_name("DURATION")
      ->capture_default_str();
}

}  // namespace swoosh
