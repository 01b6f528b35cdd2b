#ifndef SWOOSH_STORAGE_HISTORY_FOR_TEST_H_
#define SWOOSH_STORAGE_HISTORY_FOR_TEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/state.h"
#include "storage/log.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Makes records as a server would: real proposals, reduced. The first registers a machine, every
// third of the others creates an instance, and the rest send it events; they are a function of the
// state that they begin from and of `actor` alone.
class HistoryForTest {
 public:
  explicit HistoryForTest(StateWriter writer, std::string actor = "");

  // The next `count` records, as one group: the last one holds the state's hash.
  std::vector<EncodedRecord> Next(uint64_t count);
  // The state after the last record made.
  State state() { return writer_.Sealed(); }

 private:
  v1::Record MakeRecord() const;

  StateWriter writer_;
  std::string actor_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_HISTORY_FOR_TEST_H_
