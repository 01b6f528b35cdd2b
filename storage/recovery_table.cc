#include "storage/recovery_table.h"

#include <cstddef>
#include <cstdint>

#include "core/check.h"

namespace swoosh {
namespace {

// A set of values of an enumeration, for one column of a row.
class Column {
 public:
  template <typename... Values>
  static constexpr Column Of(Values... values) {
    return Column(((1u << static_cast<unsigned>(values)) | ...));
  }
  static constexpr Column Any() { return Column(~0u); }

  template <typename Value>
  constexpr bool Has(Value value) const {
    return (bits_ >> static_cast<unsigned>(value) & 1) != 0;
  }

 private:
  constexpr explicit Column(uint32_t bits) : bits_(bits) {}
  uint32_t bits_;
};

constexpr Column kAny = Column::Any();

// The first row that fits decides. "–" is any.
//
//   history id   log      snapshots  mark              step
//   absent       absent   none       absent            create a new store
//   absent       –        –          –                 HISTORY_ID_MISSING
//   damaged      –        –          –                 HISTORY_ID_DAMAGED
//   unfinished   –        none       not of another    finish the making of the store (1)
//   unfinished   –        –          –                 UNFINISHED_STORE_HAS_DATA
//   being restored  –     –          –                 RESTORE_UNFINISHED
//   being repaired  –     –          –                 REPAIR_UNFINISHED
//   whole        absent   –          –                 LOG_MISSING
//   whole        present  –          absent            MARK_MISSING
//   whole        present  –          damaged           MARK_DAMAGED
//   whole        present  –          of another        MARK_OF_OTHER_HISTORY
//   whole        present  –          whole             open the log
//
// (1) Nothing was acknowledged before the store was complete. If the log has records nevertheless,
//     UNFINISHED_STORE_HAS_DATA.
struct FirstRow {
  Column history;
  Column log;
  Column snapshots;
  Column mark;
  FirstDecision decision;
};

constexpr FirstRow kFirstRows[] = {
    {Column::Of(HistoryFound::kAbsent),
     Column::Of(LogFound::kAbsent),
     Column::Of(SnapshotsFound::kNone),
     Column::Of(MarkFound::kAbsent),
     {FirstStep::kCreate, Refusal::kNone}},
    {Column::Of(HistoryFound::kAbsent),
     kAny,
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kHistoryIdMissing}},
    {Column::Of(HistoryFound::kDamaged),
     kAny,
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kHistoryIdDamaged}},
    {Column::Of(HistoryFound::kUnfinished),
     kAny,
     Column::Of(SnapshotsFound::kNone),
     Column::Of(MarkFound::kAbsent, MarkFound::kWhole, MarkFound::kDamaged),
     {FirstStep::kFinish, Refusal::kNone}},
    {Column::Of(HistoryFound::kUnfinished),
     kAny,
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kUnfinishedStoreHasData}},
    {Column::Of(HistoryFound::kBeingRestored),
     kAny,
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kRestoreUnfinished}},
    {Column::Of(HistoryFound::kBeingRepaired),
     kAny,
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kRepairUnfinished}},
    {Column::Of(HistoryFound::kWhole),
     Column::Of(LogFound::kAbsent),
     kAny,
     kAny,
     {FirstStep::kRefuse, Refusal::kLogMissing}},
    {Column::Of(HistoryFound::kWhole),
     Column::Of(LogFound::kPresent),
     kAny,
     Column::Of(MarkFound::kAbsent),
     {FirstStep::kRefuse, Refusal::kMarkMissing}},
    {Column::Of(HistoryFound::kWhole),
     Column::Of(LogFound::kPresent),
     kAny,
     Column::Of(MarkFound::kDamaged),
     {FirstStep::kRefuse, Refusal::kMarkDamaged}},
    {Column::Of(HistoryFound::kWhole),
     Column::Of(LogFound::kPresent),
     kAny,
     Column::Of(MarkFound::kOtherHistory),
     {FirstStep::kRefuse, Refusal::kMarkOfOtherHistory}},
    {Column::Of(HistoryFound::kWhole),
     Column::Of(LogFound::kPresent),
     kAny,
     Column::Of(MarkFound::kWhole),
     {FirstStep::kOpenLog, Refusal::kNone}},
};

