#include "storage/store_for_test.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "storage/bad_index.h"
#include "storage/big_endian.h"
#include "storage/history_for_test.h"
#include "storage/snapshot_store.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kGroupRecords = 5;

}  // namespace

void StoreTest::MakeStore(uint64_t records, std::vector<uint64_t> snapshots) {
  OpenStore store = Open().value();
  history_id_ = store.history_id;
  AppendGroups(records, &store, snapshots);
}

void StoreTest::AppendMore(uint64_t records) {
  OpenStore store = OpenWhole();
  AppendGroups(records, &store, {});
}

void StoreTest::AppendGroups(uint64_t records, OpenStore* store,
                             const std::vector<uint64_t>& snapshots) {
  HistoryForTest history(std::move(store->writer));
  uint64_t index = store->log->next_index() - 1;
  for (const uint64_t end = index + records; index < end;) {
    const uint64_t count = std::min(kGroupRecords, end - index);
    ASSERT_TRUE(store->log->Append(index + 1, history.Next(count)).ok());
    index += count;
    log_bytes_[index] = fs::file_size(NewestWalFile(".log"));
    if (std::count(snapshots.begin(), snapshots.end(), index) > 0) {
      ASSERT_TRUE(store->snapshots->Write(history.state()).ok());
    }
  }
  end_ = history.state();
}

OpenStore StoreTest::OpenWhole(RecoveryOptions options) {
  OpenStore store = Open(std::move(options)).value();
  EXPECT_EQ(store.history_id, history_id_);
  EXPECT_EQ(store.writer.position().index, end_.index());
  EXPECT_EQ(store.writer.position().record_hash, end_.position().record_hash);
  EXPECT_EQ(ToHex(store.writer.Seal()), ToHex(end_.hash()));
  EXPECT_EQ(store.log->next_index(), end_.index() + 1);
  EXPECT_TRUE(absl::EndsWith(store.report,
                             absl::StrCat("index=", end_.index(), " hash=", ToHex(end_.hash()))))
      << store.report;
  return store;
}

absl::Status StoreTest::Refused(Refusal refusal, const std::vector<std::string>& texts) {
  absl::Status status = Open().status();
  EXPECT_EQ(RefusalName(RefusalOf(status)), RefusalName(refusal)) << status;
  EXPECT_TRUE(absl::StartsWith(status.message(), RefusalName(refusal))) << status;
  for (const std::string& text : texts) {
    EXPECT_TRUE(absl::StrContains(status.message(), text)) << status << "\nlacks: " << text;
  }
  return status;
}

void StoreTest::ExpectRefused(Refusal refusal, const std::vector<std::string>& texts) {
  Refused(refusal, texts).IgnoreError();
}

void StoreTest::ExpectRefusedUntouched(Refusal refusal, const std::vector<std::string>& texts) {
  const std::map<std::string, std::string> before = Everything();
  ExpectRefused(refusal, texts);
  EXPECT_EQ(Everything(), before);
}

void StoreTest::ExpectRefusedFrom(uint64_t first_bad_index, Refusal refusal,
                                  const std::vector<std::string>& texts) {
  const absl::Status status = Refused(refusal, texts);
  EXPECT_EQ(FirstBadIndexOf(status), first_bad_index) << status;
  EXPECT_TRUE(
      absl::StrContains(status.message(), absl::StrCat("first bad index ", first_bad_index, ";")))
      << status;
}

std::string StoreTest::ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

void StoreTest::WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void StoreTest::FlipByte(const std::string& path, size_t at) {
  std::string bytes = ReadFile(path);
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 0x20);
  WriteFile(path, bytes);
}

std::map<std::string, std::string> StoreTest::Everything() const {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory_.path())) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
    if (!absl::StrContains(path, "/evidence/")) files[path] = ReadFile(path);
  }
  return files;
}

std::string StoreTest::NewestWalFile(const std::string& suffix) const {
  std::string newest;
  for (const auto& entry : fs::directory_iterator(paths_.wal_dir)) {
    const std::string path = entry.path().string();
    if (absl::EndsWith(path, suffix)) newest = std::max(newest, path);
  }
  return newest;
}

std::string StoreTest::SnapshotPath(uint64_t index) const {
  return absl::StrCat(paths_.snapshot_dir, "/", SnapshotFileName(index));
}

void StoreTest::DamageSnapshot(uint64_t index) {
  FlipByte(SnapshotPath(index), fs::file_size(SnapshotPath(index)) / 2);
}

void StoreTest::WriteMark(const CommitMark::Content& content) {
  ASSERT_TRUE(CommitMark::Create(&files_, mark_, content).ok());
}

void StoreTest::TrimLog(uint64_t first_kept) {
  OpenStore store = Open().value();
  ASSERT_TRUE(store.log->TrimPrefix(first_kept).ok());
}

std::string StoreTest::KeyOf(uint64_t index) {
  std::string key;
  AppendBigEndian(index, &key);
  return key;
}

}  // namespace swoosh
