#ifndef SWOOSH_SERVER_DUMP_H_
#define SWOOSH_SERVER_DUMP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "storage/file_system.h"
#include "storage/recovery.h"

namespace swoosh {

// What `swooshd dump` is to write: from one record to another, both included.
struct DumpRange {
  uint64_t from = 0;         // 0: the first that the log holds
  uint64_t to = UINT64_MAX;  // beyond the end: to the end
};

// What became of it.
struct DumpReport {
  int exit_code = 0;  // server/exit_codes.h
  std::string error;  // for stderr
};

// Writes the records of the store at `paths`, each as a line of JSON: swoosh.v1.Record by
// protobuf's JSON mapping. Nothing is replayed, and a store that is refused otherwise can be dumped
// as far as its log can be read: each record's place in the chain is checked, and at the first that
// is damaged or missing it ends with the number of what it is, naming it. Changes nothing: LevelDB
// opens a copy by links. `write` returns false when nobody reads any more. No server may have
// the store open.
DumpReport Dump(FileSystem* file_system, const StorePaths& paths, const DumpRange& range,
                const std::function<bool(absl::string_view line)>& write);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_DUMP_H_
