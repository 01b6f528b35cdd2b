#ifndef SWOOSH_CORE_CHECK_H_
#define SWOOSH_CORE_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the process when `condition` is false, in every build: for our own bugs, never for bytes
// that came from disk or wire.
#define SWOOSH_CHECK(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // SWOOSH_CORE_CHECK_H_
