#include "server/dump.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/exit_codes.h"
#include "server/store_server_for_test.h"
#include "storage/crash_file_system.h"
#include "storage/file_system.h"
#include "storage/recovery_table.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

using Keep = CrashFileSystem::Keep;

constexpr char kStore[] = "/store";
constexpr int kRecords = 30;
constexpr size_t kFileBytesMax = 1 << 24;

class DumpTest : public testing::Test {
 protected:
  DumpTest() {
    OpenServer();
    EXPECT_TRUE(server_->Call(RegisterCounter()).ok());
    EXPECT_TRUE(server_->Call(CreateCounter("a")).ok());
    Send(kRecords - 2);
    server_ = nullptr;
  }

  void OpenServer() { server_ = StoreServer::Open(&disk_, kStore, {}).value(); }
  void Send(int count) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  }

  DumpReport DumpLines(const DumpRange& range = {}, FileSystem* disk = nullptr) {
    lines_.clear();
    return Dump(disk != nullptr ? disk : &disk_, StoreServer::PathsIn(kStore), range,
                [this](absl::string_view line) {
                  lines_.emplace_back(line);
                  return lines_.size() < lines_max_;
                });
  }
  // That the lines are the records from one to another.
  void ExpectRecords(uint64_t first, uint64_t last) {
    ASSERT_EQ(lines_.size(), last - first + 1);
    for (const std::string& line : lines_) {
      v1::Record record;
      ASSERT_EQ(line.back(), '\n');
      ASSERT_EQ(line.find('\n'), line.size() - 1);
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &record).ok()) << line;
      EXPECT_EQ(record.index(), first++);
    }
  }
  static void ExpectRefused(const DumpReport& report, Refusal refusal, absl::string_view said) {
    EXPECT_EQ(report.exit_code, static_cast<int>(refusal)) << report.error;
    EXPECT_TRUE(absl::StrContains(report.error, said)) << report.error;
    EXPECT_EQ(report.error.back(), '\n');
  }

  std::string Read(const std::string& path) {
    return ReadWholeFile(&disk_, path, kFileBytesMax).value();
  }
  void AddFiles(const std::string& folder, std::map<std::string, std::string>* files) {
    const std::vector<std::string> names = disk_.List(folder).value();
    for (const std::string& name : names) {
      const std::string path = absl::StrCat(folder, "/", name);
      const absl::StatusOr<std::string> bytes = ReadWholeFile(&disk_, path, kFileBytesMax);
      // A folder can't be read.
      if (absl::AsciiStrToUpper(name) != "LOCK" && bytes.ok()) (*files)[path] = *bytes;
    }
  }
  // Of all files in the store, but for the locks.
  std::map<std::string, std::string> Files() {
    std::map<std::string, std::string> files;
    AddFiles(kStore, &files);
    AddFiles(absl::StrCat(kStore, "/wal"), &files);
    return files;
  }
  std::string NewestWithSuffix(absl::string_view suffix) {
    std::string newest;
    for (const auto& [path, content] : Files()) {
      if (absl::EndsWith(path, suffix)) newest = path;
    }
    return newest;
  }
  void FlipIn(const std::string& path, uint64_t place) {
    const char flipped = static_cast<char>(Read(path)[place] ^ 0x10);
    ASSERT_TRUE(
        disk_.OpenToOverwrite(path).value()->WriteAt(place, absl::string_view(&flipped, 1)).ok());
  }

  CrashFileSystem disk_;
  std::unique_ptr<StoreServer> server_;
  std::vector<std::string> lines_;
  size_t lines_max_ = SIZE_MAX;
};

TEST_F(DumpTest, EachRecordIsALineOfJsonAndNotAByteOfTheStoreChanges) {
  const auto before = Files();
  const DumpReport report = DumpLines();
  EXPECT_EQ(report.exit_code, kExitOk) << report.error;
  EXPECT_EQ(report.error, "");
  ExpectRecords(1, kRecords);
  EXPECT_EQ(Files(), before);
}

