#include "cli/bench_command.h"

#include <cmath>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/load_generator.h"
#include "cli/text_table.h"
#include "core/check.h"
#include "core/limits.h"
#include "google/protobuf/struct.pb.h"

namespace swoosh {
namespace {

constexpr size_t kClientsMax = 1'000;
constexpr size_t kInFlightMax = 100'000;
constexpr size_t kInstancesMax = 10'000'000;
constexpr size_t kPayloadBytesMax = kEventDataBytesMax - 64;  // beside its key
constexpr double kBarColumns = 50;

struct BenchOptions {
  LoadOptions load;
  std::string duration = "10s";
};

// Three digits that matter, in the unit that suits: "12.3 ms".
std::string LatencyText(absl::Duration latency) {
  const double us = absl::ToDoubleMicroseconds(latency);
  if (us < 1'000) return absl::StrFormat("%.0f us", us);
  if (us < 1'000'000) return absl::StrFormat("%.*f ms", us < 100'000 ? 1 : 0, us / 1'000);
  return absl::StrFormat("%.2f s", us / 1'000'000);
}

double PerSecond(const LoadReport& report, size_t transitions) {
  const double seconds = absl::ToDoubleSeconds(report.elapsed);
  return seconds <= 0 ? 0 : static_cast<double>(report.accepted * transitions) / seconds;
}

void PrintTable(Session& session, const LoadOptions& options, const LoadReport& report) {
  const LatencyHistogram& latency = report.latency;
  session.out() << RenderFields(
      {{"proposals",
        absl::StrFormat("%d accepted, %d refused, %d unanswered in %s", report.accepted,
                        report.refused, report.unanswered, LatencyText(report.elapsed))},
       {"rate", absl::StrFormat("%.0f proposals/s, %.0f transitions/s", PerSecond(report, 1),
                                PerSecond(report, options.transitions))},
       {"latency",
        absl::StrCat("p50 ", LatencyText(latency.Quantile(0.5)), ", p90 ",
                     LatencyText(latency.Quantile(0.9)), ", p99 ",
                     LatencyText(latency.Quantile(0.99)), ", p99.9 ",
                     LatencyText(latency.Quantile(0.999)), ", max ", LatencyText(latency.max()))}},
      session.palette());
  if (latency.count() == 0) return;
  session.out() << "\n";
  for (const LatencyHistogram::Row& row : latency.Rows()) {
    const double share = static_cast<double>(row.count) / static_cast<double>(latency.count());
    const std::string bar(static_cast<size_t>(std::ceil(share * kBarColumns)), '#');
    session.out() << absl::StrFormat("%9s to %9s %6.2f %%  %s\n", LatencyText(row.from),
                                     LatencyText(row.to), 100 * share, bar);
  }
}

void PrintJson(Session& session, const LoadOptions& options, const LoadReport& report) {
  google::protobuf::Struct json;
  const auto set = [&json](const char* key, double value) {
    (*json.mutable_fields())[key].set_number_value(value);
  };
  const auto seconds = [&](const char* key, absl::Duration value) {
    set(key, absl::ToDoubleSeconds(value));
  };
  set("accepted", static_cast<double>(report.accepted));
  set("refused", static_cast<double>(report.refused));
  set("unanswered", static_cast<double>(report.unanswered));
  seconds("seconds", report.elapsed);
  set("proposalsPerSecond", PerSecond(report, 1));
  set("transitionsPerSecond", PerSecond(report, options.transitions));
  seconds("p50Seconds", report.latency.Quantile(0.5));
  seconds("p90Seconds", report.latency.Quantile(0.9));
  seconds("p99Seconds", report.latency.Quantile(0.99));
  seconds("p999Seconds", report.latency.Quantile(0.999));
  seconds("maxSeconds", report.latency.max());
  session.PrintJson(json);
}

int Bench(Session& session, BenchOptions options) {
  LoadOptions& load = options.load;
  load.ns = session.ns();
  SWOOSH_CHECK(absl::ParseDuration(options.duration, &load.duration));
  LoadGenerator generator(load, [&session] { return session.AnotherClient(); });
  if (absl::Status status = generator.Prepare(); !status.ok()) return session.RpcFailed(status);
  const absl::StatusOr<LoadReport> report = generator.Run();
  if (!report.ok()) return session.RpcFailed(report.status());
  if (session.json()) {
    PrintJson(session, load, *report);
  } else {
    PrintTable(session, load, *report);
  }
  const absl::Status cleaned = generator.CleanUp();
  // Of two failures the first one tells more.
  const absl::Status failure = report->first_failure.ok() ? cleaned : report->first_failure;
  return failure.ok() ? kCliOk : session.RpcFailed(failure);
}

}  // namespace

void AddBenchCommand(Commands* commands) {
  auto options = std::make_shared<BenchOptions>();
  LoadOptions& load = options->load;
  CLI::App* bench = commands->Add(
      "bench",
      "Put load on a server, and tell how fast it answered. Registers a machine that counts "
      "events,\n"
      "creates instances of it, and deletes them at the end; the machine and the records stay.\n"
      "With --rate, a latency counts from when its proposal was due, so that a server that stalls\n"
      "is not spared what it kept from being sent.",
      {{"swooshctl bench", "one client, one proposal at a time"},
       {"swooshctl bench --in-flight 256 --duration 60s", ""},
       {"swooshctl bench --stream --in-flight 1000", "over one SubmitStream"},
       {"swooshctl bench --rate 2000 --clients 4 --in-flight 100", "latency at a given load"},
       {"swooshctl bench --transitions 100 --in-flight 100", "100 events a proposal"}},
      [options](Session& session) { return Bench(session, *options); });
  bench->add_option("--clients", load.clients, "Clients, each with a connection of its own")
      ->check(CLI::Range(size_t{1}, kClientsMax))
      ->capture_default_str();
  bench->add_option("--in-flight", load.in_flight, "Proposals of a client that wait for an answer")
      ->check(CLI::Range(size_t{1}, kInFlightMax))
      ->capture_default_str();
  bench->add_option("--rate", load.rate, "Proposals a second of all clients; 0: as fast as can be")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  bench->add_option("--duration", options->duration, "How long")
      ->check(DurationValidator())
      ->capture_default_str();
  bench->add_option("--payload", load.payload_bytes, "Bytes of each event's data")
      ->check(CLI::Range(size_t{0}, kPayloadBytesMax))
      ->capture_default_str();
  bench->add_option("--transitions", load.transitions, "Events in a proposal")
      ->check(CLI::Range(size_t{1}, size_t{kTransitionsPerProposalMax}))
      ->capture_default_str();
  bench->add_option("--instances", load.instances, "Instances that the events go to, at random")
      ->check(CLI::Range(size_t{1}, kInstancesMax))
      ->capture_default_str();
  bench->add_flag("--stream", load.stream, "Use SubmitStream instead of Submit");
}

}  // namespace swoosh
