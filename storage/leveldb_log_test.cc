#include "storage/leveldb_log.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "leveldb/db.h"
#include "storage/big_endian.h"
#include "storage/commit_mark.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";

std::string BytesOf(uint64_t index) { return absl::StrCat("record ", index); }

std::vector<EncodedRecord> Records(uint64_t first, uint64_t count) {
  std::vector<EncodedRecord> records;
  for (uint64_t index = first; index < first + count; ++index) {
    records.push_back({index, BytesOf(index), Sha256(BytesOf(index))});
  }
  return records;
}

class LevelDbLogTest : public testing::Test {
 protected:
  LevelDbLogTest() : files_(PosixFileSystem()) { CreateMark(); }

  void CreateMark() {
    ASSERT_TRUE(CommitMark::Create(PosixFileSystem(), mark_, {kId, 0, Sha256(kId)}).ok());
  }
  absl::StatusOr<std::unique_ptr<LevelDbLog>> Open(bool create_if_missing = false) {
    auto log = LevelDbLog::Open(&files_, wal_, create_if_missing, nullptr);
    if (!log.ok()) return log;
    auto mark = CommitMark::Open(&files_, mark_);
    if (!mark.ok()) return mark.status();
    (*log)->AttachMark(*std::move(mark));
    return log;
  }
  // Changes the database behind the log's back.
  template <typename Change>
  void ChangeDatabase(Change change) {
    leveldb::DB* database = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(leveldb::Options(), wal_, &database).ok());
    change(database);
    delete database;
  }
  static std::string KeyOf(uint64_t index) {
    std::string key;
    AppendBigEndian(index, &key);
    return key;
  }
  // Status of reading everything.
  static absl::Status ReadAll(const Log& log, std::vector<uint64_t>* visited) {
    return log.Read(log.first_index(), SIZE_MAX, [&](uint64_t index, absl::string_view bytes) {
      EXPECT_EQ(bytes, BytesOf(index));
      visited->push_back(index);
      return true;
    });
  }
  std::string NewestFile(absl::string_view suffix) {
    const std::vector<std::string> names = files_.List(wal_).value();
    std::string newest;
    for (const std::string& name : names) {
      if (absl::EndsWith(name, suffix)) newest = std::max(newest, name);
    }
    return absl::StrCat(wal_, "/", newest);
  }

  TemporaryDirectory directory_;
  const std::string wal_ = directory_ / "wal";
  const std::string mark_ = directory_ / "commit_mark";
  FaultFileSystem files_;
};

TEST_F(LevelDbLogTest, IsMadeOnlyWhereItMayBe) {
  EXPECT_TRUE(absl::IsNotFound(Open().status()));
  EXPECT_FALSE(*LevelDbLog::Find(&files_, wal_));
  EXPECT_FALSE(files_.Exists(wal_));
  ASSERT_TRUE(Open(true).ok());
  EXPECT_TRUE(*LevelDbLog::Find(&files_, wal_));
  EXPECT_TRUE(Open().ok());
}

TEST_F(LevelDbLogTest, ASecondOpeningIsRefused) {
  const auto log = Open(true);
  ASSERT_TRUE(log.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Open().status()));
}

TEST_F(LevelDbLogTest, WithoutItsMarkItIsReadOnly) {
  const auto log = LevelDbLog::Open(&files_, wal_, true, nullptr).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(log->Append(1, Records(1, 1))));
  EXPECT_TRUE(absl::IsFailedPrecondition(log->TrimPrefix(1)));
}

TEST_F(LevelDbLogTest, TheMarkHoldsTheLastRecordWhenAppendReturns) {
  const auto log = Open(true).value();
  ASSERT_TRUE(log->Append(1, Records(1, 3)).ok());
  const CommitMark::Content mark = CommitMark::Read(&files_, mark_).value();
  EXPECT_EQ(mark.index, 3u);
  EXPECT_EQ(mark.record_hash, Sha256(BytesOf(3)));
}

TEST_F(LevelDbLogTest, EachAppendIsSyncedOnceAndObserved) {
  int syncs = 0;
  auto log = LevelDbLog::Open(&files_, wal_, true, [&syncs](double seconds) {
               EXPECT_GT(seconds, 0);
               ++syncs;
             }).value();
  log->AttachMark(CommitMark::Open(&files_, mark_).value());
  for (uint64_t next = 1; next <= 50; next += 10) {
    ASSERT_TRUE(log->Append(next, Records(next, 10)).ok());
  }
  EXPECT_EQ(syncs, 5);
}