TEST_F(DumpTest, ARangeHasBothItsEndsAndMayReachBeyondTheLog) {
  EXPECT_EQ(DumpLines({5, 7}).exit_code, kExitOk);
  ExpectRecords(5, 7);
  EXPECT_EQ(DumpLines({0, 3}).exit_code, kExitOk);
  ExpectRecords(1, 3);
  EXPECT_EQ(DumpLines({28, kRecords + 100}).exit_code, kExitOk);
  ExpectRecords(28, kRecords);
}

TEST_F(DumpTest, ARangeThatBeginsBeyondTheLogIsRefusedWithWhatThereIs) {
  const DumpReport report = DumpLines({kRecords + 2});
  EXPECT_EQ(report.exit_code, kExitFailed);
  EXPECT_TRUE(absl::StrContains(report.error, absl::StrCat("1 to ", kRecords))) << report.error;
  EXPECT_TRUE(lines_.empty());
}

TEST_F(DumpTest, WhereNobodyReadsAnyMoreItEnds) {
  lines_max_ = 3;
  EXPECT_EQ(DumpLines().exit_code, kExitOk);
  EXPECT_EQ(lines_.size(), 3u);
}

TEST_F(DumpTest, AStoreInUseIsLeftAlone) {
  OpenServer();
  ExpectRefused(DumpLines(), Refusal::kInUse, "in use");
  EXPECT_TRUE(lines_.empty());
}

TEST_F(DumpTest, WhereThereIsNoLogThatIsSaid) {
  CrashFileSystem empty;
  const DumpReport report = DumpLines({}, &empty);
  EXPECT_NE(report.exit_code, kExitOk);
  EXPECT_TRUE(absl::StrContains(report.error, "there is no log")) << report.error;
}

TEST_F(DumpTest, DamageInTheLogFileEndsItBeforeTheRecordThatIsNamed) {
  const std::string log = NewestWithSuffix(".log");
  FlipIn(log, Read(log).size() / 2);
  const DumpReport report = DumpLines();
  ASSERT_FALSE(lines_.empty());
  ASSERT_LT(lines_.size(), kRecords);
  ExpectRecords(1, lines_.size());
  ExpectRefused(report, Refusal::kLogDamaged, absl::StrCat("first bad index ", lines_.size() + 1));
  // What lies before it is whole.
  EXPECT_EQ(DumpLines({1, 2}).exit_code, kExitOk);
}

TEST_F(DumpTest, DamageInATableIsNamed) {
  OpenServer();  // makes a table of the log
  server_ = nullptr;
  FlipIn(NewestWithSuffix(".ldb"), 100);  // in its one block
  ExpectRefused(DumpLines(), Refusal::kLogUnreadable, "first bad index 1");
  EXPECT_TRUE(lines_.empty());
}

TEST_F(DumpTest, AStoreThatARecoveryRefusesIsDumpedAndNamedAtTheEnd) {
  ASSERT_TRUE(disk_.Remove(absl::StrCat(kStore, "/commit_mark")).ok());
  ExpectRefused(DumpLines(), Refusal::kMarkMissing, "commit_mark");
  ExpectRecords(1, kRecords);
}

TEST_F(DumpTest, WhatWasAcknowledgedAndIsMissingIsNamed) {
  const std::unique_ptr<CrashFileSystem> earlier = disk_.Crash({Keep::kEverything});
  OpenServer();
  Send(2);
  server_ = nullptr;
  const std::string mark = absl::StrCat(kStore, "/commit_mark");
  ASSERT_TRUE(earlier->OpenToOverwrite(mark).value()->WriteAt(0, Read(mark)).ok());
  ExpectRefused(DumpLines({}, earlier.get()), Refusal::kLogEndsBeforeMark,
                absl::StrCat("records ", kRecords + 1, " to ", kRecords + 2, " were acknowledged"));
  ExpectRecords(1, kRecords);
}

}  // namespace
}  // namespace swoosh
