// Runs a fuzz target, without libFuzzer, over a corpus and over random changes of it: the flags,
// then the corpus's files. A file whose name ends in .hex is hexadecimal, with # comments.
//
//   --seed=N       of the changes; printed
//   --mutations=N  how many changed inputs to run
//   --only=N       runs the one with that number alone: what is printed when the process dies
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/mutator.h"

ABSL_FLAG(uint64_t, seed, 1, "Seed of the mutations.");
ABSL_FLAG(int64_t, mutations, 10'000, "Changed inputs to run.");
ABSL_FLAG(int64_t, only, -1, "Run this changed input alone.");

// Of the sanitizers, where they are linked.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace swoosh {
namespace {

// Where a run is; read when the process dies.
std::atomic<int64_t> running_mutation{-1};
std::atomic<size_t> running_file{0};

void SayWhere() {
  std::fprintf(stderr, "died with --seed=%llu, at %s %lld\n",
               static_cast<unsigned long long>(absl::GetFlag(FLAGS_seed)),
               running_mutation >= 0 ? "--only" : "the corpus's file number",
               running_mutation >= 0 ? static_cast<long long>(running_mutation)
                                     : static_cast<long long>(running_file));
}

void OnSignal(int signal_number) {
  std::signal(signal_number, SIG_DFL);
  SayWhere();
  std::raise(signal_number);
}

void SayWhereOnDeath() {
  for (const int each : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(each, OnSignal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(SayWhere);
}

std::string BytesOfHex(absl::string_view text) {
  std::string digits;
  bool in_comment = false;
  for (const char c : text) {
    if (c == '#') in_comment = true;
    if (c == '\n') in_comment = false;
    if (!in_comment && absl::ascii_isxdigit(static_cast<unsigned char>(c))) digits.push_back(c);
  }
  return absl::HexStringToBytes(digits);
}

std::string ReadInput(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  SWOOSH_CHECK(file.good());
  std::string text(std::istreambuf_iterator<char>(file), {});
  return absl::EndsWith(path, ".hex") ? BytesOfHex(text) : text;
}

void Run(absl::string_view input) {
  // A copy of just this size, so that a read past its end shows.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// Each has a generator of its own, so that one can be made again without those before it.
void RunMutation(const std::vector<std::string>& corpus, uint64_t seed, int64_t number) {
  constexpr uint64_t kSpread = 0x9E3779B97F4A7C15;
  running_mutation = number;
  Run(Mutator(corpus, (seed ^ (static_cast<uint64_t>(number) + 1)) * kSpread).Next());
}

int Main(const std::vector<std::string>& paths) {
  const uint64_t seed = absl::GetFlag(FLAGS_seed);
  std::printf("--seed=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  SayWhereOnDeath();
  std::vector<std::string> corpus;
  for (const std::string& path : paths) corpus.push_back(ReadInput(path));
  SWOOSH_CHECK(!corpus.empty());

  if (absl::GetFlag(FLAGS_only) >= 0) {
    RunMutation(corpus, seed, absl::GetFlag(FLAGS_only));
    return EXIT_SUCCESS;
  }
  Run("");
  for (; running_file < corpus.size(); ++running_file) Run(corpus[running_file]);
  const int64_t mutations = absl::GetFlag(FLAGS_mutations);
  for (int64_t number = 0; number < mutations; ++number) RunMutation(corpus, seed, number);
  std::printf("%zu inputs, %lld mutations\n1 passed, 0 failed\n", corpus.size(),
              static_cast<long long>(mutations));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  return swoosh::Main(std::vector<std::string>(rest.begin() + 1, rest.end()));
}