// Were it not, a power cut could tear it and keep the append after it: a tear would look like
// damage.
TEST_F(LevelDbLogTest, EachBatchOfATrimIsSyncedBeforeAnythingElseIsWritten) {
  int syncs = 0;
  auto log = LevelDbLog::Open(&files_, wal_, true, [&syncs](double) { ++syncs; }).value();
  log->AttachMark(CommitMark::Open(&files_, mark_).value());
  for (uint64_t next = 1; next <= 2'500; next += 500) {
    ASSERT_TRUE(log->Append(next, Records(next, 500)).ok());
  }
  syncs = 0;
  ASSERT_TRUE(log->TrimPrefix(2'201).ok());
  EXPECT_EQ(syncs, 3);
  ASSERT_TRUE(log->TrimPrefix(2'201).ok());
  EXPECT_EQ(syncs, 3);
}

TEST_F(LevelDbLogTest, AfterAFailedWriteNothingIsAppendedAnyMore) {
  const auto log = Open(true).value();
  ASSERT_TRUE(log->Append(1, Records(1, 1)).ok());
  files_.Arm({.only = FaultFileSystem::Call::kWrite});
  EXPECT_TRUE(absl::IsUnavailable(log->Append(2, Records(2, 1))));
  files_.Disarm();
  const uint64_t calls = files_.calls();
  EXPECT_TRUE(absl::IsFailedPrecondition(log->Append(2, Records(2, 1))));
  EXPECT_TRUE(absl::IsFailedPrecondition(log->TrimPrefix(1)));
  EXPECT_EQ(files_.calls(), calls);
  EXPECT_EQ(log->next_index(), 2u);
  std::vector<uint64_t> visited;
  EXPECT_TRUE(ReadAll(*log, &visited).ok());
  EXPECT_EQ(visited, std::vector<uint64_t>{1});
}

TEST_F(LevelDbLogTest, AFullDiskIsResourceExhausted) {
  const auto log = Open(true).value();
  files_.Arm({.only = FaultFileSystem::Call::kWrite, .code = absl::StatusCode::kResourceExhausted});
  const absl::Status status = log->Append(1, Records(1, 1));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "append of records 1 to 1")) << status;
}

TEST_F(LevelDbLogTest, AFailedTrimEndsTheWritingToo) {
  const auto log = Open(true).value();
  ASSERT_TRUE(log->Append(1, Records(1, 10)).ok());
  files_.Arm({.only = FaultFileSystem::Call::kWrite});
  EXPECT_TRUE(absl::IsUnavailable(log->TrimPrefix(5)));
  files_.Disarm();
  EXPECT_TRUE(absl::IsFailedPrecondition(log->Append(11, Records(11, 1))));
}

TEST_F(LevelDbLogTest, AMissingRecordIsNamed) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 100)).ok());
  }
  ChangeDatabase([](leveldb::DB* database) {
    ASSERT_TRUE(database->Delete(leveldb::WriteOptions(), KeyOf(57)).ok());
  });
  const auto log = Open().value();
  std::vector<uint64_t> visited;
  const absl::Status status = ReadAll(*log, &visited);
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "record 57 is missing")) << status;
  EXPECT_EQ(visited.size(), 56u);
}

TEST_F(LevelDbLogTest, AMissingBeginningThatWasNotTrimmedIsDataLoss) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 10)).ok());
  }
  ChangeDatabase([](leveldb::DB* database) {
    ASSERT_TRUE(database->Delete(leveldb::WriteOptions(), KeyOf(1)).ok());
  });
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "record 1,")) << status;
}

TEST_F(LevelDbLogTest, AKeyThatIsNoIndexIsDataLoss) {
  { ASSERT_TRUE(Open(true).value()->Append(1, Records(1, 10)).ok()); }
  ChangeDatabase([](leveldb::DB* database) {
    ASSERT_TRUE(database->Put(leveldb::WriteOptions(), "something else", "x").ok());
  });
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
}

