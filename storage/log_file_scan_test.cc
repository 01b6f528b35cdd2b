#include "storage/log_file_scan.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"
#include "storage/crc32c.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr size_t kBlockBytes = 32'768;
constexpr size_t kHeaderBytes = 7;

// LevelDB's writer, after its doc/log_format.md.
void AppendEntry(absl::string_view content, std::string* file) {
  bool first = true;
  do {
    size_t left = kBlockBytes - file->size() % kBlockBytes;
    if (left < kHeaderBytes) {
      file->append(left, '\0');
      left = kBlockBytes;
    }
    const size_t size = std::min(content.size(), left - kHeaderBytes);
    const bool last = size == content.size();
    const char type = static_cast<char>(first ? (last ? 1 : 2) : (last ? 4 : 3));
    const uint32_t crc = Crc32c({absl::string_view(&type, 1), content.substr(0, size)});
    const uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    for (int i = 0; i < 4; ++i) file->push_back(static_cast<char>(masked >> (8 * i)));
    file->push_back(static_cast<char>(size & 0xff));
    file->push_back(static_cast<char>(size >> 8));
    file->push_back(type);
    file->append(content.data(), size);
    content.remove_prefix(size);
    first = false;
  } while (!content.empty());
}

class FailingFile : public ReadableFile {
 public:
  absl::StatusOr<size_t> ReadAt(uint64_t, absl::Span<char>) const override {
    return absl::UnavailableError("read: Input/output error");
  }
};

class FailingReads : public FaultFileSystem {
 public:
  FailingReads() : FaultFileSystem(PosixFileSystem()) {}
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string&) override {
    return std::make_unique<FailingFile>();
  }
};

