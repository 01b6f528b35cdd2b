// Replays a log that make_log wrote, checking all that replay checks, and prints
// "INDEX RECORD_HASH STATE_HASH" of its end.
//
// Usage: replay_log FILE
#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/escaping.h"
#include "core/replay.h"
#include "core/sha256.h"
#include "core/state.h"
#include "tests/determinism/log_file.h"

namespace swoosh {
namespace {

std::string Hex(const Digest& digest) { return absl::BytesToHexString(AsBytes(digest)); }

int Run(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string part;
  if (!ReadPart(&file, &part)) {
    std::cerr << path << " is no log\n";
    return 1;
  }
  StateWriter writer(part);
  v1::Record record;
  while (ReadPart(&file, &part)) {
    if (const absl::Status status = ReplayRecord(part, &writer, &record); !status.ok()) {
      std::cerr << status.message() << "\n";
      return 1;
    }
  }
  const Digest state_hash = writer.Seal();
  std::cout << writer.position().index << " " << Hex(writer.position().record_hash) << " "
            << Hex(state_hash) << "\n";
  return 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: replay_log FILE\n";
    return 2;
  }
  return swoosh::Run(argv[1]);
}
