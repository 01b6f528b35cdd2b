// Puts load on a gRPC server of any kind and prints a line of JSON: how many messages a second it
// answered, and how fast. The requests are serialised messages in a file, each behind its length
// (4 bytes, little-endian), and are sent in turn.
//
//   wire_load --target=HOST:PORT --method=/swoosh.v1.Orchestrator/Submit --requests=FILE
//       --in_flight=64 --connections=7 --duration=5s --number_field=2

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "tests/bench/load_client.h"
#include "tests/bench/load_plan.h"

ABSL_FLAG(std::string, target, "", "HOST:PORT of the server.");
ABSL_FLAG(std::string, method, "", "/package.Service/Method");
ABSL_FLAG(std::string, requests, "", "A file of requests.");
ABSL_FLAG(uint64_t, connections, 1, "Connections.");
ABSL_FLAG(uint64_t, in_flight, 1, "Messages of all connections that wait for an answer, at most.");
ABSL_FLAG(bool, stream, false, "One stream a connection, a message a write.");
ABSL_FLAG(double, rate, 0, "Messages a second; 0: as fast as can be.");
ABSL_FLAG(absl::Duration, warm_up, absl::Seconds(1), "Sent and not measured.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(5), "Measured.");
ABSL_FLAG(std::string, number_field, "",
          "Field numbers, as 2 or 1.3, of a number in each answer; the greatest is printed.");
ABSL_FLAG(uint32_t, error_field, 0, "A field that an answer has only when it is a refusal.");

namespace swoosh {
namespace {

constexpr size_t kLengthBytes = 4;

absl::StatusOr<std::vector<std::string>> ReadRequests(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> requests;
  size_t at = 0;
  while (at + kLengthBytes <= bytes.size()) {
    size_t size = 0;
    for (size_t i = 0; i < kLengthBytes; ++i) {
      size |= static_cast<size_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    }
    at += kLengthBytes;
    if (size > bytes.size() - at) break;
    requests.push_back(bytes.substr(at, size));
    at += size;
  }
  if (requests.empty() || at != bytes.size()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds no requests"));
  }
  return requests;
}

absl::StatusOr<Load> LoadFromFlags() {
  Load load;
  load.target = absl::GetFlag(FLAGS_target);
  load.method = absl::GetFlag(FLAGS_method);
  load.connections = absl::GetFlag(FLAGS_connections);
  load.in_flight = absl::GetFlag(FLAGS_in_flight);
  load.stream = absl::GetFlag(FLAGS_stream);
  load.warm_up = absl::GetFlag(FLAGS_warm_up);
  load.duration = absl::GetFlag(FLAGS_duration);
  load.rate = absl::GetFlag(FLAGS_rate);
  load.check.error_field = absl::GetFlag(FLAGS_error_field);
  for (absl::string_view each :
       absl::StrSplit(absl::GetFlag(FLAGS_number_field), '.', absl::SkipEmpty())) {
    uint32_t number;
    if (!absl::SimpleAtoi(each, &number)) {
      return absl::InvalidArgumentError("--number_field is no path of field numbers");
    }
    load.check.number_path.push_back(number);
  }
  if (load.connections == 0 || load.in_flight == 0) {
    return absl::InvalidArgumentError("--connections and --in_flight are at least 1");
  }
  absl::StatusOr<std::vector<std::string>> requests = ReadRequests(absl::GetFlag(FLAGS_requests));
  if (!requests.ok()) return requests.status();
  load.requests = *std::move(requests);
  return load;
}

int Main() {
  const absl::StatusOr<Load> load = LoadFromFlags();
  const absl::StatusOr<std::string> json = load.ok() ? RunLoad(*load) : load.status();
  return PrintOutcome(json);
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return swoosh::Main();
}
