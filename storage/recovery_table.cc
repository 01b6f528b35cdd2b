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

SecondDecision Decide(const SecondFindings& findings) {
  for (const SecondRow& row : kSecondRows) {
    if (row.log.Has(findings.log) && row.mark.Has(findings.mark) &&
        row.snapshot.Has(findings.snapshot)) {
      return row.decision;
    }
  }
  SWOOSH_CHECK(false);  // a combination without a row
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
    case Refusal::kLogMissing:
      return "LOG_MISSING";
    case Refusal::kMarkMissing:
      return "MARK_MISSING";
    case Refusal::kMarkDamaged:
      return "MARK_DAMAGED";
    case Refusal::kMarkOfOtherHistory:
      return "MARK_OF_OTHER_HISTORY";
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
