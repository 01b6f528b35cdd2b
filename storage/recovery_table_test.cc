#include "storage/recovery_table.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr int kLastOtherExitCode = 6;  // server/exit_codes.h
constexpr int kShellExitCodes = 126;   // what shells and signals use begins here

constexpr HistoryFound kHistories[] = {HistoryFound::kAbsent,        HistoryFound::kUnfinished,
                                       HistoryFound::kWhole,         HistoryFound::kDamaged,
                                       HistoryFound::kBeingRestored, HistoryFound::kBeingRepaired};
constexpr LogFound kLogs[] = {LogFound::kAbsent, LogFound::kPresent};
constexpr SnapshotsFound kSnapshots[] = {SnapshotsFound::kNone, SnapshotsFound::kSome};
constexpr MarkFound kMarks[] = {MarkFound::kAbsent, MarkFound::kWhole, MarkFound::kDamaged,
                                MarkFound::kOtherHistory};

// What must hold for every combination, said in another way than by rows.
TEST(FirstTable, MakesAStoreOnlyWhereNoneWasCompleteAndOpensOnlyWholeOnes) {
  for (const HistoryFound history : kHistories) {
    for (const LogFound log : kLogs) {
      for (const SnapshotsFound snapshots : kSnapshots) {
        for (const MarkFound mark : kMarks) {
          const FirstDecision decision = Decide(FirstFindings{history, log, snapshots, mark});
          const bool nothing = history == HistoryFound::kAbsent && log == LogFound::kAbsent &&
                               snapshots == SnapshotsFound::kNone && mark == MarkFound::kAbsent;
          EXPECT_EQ(decision.step == FirstStep::kCreate, nothing);
          EXPECT_EQ(decision.step == FirstStep::kFinish, history == HistoryFound::kUnfinished &&
                                                             snapshots == SnapshotsFound::kNone &&
                                                             mark != MarkFound::kOtherHistory);
          EXPECT_EQ(decision.step == FirstStep::kOpenLog, history == HistoryFound::kWhole &&
                                                              log == LogFound::kPresent &&
                                                              mark == MarkFound::kWhole);
          EXPECT_EQ(decision.step == FirstStep::kRefuse, decision.refusal != Refusal::kNone);
        }
      }
    }
  }
}

TEST(FilesTable, OpensSoundFilesAndCutsOnlyWhatWasNeverAcknowledged) {
  for (int files = 0; files <= static_cast<int>(LogFiles::kManifestDamaged); ++files) {
    for (const MarkPlace mark : {MarkPlace::kAtOrBeforeEnd, MarkPlace::kAfterEnd}) {
      const FilesFindings findings = {static_cast<LogFiles>(files), mark};
      const FilesDecision decision = Decide(findings);
      EXPECT_EQ(decision.step == FilesStep::kOpen, findings.files == LogFiles::kSound);
      EXPECT_EQ(decision.step == FilesStep::kCutAndOpen,
                findings.files == LogFiles::kTorn && mark == MarkPlace::kAtOrBeforeEnd);
      EXPECT_EQ(decision.step == FilesStep::kRefuse, decision.refusal != Refusal::kNone);
    }
  }
}

TEST(SecondTable, ReplaysOnlyALogThatReachesFromItsStartToTheMark) {
  for (const LogExtent log : {LogExtent::kUnreadable, LogExtent::kFollows, LogExtent::kBeginsAfter,
                              LogExtent::kEndsBefore}) {
    for (const MarkPlace mark : {MarkPlace::kAtOrBeforeEnd, MarkPlace::kAfterEnd}) {
      for (const SnapshotFound snapshot :
           {SnapshotFound::kNone, SnapshotFound::kNewest, SnapshotFound::kOlder,
            SnapshotFound::kAllDamaged, SnapshotFound::kOtherHistory}) {
        const SecondDecision decision = Decide(SecondFindings{log, mark, snapshot});
        const bool sound = log == LogExtent::kFollows && mark == MarkPlace::kAtOrBeforeEnd &&
                           snapshot != SnapshotFound::kOtherHistory;
        EXPECT_EQ(decision.step != SecondStep::kRefuse, sound);
        EXPECT_EQ(
            decision.step == SecondStep::kReplayFromSnapshot,
            sound && (snapshot == SnapshotFound::kNewest || snapshot == SnapshotFound::kOlder));
        EXPECT_EQ(decision.step == SecondStep::kRefuse, decision.refusal != Refusal::kNone);
      }
    }
  }
}

TEST(Refusal, HasANameAndAnExitCodeOfItsOwn) {
  std::set<std::string> names;
  int number_before = kLastOtherExitCode;
  for (const Refusal refusal : AllRefusals()) {
    EXPECT_TRUE(names.emplace(RefusalName(refusal)).second) << RefusalName(refusal);
    EXPECT_GT(static_cast<int>(refusal), number_before) << RefusalName(refusal);
    number_before = static_cast<int>(refusal);
  }
  EXPECT_LT(number_before, kShellExitCodes);
}

}  // namespace
}  // namespace swoosh
