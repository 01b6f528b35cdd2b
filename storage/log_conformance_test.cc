// What every Log promises, checked on each of them.

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/seeded_test.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "storage/commit_mark.h"
#include "storage/file_system.h"
#include "storage/leveldb_log.h"
#include "storage/log.h"
#include "storage/memory_log.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";
constexpr size_t kAnySize = SIZE_MAX;

// Holds one log, and can open it again where it outlives the process.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;
  virtual Log& log() = 0;
  virtual bool Reopen() = 0;  // false: gone with the process
};

class MemoryLogUnderTest : public LogUnderTest {
 public:
  Log& log() override { return log_; }
  bool Reopen() override { return false; }

 private:
  MemoryLog log_;
};

class LevelDbLogUnderTest : public LogUnderTest {
 public:
  LevelDbLogUnderTest() {
    EXPECT_TRUE(CommitMark::Create(PosixFileSystem(), mark_, {kId, 0, Sha256(kId)}).ok());
    Open();
  }
  Log& log() override { return *log_; }
  bool Reopen() override {
    log_.reset();
    Open();
    return true;
  }

 private:
  void Open() {
    log_ = LevelDbLog::Open(PosixFileSystem(), directory_ / "wal", true, nullptr).value();
    log_->AttachMark(CommitMark::Open(PosixFileSystem(), mark_).value());
  }

  TemporaryDirectory directory_;
  const std::string mark_ = directory_ / "commit_mark";
  std::unique_ptr<LevelDbLog> log_;
};

struct Implementation {
  const char* name;
  std::unique_ptr<LogUnderTest> (*make)();
};

class LogConformanceTest : public testing::TestWithParam<Implementation> {
 protected:
  Log& log() { return under_test_->log(); }

  static std::string BytesOf(uint64_t index) {
    return absl::StrCat("record ", index, std::string(index % 50, '.'));
  }
  static EncodedRecord RecordOf(uint64_t index) {
    return {index, BytesOf(index), Sha256(BytesOf(index))};
  }
  absl::Status Append(uint64_t first, uint64_t count) {
    std::vector<EncodedRecord> records;
    for (uint64_t i = 0; i < count; ++i) records.push_back(RecordOf(first + i));
    return log().Append(first, records);
  }
  // The indexes that a read visits; each record is checked.
  absl::StatusOr<std::vector<uint64_t>> Read(uint64_t from, size_t bytes_max) {
    std::vector<uint64_t> visited;
    const absl::Status status =
        log().Read(from, bytes_max, [&](uint64_t index, absl::string_view bytes) {
          EXPECT_EQ(bytes, BytesOf(index));
          visited.push_back(index);
          return true;
        });
    if (!status.ok()) return status;
    return visited;
  }
  static std::vector<uint64_t> Range(uint64_t first, uint64_t end) {
    std::vector<uint64_t> range;
    for (; first < end; ++first) range.push_back(first);
    return range;
  }

  std::unique_ptr<LogUnderTest> under_test_ = GetParam().make();
};

// Of logs that outlive the process.
class DurableLogConformanceTest : public LogConformanceTest {};

TEST_P(LogConformanceTest, ANewLogIsEmptyAndBeginsAtOne) {
  EXPECT_EQ(log().first_index(), 1u);
  EXPECT_EQ(log().next_index(), 1u);
  EXPECT_EQ(Read(1, kAnySize).value(), Range(1, 1));
  EXPECT_TRUE(absl::IsOutOfRange(Read(0, kAnySize).status()));
  EXPECT_TRUE(absl::IsOutOfRange(Read(2, kAnySize).status()));
}

TEST_P(LogConformanceTest, WhatWasAppendedIsReadInOrder) {
  ASSERT_TRUE(Append(1, 1).ok());
  ASSERT_TRUE(Append(2, 300).ok());
  ASSERT_TRUE(Append(302, 7).ok());
  EXPECT_EQ(log().next_index(), 309u);
  EXPECT_EQ(Read(1, kAnySize).value(), Range(1, 309));
  EXPECT_EQ(Read(250, kAnySize).value(), Range(250, 309));
  EXPECT_EQ(Read(309, kAnySize).value(), Range(309, 309));
}

TEST_P(LogConformanceTest, AReadStopsAfterItsBytesButGivesOneRecord) {
  ASSERT_TRUE(Append(1, 100).ok());
  EXPECT_EQ(Read(10, 0).value(), Range(10, 11));
  EXPECT_EQ(Read(10, 1).value(), Range(10, 11));
  const size_t two = BytesOf(10).size() + BytesOf(11).size();
  EXPECT_EQ(Read(10, two).value(), Range(10, 12));
}

