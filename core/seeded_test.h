#ifndef SWOOSH_CORE_SEEDED_TEST_H_
#define SWOOSH_CORE_SEEDED_TEST_H_

#include <cstdint>

namespace swoosh {

// The seed of this run of a random test: the flag --seed, or without it a fresh one. It is printed
// when the program starts. Link the target `seeded_test` in place of gtest_main.
uint32_t TestSeed();

}  // namespace swoosh

#endif  // SWOOSH_CORE_SEEDED_TEST_H_