// The first row that fits decides. "–" is any.
//
//   files              mark against the last record before    step
//   sound              –                                      open them
//   torn               at or before it                        cut and open (1)
//   torn               after it                               LOG_TORN_BEFORE_MARK
//   damaged inside     –                                      LOG_DAMAGED (2)
//   older one damaged  –                                      OLDER_LOG_FILE_DAMAGED (3)
//   log file missing   –                                      LOG_FILE_MISSING
//   table missing      –                                      TABLE_MISSING
//   table damaged      –                                      TABLE_DAMAGED
//   MANIFEST damaged   –                                      MANIFEST_DAMAGED
//
// (1) A write that a crash or a power cut stopped: one synced batch is in flight at a time, so it
//     was the last thing written, and nothing of it was acknowledged. The mark shows that, up to
//     its window after a power cut (commit_mark.md).
// (2) What was written later was written after the damaged part had been synced.
// (3) A newer file is begun only after all of the older one was synced.
struct FilesRow {
  Column files;
  Column mark;
  FilesDecision decision;
};

constexpr FilesRow kFilesRows[] = {
    {Column::Of(LogFiles::kSound), kAny, {FilesStep::kOpen, Refusal::kNone}},
    {Column::Of(LogFiles::kTorn),
     Column::Of(MarkPlace::kAtOrBeforeEnd),
     {FilesStep::kCutAndOpen, Refusal::kNone}},
    {Column::Of(LogFiles::kTorn),
     Column::Of(MarkPlace::kAfterEnd),
     {FilesStep::kRefuse, Refusal::kLogTornBeforeMark}},
    {Column::Of(LogFiles::kDamagedInside), kAny, {FilesStep::kRefuse, Refusal::kLogDamaged}},
    {Column::Of(LogFiles::kOlderFileDamaged),
     kAny,
     {FilesStep::kRefuse, Refusal::kOlderLogFileDamaged}},
    {Column::Of(LogFiles::kLogFileMissing), kAny, {FilesStep::kRefuse, Refusal::kLogFileMissing}},
    {Column::Of(LogFiles::kTableMissing), kAny, {FilesStep::kRefuse, Refusal::kTableMissing}},
    {Column::Of(LogFiles::kTableDamaged), kAny, {FilesStep::kRefuse, Refusal::kTableDamaged}},
    {Column::Of(LogFiles::kManifestDamaged), kAny, {FilesStep::kRefuse, Refusal::kManifestDamaged}},
};

// The first row that fits decides. "–" is any.
//
//   log                     mark        snapshot           step
//   unreadable              –           –                  LOG_UNREADABLE
//   –                       after end   –                  LOG_ENDS_BEFORE_MARK
//   –                       –           of another history SNAPSHOT_OF_OTHER_HISTORY
//   ends before snapshot    at or before end  –            LOG_ENDS_BEFORE_SNAPSHOT (1)
//   begins after the start  at or before end  none         LOG_BEGINS_AFTER_START
//   begins after the start  at or before end  all damaged  SNAPSHOTS_DAMAGED
//   begins after snapshot   at or before end  newest       LOG_BEGINS_AFTER_SNAPSHOT
//   begins after snapshot   at or before end  older        LOG_BEGINS_AFTER_OLDER_SNAPSHOT
//   follows                 at or before end  newest,older replay from the snapshot (2) (3)
//   follows                 at or before end  none,damaged replay from the start (2) (3)
//
// (1) Snapshots are taken of what was acknowledged, so the log has lost its end, and the mark is
//     older than it was: a power cut and damage together.
// (2) A mark before the end is the crash between the log's sync and the mark's write, or the older
//     mark after a power cut. A torn tail, the last batch that was never synced, is not in what
//     LevelDB opens; nothing of it was acknowledged.
// (3) While replaying:
//     a record is missing in the middle, or can't be read              RECORD_UNREADABLE
//     it breaks the chain, or the reducer makes another thing of it    RECORD_REFUSED
//     the record at the mark is not the one that was acknowledged      MARK_MISMATCH
//     the record at the snapshot is not the one it was taken at        SNAPSHOT_MISMATCH
//     a record was made by a newer binary                              NEWER_BINARY
struct SecondRow {
  Column log;
  Column mark;
  Column snapshot;
  SecondDecision decision;
};

