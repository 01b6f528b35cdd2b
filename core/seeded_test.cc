#include "core/seeded_test.h"

#include <cstdio>
#include <random>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "gtest/gtest.h"

ABSL_FLAG(uint32_t, seed, 0, "Seed of random tests; 0 = a fresh one.");

namespace swoosh {

uint32_t TestSeed() {
  static const uint32_t fresh = std::random_device()() | 1;
  const uint32_t flag = absl::GetFlag(FLAGS_seed);
  return flag != 0 ? flag : fresh;
}

}  // namespace swoosh

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  std::printf("--seed=%u\n", swoosh::TestSeed());
  return RUN_ALL_TESTS();
}
