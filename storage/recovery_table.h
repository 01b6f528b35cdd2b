#ifndef SWOOSH_STORAGE_RECOVERY_TABLE_H_
#define SWOOSH_STORAGE_RECOVERY_TABLE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// What recovery does with what it finds: three tables of rows, in recovery_table.cc. Pure.
namespace swoosh {

// Why a store is refused. Names and numbers are stable: operators' scripts may look for them. The
// number is what swooshd exits with: damage from 30 on, what is no damage below.
enum class Refusal {
  kNone = 0,
  kInUse = 20,        // another process has the store open
  kNoStore = 21,      // there is none, and none may be made
  kNewerBinary = 22,  // a record or snapshot of a newer binary
  kIo = 23,           // the disk failed; nothing is known to be damaged
  // Data loss, found before anything is opened:
  kHistoryIdMissing = 30,
  kHistoryIdDamaged = 31,
  kUnfinishedStoreHasData = 32,
  kRestoreUnfinished = 33,  // `swooshd restore` did not come to its end
  kRepairUnfinished = 34,   // `swooshd repair` has decided, and did not come to its end
  kLogMissing = 35,
  kMarkMissing = 36,
  kMarkDamaged = 37,
  kMarkOfOtherHistory = 38,
  // found in the log's files before LevelDB opens them:
  kManifestDamaged = 40,
  kTableMissing = 41,
  kTableDamaged = 42,
  kLogFileMissing = 43,
  kOlderLogFileDamaged = 44,
  kLogDamaged = 45,         // in the middle: something whole was written later
  kLogTornBeforeMark = 46,  // what is torn was acknowledged
  // found when the log is open and a snapshot was looked for:
  kLogUnreadable = 50,
  kLogEndsBeforeMark = 51,
  kLogEndsBeforeSnapshot = 52,
  kSnapshotOfOtherHistory = 53,
  kSnapshotsDamaged = 54,     // all of them, and the log doesn't reach back to the start
  kLogBeginsAfterStart = 55,  // trimmed, and there is no snapshot
  kLogBeginsAfterSnapshot = 56,
  kLogBeginsAfterOlderSnapshot = 57,  // the newest is damaged
  // while replaying:
  kRecordUnreadable = 60,  // missing or damaged
  kRecordRefused = 61,     // breaks the chain, or is not what the reducer makes of it
  kMarkMismatch = 62,      // the record at the mark is another one
  kSnapshotMismatch = 63,  // the record at the snapshot is another one
};

// All but kNone, in the order of their numbers.
absl::Span<const Refusal> AllRefusals();

// "LOG_ENDS_BEFORE_MARK".
absl::string_view RefusalName(Refusal refusal);

enum class HistoryFound { kAbsent, kUnfinished, kWhole, kDamaged, kBeingRestored, kBeingRepaired };
enum class LogFound { kAbsent, kPresent };
enum class SnapshotsFound { kNone, kSome };
enum class MarkFound { kAbsent, kWhole, kDamaged, kOtherHistory };

// Before the log is opened.
struct FirstFindings {
  HistoryFound history;
  LogFound log;
  SnapshotsFound snapshots;
  MarkFound mark;
};

enum class FirstStep {
  kRefuse,
  kCreate,  // a new store
  kFinish,  // the making of a store that a crash cut short
  kOpenLog,
};

struct FirstDecision {
  FirstStep step;
  Refusal refusal;  // kNone unless kRefuse
};

FirstDecision Decide(const FirstFindings& findings);

// What the log's files say (leveldb_scan.h).
enum class LogFiles {
  kSound,
  kTorn,              // the last thing written is not whole
  kDamagedInside,     // a log file, and something whole was written later
  kOlderFileDamaged,  // a log file that is not the newest
  kLogFileMissing,
  kTableMissing,
  kTableDamaged,
  kManifestDamaged,  // or CURRENT
};
// Against the last record before the tear, or against the end of the log.
enum class MarkPlace { kAtOrBeforeEnd, kAfterEnd };

// Before LevelDB opens the files.
struct FilesFindings {
  LogFiles files;
  MarkPlace mark;
};

enum class FilesStep {
  kRefuse,
  kOpen,
  kCutAndOpen,  // take the torn end off first
};

struct FilesDecision {
  FilesStep step;
  Refusal refusal;  // kNone unless kRefuse
};

FilesDecision Decide(const FilesFindings& findings);

enum class LogExtent {
  kUnreadable,   // LevelDB refuses it
  kFollows,      // has, or begins with, the record after the one that replay starts from
  kBeginsAfter,  // that record is not there any more
  kEndsBefore,   // the log ends below the snapshot
};
enum class SnapshotFound {
  kNone,
  kNewest,  // loaded
  kOlder,   // loaded; all newer ones are damaged
  kAllDamaged,
  kOtherHistory,
};

// With the log open.
struct SecondFindings {
  LogExtent log;
  MarkPlace mark;
  SnapshotFound snapshot;
};

enum class SecondStep {
  kRefuse,
  kReplayFromSnapshot,
  kReplayFromStart,
};

struct SecondDecision {
  SecondStep step;
  Refusal refusal;  // kNone unless kRefuse
};

SecondDecision Decide(const SecondFindings& findings);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_RECOVERY_TABLE_H_