constexpr SecondRow kSecondRows[] = {
    {Column::Of(LogExtent::kUnreadable),
     kAny,
     kAny,
     {SecondStep::kRefuse, Refusal::kLogUnreadable}},
    {kAny,
     Column::Of(MarkPlace::kAfterEnd),
     kAny,
     {SecondStep::kRefuse, Refusal::kLogEndsBeforeMark}},
    {kAny,
     kAny,
     Column::Of(SnapshotFound::kOtherHistory),
     {SecondStep::kRefuse, Refusal::kSnapshotOfOtherHistory}},
    {Column::Of(LogExtent::kEndsBefore),
     kAny,
     kAny,
     {SecondStep::kRefuse, Refusal::kLogEndsBeforeSnapshot}},
    {Column::Of(LogExtent::kBeginsAfter),
     kAny,
     Column::Of(SnapshotFound::kNone),
     {SecondStep::kRefuse, Refusal::kLogBeginsAfterStart}},
    {Column::Of(LogExtent::kBeginsAfter),
     kAny,
     Column::Of(SnapshotFound::kAllDamaged),
     {SecondStep::kRefuse, Refusal::kSnapshotsDamaged}},
    {Column::Of(LogExtent::kBeginsAfter),
     kAny,
     Column::Of(SnapshotFound::kNewest),
     {SecondStep::kRefuse, Refusal::kLogBeginsAfterSnapshot}},
    {Column::Of(LogExtent::kBeginsAfter),
     kAny,
     Column::Of(SnapshotFound::kOlder),
     {SecondStep::kRefuse, Refusal::kLogBeginsAfterOlderSnapshot}},
    {Column::Of(LogExtent::kFollows),
     kAny,
     Column::Of(SnapshotFound::kNewest, SnapshotFound::kOlder),
     {SecondStep::kReplayFromSnapshot, Refusal::kNone}},
    {Column::Of(LogExtent::kFollows),
     kAny,
     Column::Of(SnapshotFound::kNone, SnapshotFound::kAllDamaged),
     {SecondStep::kReplayFromStart, Refusal::kNone}},
};

}  // namespace

FirstDecision Decide(const FirstFindings& findings) {
  for (const FirstRow& row : kFirstRows) {
    if (row.history.Has(findings.history) && row.log.Has(findings.log) &&
        row.snapshots.Has(findings.snapshots) && row.mark.Has(findings.mark)) {
      return row.decision;
    }
  }
  SWOOSH_CHECK(false);  // a combination without a row
}

FilesDecision Decide(const FilesFindings& findings) {
  for (const FilesRow& row : kFilesRows) {
    if (row.files.Has(findings.files) && row.mark.Has(findings.mark)) return row.decision;
  }
  SWOOSH_CHECK(false);  // a combination without a row
}

SecondDecision Decide(const SecondFindings& findings) {
  for (const SecondRow& row : kSecondRows) {
    if (row.log.Has(findings.log) && row.mark.Has(findings.mark) &&
        row.snapshot.Has(findings.snapshot)) {
      return row.decision;
    }
  }
  SWOOSH_CHECK(false);  // a combination without a row
}

