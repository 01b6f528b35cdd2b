#ifndef SWOOSH_TESTS_DURABILITY_SNAPSHOT_PROMISES_H_
#define SWOOSH_TESTS_DURABILITY_SNAPSHOT_PROMISES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/store_server_for_test.h"
#include "storage/fault_file_system.h"
#include "tests/durability/workload.h"
#include "tests/durability/written_history.h"

namespace swoosh {

// What must hold of a server's snapshots where calls of its disk fail. For one thread.
class SnapshotPromises {
 public:
  // Notes what counts now. `server` is not owned.
  explicit SnapshotPromises(StoreServer* server);

  // Takes a snapshot of the committed state, and waits for it.
  absl::Status Take();

  // After calls failed, on a disk that works again, at a server that is not fenced: each failure
  // was counted, the newest snapshot that counted before is there and whole or a newer one is, and
  // the log reaches back to the oldest. `fired` is the first call that failed; `flipped`: it was a
  // read that gave a changed bit.
  void CheckStands(const FaultFileSystem::Fired& fired, bool flipped,
                   std::vector<std::string>* problems);

  // After that: it accepts proposals, the next snapshot is taken, and it and one more are whole.
  void CheckGoesOn(Workload* workload, WrittenHistory* history, std::vector<std::string>* problems);

 private:
  uint64_t AwaitFailures(uint64_t count_min) const;
  void CheckWhole(uint64_t index_min, size_t count_min, std::vector<std::string>* problems);

  StoreServer* const server_;
  const uint64_t newest_before_;
  uint64_t failed_ = 0;  // attempts of Take
};

// Whether the path is that of a snapshot, or of their folder.
bool IsOfSnapshots(const std::string& path);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DURABILITY_SNAPSHOT_PROMISES_H_
