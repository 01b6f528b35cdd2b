#ifndef SWOOSH_STORAGE_LEVELDB_BATCH_H_
#define SWOOSH_STORAGE_LEVELDB_BATCH_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace swoosh {

// What an entry of LevelDB's log holds (its db/write_batch.cc), where every key is an index as the
// log has them (leveldb_log.md).
struct LevelDbBatch {
  uint64_t sequence = 0;  // of its first operation
  uint32_t count = 0;     // of operations
};

// Visits each record, or trim entry, that the batch puts; deletions are passed over. Returns
// nullptr or why the batch can't be understood; some of it may have been visited then.
const char* ReadLevelDbBatch(
    absl::string_view bytes, LevelDbBatch* batch,
    absl::FunctionRef<void(uint64_t index, absl::string_view value)> visit_put);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LEVELDB_BATCH_H_
