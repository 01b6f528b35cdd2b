#ifndef SWOOSH_TESTS_DURABILITY_STORE_CHECK_H_
#define SWOOSH_TESTS_DURABILITY_STORE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "storage/file_system.h"
#include "storage/recovery_table.h"
#include "tests/durability/written_history.h"

namespace swoosh {

inline constexpr char kCheckedStore[] = "/data";
// The least that LevelDB takes: log files and tables change often.
inline constexpr size_t kSmallLogBufferBytes = 65'536;

// What a recovery made of a disk.
struct StoreFinding {
  enum class Verdict {
    // Opened, and what it serves is what was written, up to what was acknowledged at least.
    kWhole,
    // The same state, but records from before it can't be read; `status` names the first.
    kPartly,
    kRefused,  // `refusal`, `status`
    kLost,     // opened, without what was acknowledged
    kWrong,    // opened, with something that was never written
  };
  Verdict verdict = Verdict::kWhole;
  uint64_t index = 0;  // where it ends
  Refusal refusal = Refusal::kNone;
  absl::Status status;  // of the refusal, or of the read
  std::string problem;  // of kLost and kWrong: what is lost or wrong
  std::string report;   // of the recovery, where it opened
};

// Recovers the store in kCheckedStore as a server does, and compares all that it would serve with
// `history`: each record that the log holds, the end, the state's hash there. `acknowledged` must
// be in it. Closes it.
StoreFinding CheckStore(FileSystem* files, const WrittenHistory& history, uint64_t acknowledged);

// Whether a refusal says that the store is damaged, and how far it is whole: where the log is what
// is damaged, which record is the first bad one.
bool NamesDamage(const StoreFinding& finding);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DURABILITY_STORE_CHECK_H_
