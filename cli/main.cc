// swooshctl: the command line of a SWOOSH server.

#include <unistd.h>

#include <iostream>

#include "absl/synchronization/mutex.h"
#include "cli/program.h"
#include "cli/session.h"

int main(int argc, char** argv) {
  // Debian's abseil follows the order of all locks, at every one.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  swoosh::Session session(&std::cin, &std::cout, &std::cerr, isatty(STDIN_FILENO) != 0,
                          isatty(STDOUT_FILENO) != 0);
  swoosh::ReadEnvironment(session.options());
  return swoosh::RunProgram(argc, argv, &session);
}