absl::Span<const Refusal> AllRefusals() {
  static constexpr Refusal kAll[] = {
      Refusal::kInUse,
      Refusal::kNoStore,
      Refusal::kNewerBinary,
      Refusal::kIo,
      Refusal::kHistoryIdMissing,
      Refusal::kHistoryIdDamaged,
      Refusal::kUnfinishedStoreHasData,
      Refusal::kRestoreUnfinished,
      Refusal::kRepairUnfinished,
      Refusal::kLogMissing,
      Refusal::kMarkMissing,
      Refusal::kMarkDamaged,
      Refusal::kMarkOfOtherHistory,
      Refusal::kManifestDamaged,
      Refusal::kTableMissing,
      Refusal::kTableDamaged,
      Refusal::kLogFileMissing,
      Refusal::kOlderLogFileDamaged,
      Refusal::kLogDamaged,
      Refusal::kLogTornBeforeMark,
      Refusal::kLogUnreadable,
      Refusal::kLogEndsBeforeMark,
      Refusal::kLogEndsBeforeSnapshot,
      Refusal::kSnapshotOfOtherHistory,
      Refusal::kSnapshotsDamaged,
      Refusal::kLogBeginsAfterStart,
      Refusal::kLogBeginsAfterSnapshot,
      Refusal::kLogBeginsAfterOlderSnapshot,
      Refusal::kRecordUnreadable,
      Refusal::kRecordRefused,
      Refusal::kMarkMismatch,
      Refusal::kSnapshotMismatch,
  };
  return kAll;
}

absl::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "NONE";
    case Refusal::kInUse:
      return "IN_USE";
    case Refusal::kNoStore:
      return "NO_STORE";
    case Refusal::kNewerBinary:
      return "NEWER_BINARY";
    case Refusal::kIo:
      return "IO";
    case Refusal::kHistoryIdMissing:
      return "HISTORY_ID_MISSING";
    case Refusal::kHistoryIdDamaged:
      return "HISTORY_ID_DAMAGED";
    case Refusal::kUnfinishedStoreHasData:
      return "UNFINISHED_STORE_HAS_DATA";
    case Refusal::kRestoreUnfinished:
      return "RESTORE_UNFINISHED";
    case Refusal::kRepairUnfinished:
      return "REPAIR_UNFINISHED";
    case Refusal::kLogMissing:
      return "LOG_MISSING";
    case Refusal::kMarkMissing:
      return "MARK_MISSING";
    case Refusal::kMarkDamaged:
      return "MARK_DAMAGED";
    case Refusal::kMarkOfOtherHistory:
      return "MARK_OF_OTHER_HISTORY";
    case Refusal::kManifestDamaged:
      return "MANIFEST_DAMAGED";
    case Refusal::kTableMissing:
      return "TABLE_MISSING";
    case Refusal::kTableDamaged:
      return "TABLE_DAMAGED";
    case Refusal::kLogFileMissing:
      return "LOG_FILE_MISSING";
    case Refusal::kOlderLogFileDamaged:
      return "OLDER_LOG_FILE_DAMAGED";
    case Refusal::kLogDamaged:
      return "LOG_DAMAGED";
    case Refusal::kLogTornBeforeMark:
      return "LOG_TORN_BEFORE_MARK";
    case Refusal::kLogUnreadable:
      return "LOG_UNREADABLE";
    case Refusal::kLogEndsBeforeMark:
      return "LOG_ENDS_BEFORE_MARK";
    case Refusal::kLogEndsBeforeSnapshot:
      return "LOG_ENDS_BEFORE_SNAPSHOT";
    case Refusal::kSnapshotOfOtherHistory:
      return "SNAPSHOT_OF_OTHER_HISTORY";
    case Refusal::kSnapshotsDamaged:
      return "SNAPSHOTS_DAMAGED";
    case Refusal::kLogBeginsAfterStart:
      return "LOG_BEGINS_AFTER_START";
    case Refusal::kLogBeginsAfterSnapshot:
      return "LOG_BEGINS_AFTER_SNAPSHOT";
    case Refusal::kLogBeginsAfterOlderSnapshot:
      return "LOG_BEGINS_AFTER_OLDER_SNAPSHOT";
    case Refusal::kRecordUnreadable:
      return "RECORD_UNREADABLE";
    case Refusal::kRecordRefused:
      return "RECORD_REFUSED";
    case Refusal::kMarkMismatch:
      return "MARK_MISMATCH";
    case Refusal::kSnapshotMismatch:
      return "SNAPSHOT_MISMATCH";
  }
  SWOOSH_CHECK(false);
}

}  // namespace swoosh