TEST_P(LogConformanceTest, AReadStopsWhenTheVisitorSaysSo) {
  ASSERT_TRUE(Append(1, 10).ok());
  int visited = 0;
  ASSERT_TRUE(
      log().Read(3, kAnySize, [&](uint64_t, absl::string_view) { return ++visited < 2; }).ok());
  EXPECT_EQ(visited, 2);
}

TEST_P(LogConformanceTest, AnyBytesAreKept) {
  EncodedRecord empty{1, "", Sha256("")};
  EncodedRecord zeros{2, std::string("\0\xff\0", 3), Sha256(std::string("\0\xff\0", 3))};
  EncodedRecord large{3, std::string(3'000'000, 'L'), Sha256(std::string(3'000'000, 'L'))};
  const std::vector<EncodedRecord> records = {empty, zeros, large};
  ASSERT_TRUE(log().Append(1, records).ok());
  std::vector<std::string> read;
  ASSERT_TRUE(log()
                  .Read(1, kAnySize,
                        [&](uint64_t, absl::string_view bytes) {
                          read.emplace_back(bytes);
                          return true;
                        })
                  .ok());
  EXPECT_EQ(read, (std::vector<std::string>{empty.bytes, zeros.bytes, large.bytes}));
}

TEST_P(LogConformanceTest, AnAppendElsewhereIsAbortedAndWritesNothing) {
  ASSERT_TRUE(Append(1, 5).ok());
  EXPECT_TRUE(absl::IsAborted(Append(5, 1)));
  EXPECT_TRUE(absl::IsAborted(Append(7, 1)));
  EXPECT_EQ(Read(1, kAnySize).value(), Range(1, 6));
  EXPECT_TRUE(Append(6, 1).ok());
}

TEST_P(LogConformanceTest, IndexesThatDoNotFollowAreRefusedAndNothingIsWritten) {
  const std::vector<EncodedRecord> gap = {RecordOf(1), RecordOf(3)};
  EXPECT_TRUE(absl::IsInvalidArgument(log().Append(1, gap)));
  const std::vector<EncodedRecord> late = {RecordOf(2)};
  EXPECT_TRUE(absl::IsInvalidArgument(log().Append(1, late)));
  const std::vector<EncodedRecord> twice = {RecordOf(1), RecordOf(1)};
  EXPECT_TRUE(absl::IsInvalidArgument(log().Append(1, twice)));
  EXPECT_EQ(log().next_index(), 1u);
  EXPECT_TRUE(Append(1, 1).ok());
}

TEST_P(LogConformanceTest, AnAppendOverTheLimitsIsRefusedAndNothingIsWritten) {
  const Log::Limits limits = log().limits();
  ASSERT_GT(limits.append_records_max, 0u);
  EXPECT_TRUE(absl::IsInvalidArgument(Append(1, limits.append_records_max + 1)));
  std::vector<EncodedRecord> large(1);
  large[0] = {1, std::string(limits.append_bytes_max + 1, 'x'), {}};
  EXPECT_TRUE(absl::IsInvalidArgument(log().Append(1, large)));
  EXPECT_EQ(log().next_index(), 1u);
  EXPECT_TRUE(Append(1, limits.append_records_max).ok());
}

TEST_P(LogConformanceTest, AnAppendOfNothingChangesNothing) {
  EXPECT_TRUE(Append(1, 0).ok());
  EXPECT_TRUE(absl::IsAborted(Append(2, 0)));
  EXPECT_EQ(log().next_index(), 1u);
}