TEST_F(LevelDbLogTest, ADamagedRecordInATableIsNamed) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 3'000)).ok());
  }
  // The next opening makes a table of the log.
  { ASSERT_TRUE(Open().ok()); }
  const std::string table = NewestFile(".ldb");
  std::string bytes = ReadWholeFile(&files_, table, 1 << 24).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  ASSERT_TRUE(files_.Create(table).value()->Append(bytes).ok());
  const auto log = Open().value();
  std::vector<uint64_t> visited;
  const absl::Status status = ReadAll(*log, &visited);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("record ", visited.size() + 1)))
      << status;
  EXPECT_LT(visited.size(), 3'000u);
}

TEST_F(LevelDbLogTest, ADamagedLogFileIsDataLoss) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 3'000)).ok());
    ASSERT_TRUE(log->Append(3'001, Records(3'001, 3'000)).ok());
  }
  const std::string path = NewestFile(".log");
  std::string bytes = ReadWholeFile(&files_, path, 1 << 24).value();
  bytes[100] = static_cast<char>(bytes[100] ^ 0x10);
  ASSERT_TRUE(files_.Create(path).value()->Append(bytes).ok());
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
}

TEST_F(LevelDbLogTest, AMissingFileOfTheDatabaseIsDataLoss) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 3'000)).ok());
  }
  { ASSERT_TRUE(Open().ok()); }
  const std::vector<std::string> names = files_.List(wal_).value();
  int removed = 0;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".ldb") && !absl::StartsWith(name, "MANIFEST")) continue;
    const std::string path = absl::StrCat(wal_, "/", name);
    ASSERT_TRUE(files_.Rename(path, directory_ / "aside").ok());
    EXPECT_TRUE(absl::IsDataLoss(Open().status())) << name << ": " << Open().status();
    ASSERT_TRUE(files_.Rename(directory_ / "aside", path).ok());
    ++removed;
  }
  EXPECT_EQ(removed, 2);
  EXPECT_TRUE(Open().ok());
}

TEST_F(LevelDbLogTest, ATrimCutShortByACrashIsFinishedLater) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->Append(1, Records(1, 5'000)).ok());
    // The trim entry and one batch are written.
    files_.Arm({.after = 2, .only = FaultFileSystem::Call::kWrite, .for_good = true});
    EXPECT_FALSE(log->TrimPrefix(4'000).ok());
    files_.Disarm();
  }
  {
    const auto log = Open().value();
    EXPECT_EQ(log->first_index(), 4'000u);
    std::vector<uint64_t> visited;
    EXPECT_TRUE(ReadAll(*log, &visited).ok());
    EXPECT_EQ(visited.size(), 1'001u);
    ASSERT_TRUE(log->TrimPrefix(4'000).ok());
  }
  std::vector<uint64_t> left;
  ChangeDatabase([&left](leveldb::DB* database) {
    const std::unique_ptr<leveldb::Iterator> it(database->NewIterator(leveldb::ReadOptions()));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      left.push_back(
          ReadBigEndian<uint64_t>(absl::string_view(it->key().data(), it->key().size())));
    }
  });
  ASSERT_EQ(left.size(), 1'002u);
  EXPECT_EQ(left[0], 0u);  // the trim entry
  EXPECT_EQ(left[1], 4'000u);
}

TEST_F(LevelDbLogTest, AnEmptyLogCanBeginAnywhereAndStaysThere) {
  {
    const auto log = Open(true).value();
    ASSERT_TRUE(log->BeginAt(1'000).ok());
    EXPECT_EQ(log->first_index(), 1'000u);
    EXPECT_EQ(log->next_index(), 1'000u);
  }
  const auto log = Open().value();
  EXPECT_EQ(log->next_index(), 1'000u);
  ASSERT_TRUE(log->Append(1'000, Records(1'000, 3)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(log->BeginAt(2'000)));
  EXPECT_EQ(log->next_index(), 1'003u);
}

TEST_F(LevelDbLogTest, ItsSizeIsThatOfItsFiles) {
  const auto log = Open(true).value();
  const uint64_t before = log->size_bytes();
  EXPECT_GT(before, 0u);
  std::vector<EncodedRecord> record(1);
  record[0] = {1, std::string(1'000'000, 'x'), {}};
  ASSERT_TRUE(log->Append(1, record).ok());
  EXPECT_GT(log->size_bytes(), before + 1'000'000);
}

}  // namespace
}  // namespace swoosh