class LogFileScanTest : public testing::Test {
 protected:
  LogFileScan Scan(const std::string& bytes) {
    EXPECT_TRUE(PosixFileSystem()->Create(path_).value()->Append(bytes).ok());
    entries_.clear();
    return ScanLogFile(PosixFileSystem(), path_,
                       [this](uint64_t, absl::string_view content) {
                         entries_.emplace_back(content);
                         return content == "no sense" ? "no sense" : "";
                       })
        .value();
  }
  // Entries of these sizes; begins_ and the file's end are where each begins.
  std::string Make(const std::vector<size_t>& sizes) {
    std::string file;
    begins_.clear();
    contents_.clear();
    for (const size_t size : sizes) {
      const size_t left = kBlockBytes - file.size() % kBlockBytes;
      begins_.push_back(file.size() + (left < kHeaderBytes ? left : 0));
      contents_.push_back(std::string(size, static_cast<char>('a' + contents_.size() % 26)));
      AppendEntry(contents_.back(), &file);
    }
    begins_.push_back(file.size());
    return file;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "f.log";
  std::vector<std::string> entries_;
  std::vector<std::string> contents_;
  std::vector<uint64_t> begins_;
};

TEST_F(LogFileScanTest, ASoundFileIsReadToItsEnd) {
  for (const std::vector<size_t>& sizes : {std::vector<size_t>{},
                                           {0},
                                           {1},
                                           {100, 200},
                                           {kBlockBytes - kHeaderBytes, 5},
                                           {kBlockBytes - 2 * kHeaderBytes, 0, 7},
                                           {kBlockBytes - kHeaderBytes - 3, 100'000, 3}}) {
    const std::string file = Make(sizes);
    const LogFileScan scan = Scan(file);
    EXPECT_TRUE(scan.sound()) << scan.damage;
    EXPECT_EQ(scan.sound_bytes, file.size());
    EXPECT_EQ(scan.size_bytes, file.size());
    EXPECT_EQ(entries_, contents_);
  }
}

TEST_F(LogFileScanTest, CutAnywhereItIsTornInTheEntryThere) {
  const std::string file = Make({300, 40'000, 20, 500});
  for (size_t size = 0; size < file.size(); size += size < 400 || size > 40'300 ? 1 : 997) {
    const LogFileScan scan = Scan(file.substr(0, size));
    const size_t whole =
        std::upper_bound(begins_.begin(), begins_.end(), size) - begins_.begin() - 1;
    EXPECT_EQ(entries_.size(), whole);
    EXPECT_EQ(scan.sound(), begins_[whole] == size) << size;
    EXPECT_EQ(scan.sound_bytes, begins_[whole]) << size;
    EXPECT_FALSE(scan.intact_beyond.has_value()) << size;
  }
}

TEST_F(LogFileScanTest, AFlipAnywhereIsFoundWithWhatLiesBeyond) {
  std::mt19937_64 random(TestSeed());
  const std::string file = Make({300, 40'000, 32'000, 20, 500, 70'000, 8});
  for (int i = 0; i < 500; ++i) {
    std::string damaged = file;
    const size_t at = random() % file.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    const LogFileScan scan = Scan(damaged);
    if (scan.sound()) {
      // Between two blocks nothing is written.
      EXPECT_EQ(entries_, contents_);
      EXPECT_GE(at % kBlockBytes, kBlockBytes - kHeaderBytes + 1) << at;
      continue;
    }
    const size_t entry = std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin() - 1;
    EXPECT_EQ(entries_.size(), entry) << at;
    EXPECT_EQ(scan.sound_bytes, begins_[entry]) << at;
    EXPECT_LE(*scan.damaged_at, at);
    if (entry + 2 < begins_.size()) {
      EXPECT_EQ(scan.intact_beyond, begins_[entry + 1]) << at;
    } else {
      EXPECT_FALSE(scan.intact_beyond.has_value()) << at;
    }
  }
}

TEST_F(LogFileScanTest, ZerosFromAnywhereToTheEndAreATear) {
  const std::string file = Make({300, 40'000, 20});
  for (size_t at = 0; at < file.size(); at += 1'009) {
    std::string damaged = file;
    std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(at), damaged.end(), '\0');
    const LogFileScan scan = Scan(damaged + std::string(100'000, '\0'));
    EXPECT_FALSE(scan.sound());
    EXPECT_FALSE(scan.intact_beyond.has_value());
  }
}

TEST_F(LogFileScanTest, TheRestOfATornEntryIsNotSomethingIntactBeyond) {
  std::string file = Make({100, 200'000});
  std::fill_n(file.begin() + 50'000, 512, '\0');
  const LogFileScan scan = Scan(file);
  EXPECT_EQ(scan.sound_bytes, begins_[1]);
  EXPECT_FALSE(scan.intact_beyond.has_value());
}

TEST_F(LogFileScanTest, AnEntryInsideOfAnotherIsWhatLiesBeyond) {
  std::string file = Make({100, 50'000});
  std::string other = Make({100});
  // The second block begins with an entry instead of the rest of the one before it.
  file.replace(kBlockBytes, other.size(), other);
  const LogFileScan scan = Scan(file);
  EXPECT_EQ(scan.intact_beyond, kBlockBytes);
  EXPECT_EQ(scan.damaged_at, kBlockBytes);
}

TEST_F(LogFileScanTest, AContentThatCannotBeUnderstoodIsDamageAndNoTear) {
  std::string file = Make({100});
  const uint64_t begin = file.size();
  AppendEntry("no sense", &file);
  const LogFileScan scan = Scan(file);
  EXPECT_EQ(scan.damaged_at, begin);
  EXPECT_EQ(scan.intact_beyond, begin);
  EXPECT_EQ(scan.damage, "no sense");
}

TEST_F(LogFileScanTest, WhatIsIntactAfterDamageIsStillRead) {
  const std::string file = Make({300, 200, 40'000, 100, 50});
  const auto read = [this](const std::string& bytes) {
    EXPECT_TRUE(PosixFileSystem()->Create(path_).value()->Append(bytes).ok());
    std::vector<std::string> entries;
    EXPECT_TRUE(ReadIntactEntries(PosixFileSystem(), path_, [&](absl::string_view content) {
                  entries.emplace_back(content);
                }).ok());
    return entries;
  };
  EXPECT_EQ(read(file), contents_);
  std::string damaged = file;
  damaged[begins_[1] + 50] ^= 1;
  EXPECT_EQ(read(damaged),
            (std::vector<std::string>{contents_[0], contents_[2], contents_[3], contents_[4]}));
  // Without a length it goes on at the next block, where the rest of an entry is none.
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(begins_[1]), kHeaderBytes, '\0');
  EXPECT_EQ(read(damaged), (std::vector<std::string>{contents_[0], contents_[3], contents_[4]}));
  // An entry made up by whoever wrote the content around it.
  std::string inner;
  AppendEntry("made up", &inner);
  std::string outer;
  AppendEntry(inner, &outer);
  outer[0] ^= 1;
  EXPECT_TRUE(read(outer).empty());
}

TEST_F(LogFileScanTest, AReadThatFailsIsNeverTheEndOfTheFile) {
  Scan(Make({100}));
  FailingReads files;
  const auto visit = [](uint64_t, absl::string_view) { return std::string(); };
  EXPECT_TRUE(absl::IsUnavailable(ScanLogFile(&files, path_, visit).status()));
  EXPECT_TRUE(
      absl::IsNotFound(ScanLogFile(PosixFileSystem(), directory_ / "missing", visit).status()));
}

}  // namespace
}  // namespace swoosh