TEST_P(LogConformanceTest, TrimmingRemovesThePrefixAndNothingElse) {
  ASSERT_TRUE(Append(1, 5'000).ok());
  ASSERT_TRUE(log().TrimPrefix(3'500).ok());
  EXPECT_EQ(log().first_index(), 3'500u);
  EXPECT_EQ(log().next_index(), 5'001u);
  EXPECT_TRUE(absl::IsOutOfRange(Read(3'499, kAnySize).status()));
  EXPECT_EQ(Read(3'500, kAnySize).value(), Range(3'500, 5'001));
  EXPECT_TRUE(log().TrimPrefix(10).ok());  // gone already
  EXPECT_EQ(log().first_index(), 3'500u);
  EXPECT_TRUE(absl::IsOutOfRange(log().TrimPrefix(5'002)));
  EXPECT_EQ(log().first_index(), 3'500u);
}

TEST_P(LogConformanceTest, ALogTrimmedToItsEndGoesOnThere) {
  ASSERT_TRUE(Append(1, 20).ok());
  ASSERT_TRUE(log().TrimPrefix(21).ok());
  EXPECT_EQ(log().first_index(), 21u);
  EXPECT_EQ(log().next_index(), 21u);
  EXPECT_EQ(Read(21, kAnySize).value(), Range(21, 21));
  if (under_test_->Reopen()) {
    EXPECT_EQ(log().first_index(), 21u);
    EXPECT_EQ(log().next_index(), 21u);
  }
  ASSERT_TRUE(Append(21, 3).ok());
  EXPECT_EQ(Read(21, kAnySize).value(), Range(21, 24));
}

TEST_P(DurableLogConformanceTest, ReopenedItIsTheSame) {
  ASSERT_TRUE(Append(1, 1'000).ok());
  ASSERT_TRUE(under_test_->Reopen());
  EXPECT_EQ(log().first_index(), 1u);
  EXPECT_EQ(log().next_index(), 1'001u);
  EXPECT_EQ(Read(1, kAnySize).value(), Range(1, 1'001));
  ASSERT_TRUE(log().TrimPrefix(400).ok());
  ASSERT_TRUE(Append(1'001, 10).ok());
  ASSERT_TRUE(under_test_->Reopen());
  EXPECT_EQ(log().first_index(), 400u);
  EXPECT_EQ(log().next_index(), 1'011u);
  EXPECT_EQ(Read(400, kAnySize).value(), Range(400, 1'011));
  ASSERT_TRUE(under_test_->Reopen());
  EXPECT_EQ(Read(400, kAnySize).value(), Range(400, 1'011));
}

TEST_P(LogConformanceTest, RandomAppendsTrimsAndReopeningsKeepOneWholeRange) {
  std::mt19937 random(TestSeed());
  uint64_t first = 1;
  uint64_t next = 1;
  for (int step = 0; step < 200; ++step) {
    const uint32_t dice = random() % 10;
    if (dice < 7) {
      const uint64_t count = random() % 40;
      ASSERT_TRUE(Append(next, count).ok());
      next += count;
    } else if (dice < 9) {
      first += random() % (next - first + 1);
      ASSERT_TRUE(log().TrimPrefix(first).ok());
    } else {
      under_test_->Reopen();
    }
    ASSERT_EQ(log().first_index(), first);
    ASSERT_EQ(log().next_index(), next);
    ASSERT_EQ(Read(first, kAnySize).value(), Range(first, next));
  }
}

TEST_P(LogConformanceTest, ReadersBesideAppendsAndTrimsSeeWholeRangesOnly) {
  std::atomic<bool> done{false};
  std::atomic<uint64_t> visited{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([this, &done, &visited] {
      for (bool last = false; !last;) {
        last = done.load();
        const uint64_t from = log().first_index();
        const uint64_t durable = log().next_index();
        uint64_t expected = from;
        const absl::Status status =
            log().Read(from, kAnySize, [&](uint64_t index, absl::string_view bytes) {
              EXPECT_EQ(index, expected++);
              EXPECT_EQ(bytes, BytesOf(index));
              return true;
            });
        // Trimmed in between, or all that was durable before the read.
        if (absl::IsOutOfRange(status)) continue;
        EXPECT_TRUE(status.ok()) << status;
        EXPECT_GE(expected, durable);
        visited += expected - from;
      }
    });
  }
  for (uint64_t next = 1; next <= 3'000; next += 10) {
    EXPECT_TRUE(Append(next, 10).ok());
    if (next % 100 == 1 && next > 500) {
      EXPECT_TRUE(log().TrimPrefix(next - 500).ok());
    }
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(visited.load(), 0u);
}

constexpr Implementation kMemory = {"Memory", []() -> std::unique_ptr<LogUnderTest> {
                                      return std::make_unique<MemoryLogUnderTest>();
                                    }};
constexpr Implementation kLevelDb = {"LevelDb", []() -> std::unique_ptr<LogUnderTest> {
                                       return std::make_unique<LevelDbLogUnderTest>();
                                     }};

INSTANTIATE_TEST_SUITE_P(Logs, LogConformanceTest, testing::Values(kMemory, kLevelDb),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Logs, DurableLogConformanceTest, testing::Values(kLevelDb),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace swoosh
