// swooshctl: the command line of a SWOOSH server.

#include <unistd.h>

#include <iostream>

#include "cli/program.h"
#include "cli/session.h"

int main(int argc, char** argv) {
  swoosh::Session session(&std::cin, &std::cout, &std::cerr, isatty(STDIN_FILENO) != 0,
                          isatty(STDOUT_FILENO) != 0);
  swoosh::ReadEnvironment(session.options());
  return swoosh::RunProgram(argc, argv, &session);
}
