#include "storage/snapshot_store.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "core/state.h"
#include "core/statechart/instance.h"
#include "gtest/gtest.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/history_for_test.h"
#include "storage/snapshot_format.h"
#include "storage/snapshot_steps.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";
constexpr char kOtherId[] = "ffffffffffffffffffffffffffffffff";

class SnapshotStoreTest : public testing::Test {
 protected:
  SnapshotStoreTest() : files_(PosixFileSystem()), history_(StateWriter(kId)) {}

  State StateAt(uint64_t index) {
    history_.Next(index - history_.state().index());
    return history_.state();
  }
  // Some megabytes that can't be compressed.
  static State LargeState() {
    std::mt19937 random(1);
    Effect effect;
    for (int i = 0; i < 100; ++i) {
      std::string value(40'000, '\0');
      for (char& byte : value) byte = static_cast<char>(random());
      effect.writes.push_back({InstanceKey("default", absl::StrCat("large", i)), value, "extra"});
      ++effect.instances_added;
    }
    StateWriter writer(kId);
    writer.Apply(effect, writer.reducer_version(), {1, 0});
    writer.Seal();
    return writer.Sealed();
  }
  SnapshotStore::Info WriteAt(SnapshotStore* store, uint64_t index) {
    return store->Write(StateAt(index)).value();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names = files_.List(directory_.path()).value();
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::vector<std::string> NamesOf(const std::vector<uint64_t>& indexes) {
    std::vector<std::string> names;
    for (const uint64_t index : indexes) names.push_back(SnapshotFileName(index));
    return names;
  }
  std::string Bytes(const std::string& path) {
    return ReadWholeFile(&files_, path, 1 << 26).value();
  }
  void Put(const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(files_.Create(path).value()->Append(bytes).ok());
  }

  TemporaryDirectory directory_;
  FaultFileSystem files_;
  HistoryForTest history_;
};

TEST_F(SnapshotStoreTest, WhatIsWrittenIsLoaded) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const State state = StateAt(100);
  const SnapshotStore::Info info = store.Write(state).value();
  EXPECT_EQ(info.index, 100u);
  EXPECT_EQ(info.size_bytes, files_.Size(info.path).value());
  StateWriter writer = store.Load(info).value();
  const State loaded = writer.Sealed();
  EXPECT_EQ(ToHex(loaded.hash()), ToHex(state.hash()));
  EXPECT_EQ(loaded.index(), state.index());
  EXPECT_EQ(loaded.position().hlc, state.position().hlc);
  EXPECT_EQ(loaded.position().record_hash, state.position().record_hash);
  EXPECT_EQ(loaded.counts().instances, state.counts().instances);
  EXPECT_EQ(loaded.counts().machines, 1u);
  // Also what is not hashed.
  const std::optional<Instance> before = state.FindInstance("default", "i2");
  const std::optional<Instance> after = loaded.FindInstance("default", "i2");
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_NE(before->update_time_us, 0);
  EXPECT_EQ(after->update_time_us, before->update_time_us);
  EXPECT_EQ(after->create_time_us, before->create_time_us);
  // And it goes on from there as the state itself does.
  HistoryForTest loaded_history(std::move(writer));
  EXPECT_EQ(loaded_history.Next(10).back().hash, history_.Next(10).back().hash);
}

TEST_F(SnapshotStoreTest, TheEmptyStateHasASnapshotToo) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const SnapshotStore::Info info = store.Write(history_.state()).value();
  EXPECT_EQ(info.index, 0u);
  EXPECT_EQ(store.Load(info).value().position().record_hash, Sha256(kId));
}

TEST_F(SnapshotStoreTest, ManyFramesAreLoaded) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const State state = LargeState();
  const SnapshotStore::Info info = store.Write(state).value();
  const std::string bytes = Bytes(info.path);
  const SnapshotFooter footer =
      DecodeSnapshotFooter(bytes.substr(bytes.size() - kSnapshotFooterBytes)).value();
  EXPECT_GE(footer.frames, 3u);
  EXPECT_EQ(footer.entries, state.root().entry_count());
  EXPECT_EQ(ToHex(store.Load(info).value().Seal()), ToHex(state.hash()));
}

TEST_F(SnapshotStoreTest, TheNewestTwoAreKept) {
  SnapshotStore store(&files_, directory_.path(), kId);
  EXPECT_EQ(store.oldest_verified_index(), 0u);
  EXPECT_EQ(store.newest_verified_index(), 0u);
  WriteAt(&store, 10);
  EXPECT_EQ(store.oldest_verified_index(), 10u);
  WriteAt(&store, 20);
  WriteAt(&store, 30);
  EXPECT_EQ(Names(), NamesOf({20, 30}));
  EXPECT_EQ(store.oldest_verified_index(), 20u);
  EXPECT_EQ(store.newest_verified_index(), 30u);
  const std::vector<SnapshotStore::Info> infos = store.List().value();
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0].index, 30u);
  EXPECT_EQ(infos[1].index, 20u);
  // What an earlier process wrote was verified by it.
  const SnapshotStore reopened(&files_, directory_.path(), kId);
  EXPECT_EQ(reopened.oldest_verified_index(), 20u);
}

TEST_F(SnapshotStoreTest, TheSameIndexTwiceIsOneSnapshot) {
  SnapshotStore store(&files_, directory_.path(), kId);
  WriteAt(&store, 10);
  WriteAt(&store, 20);
  ASSERT_TRUE(store.Write(history_.state()).ok());
  EXPECT_EQ(Names(), NamesOf({10, 20}));
}

TEST_F(SnapshotStoreTest, ADamagedOneDoesNotCountAndIsReplacedLater) {
  SnapshotStore store(&files_, directory_.path(), kId);
  WriteAt(&store, 10);
  const SnapshotStore::Info info = WriteAt(&store, 20);
  std::string bytes = Bytes(info.path);
  bytes[200] = static_cast<char>(bytes[200] ^ 1);
  Put(info.path, bytes);
  EXPECT_TRUE(absl::IsDataLoss(store.Load(info).status()));
  EXPECT_EQ(store.newest_verified_index(), 10u);
  ASSERT_TRUE(store.SetAside(info).ok());
  EXPECT_EQ(store.List().value().size(), 1u);
  WriteAt(&store, 30);
  EXPECT_EQ(Names(), NamesOf({10, 30}));
}

TEST_F(SnapshotStoreTest, LeftoversAreNotListedAndGoWithTheNextWrite) {
  SnapshotStore store(&files_, directory_.path(), kId);
  Put(directory_ / (SnapshotFileName(5) + ".tmp"), "half");
  Put(directory_ / "notes.txt", "not ours");
  EXPECT_TRUE(store.List().value().empty());
  WriteAt(&store, 10);
  EXPECT_EQ(Names(), (std::vector<std::string>{"notes.txt", SnapshotFileName(10)}));
}

TEST_F(SnapshotStoreTest, OfAnotherHistoryOrIndexIsDataLoss) {
  SnapshotStore store(&files_, directory_.path(), kId);
  SnapshotStore::Info info = WriteAt(&store, 10);
  SnapshotStore other(&files_, directory_.path(), kOtherId);
  EXPECT_TRUE(absl::IsDataLoss(other.Load(info).status()));
  EXPECT_TRUE(absl::IsDataLoss(other.Check(info).status()));
  info.index = 11;
  EXPECT_TRUE(absl::IsDataLoss(store.Load(info).status()));
}

TEST_F(SnapshotStoreTest, EveryFlippedByteIsFoundAndTheFileIsNamed) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const SnapshotStore::Info info = WriteAt(&store, 30);
  const std::string good = Bytes(info.path);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    Put(info.path, bad);
    const absl::Status loaded = store.Load(info).status();
    ASSERT_TRUE(absl::IsDataLoss(loaded)) << "byte " << at << ": " << loaded;
    ASSERT_TRUE(absl::StrContains(loaded.message(), info.path)) << loaded;
    ASSERT_TRUE(absl::IsDataLoss(store.Check(info).status())) << "byte " << at;
  }
  Put(info.path, good);
  EXPECT_TRUE(store.Load(info).ok());
}

TEST_F(SnapshotStoreTest, EveryTruncationAndAnythingAfterTheEndIsFound) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const SnapshotStore::Info info = WriteAt(&store, 30);
  const std::string good = Bytes(info.path);
  for (size_t size = 0; size < good.size(); ++size) {
    Put(info.path, good.substr(0, size));
    ASSERT_TRUE(absl::IsDataLoss(store.Load(info).status())) << size;
  }
  Put(info.path, good + std::string(1, '\0'));
  EXPECT_TRUE(absl::IsDataLoss(store.Load(info).status()));
}

TEST_F(SnapshotStoreTest, AWholeFileOfAnotherStateThanItsHeaderSaysIsFound) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const SnapshotStore::Info info = WriteAt(&store, 30);
  const std::string good = Bytes(info.path);
  SnapshotHeader header = DecodeSnapshotHeader(good.substr(0, kSnapshotHeaderBytes)).value();
  const auto with = [&good](const SnapshotHeader& changed) {
    return EncodeSnapshotHeader(changed) + good.substr(kSnapshotHeaderBytes);
  };
  SnapshotHeader changed = header;
  changed.state_hash[0] ^= 1;
  Put(info.path, with(changed));
  EXPECT_TRUE(absl::StrContains(store.Load(info).status().message(), "state hash"));
  EXPECT_TRUE(absl::StrContains(store.Check(info).status().message(), "state hash"));
  changed = header;
  ++changed.counts.instances;
  Put(info.path, with(changed));
  EXPECT_TRUE(absl::StrContains(store.Load(info).status().message(), "counts"));
  changed = header;
  ++changed.entries;
  Put(info.path, with(changed));
  EXPECT_TRUE(absl::StrContains(store.Load(info).status().message(), "entries"));
}

TEST_F(SnapshotStoreTest, ForEachFailingCallTheOlderOnesStayAndTheNextWriteWorks) {
  SnapshotStore store(&files_, directory_.path(), kId);
  WriteAt(&store, 10);
  uint64_t before = files_.calls();
  WriteAt(&store, 20);
  const uint64_t calls = files_.calls() - before;
  uint64_t index = 20;
  for (uint64_t n = 0; n < calls; ++n) {
    for (const bool for_good : {false, true}) {
      const std::vector<SnapshotStore::Info> kept = store.List().value();
      const State state = StateAt(index += 10);
      files_.Arm({.after = n,
                  .for_good = for_good,
                  .tear = true,
                  .code = absl::StatusCode::kResourceExhausted});
      const absl::Status status = store.Write(state).status();
      files_.Disarm();
      if (!status.ok()) {
        EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      }
      for (const SnapshotStore::Info& info : kept) {
        if (status.ok() && info.index == kept.back().index) continue;  // superseded
        EXPECT_TRUE(store.Load(info).ok()) << n;
      }
      // The list holds only what is whole.
      const std::vector<SnapshotStore::Info> infos = store.List().value();
      for (const SnapshotStore::Info& info : infos) EXPECT_TRUE(store.Load(info).ok()) << n;
      WriteAt(&store, index += 10);
      EXPECT_EQ(Names().size(), 2u) << n;
    }
  }
}

TEST_F(SnapshotStoreTest, WhoPacesTheWritingIsAskedBetweenSmallStepsToTheEnd) {
  SnapshotStore store(&files_, directory_.path(), kId);
  const State state = LargeState();  // of 4 MB that can't be compressed
  std::vector<SnapshotProgress> pauses;
  const auto pause = [&](const SnapshotProgress& progress) { pauses.push_back(progress); };
  const SnapshotStore::Info info = store.Write(state, pause).value();
  EXPECT_GE(pauses.size(), 4'000'000u / 131'072);
  uint64_t done = 0;
  uint64_t written_bytes = 0;
  for (const SnapshotProgress& at : pauses) {
    EXPECT_EQ(at.steps, 2 * state.root().entry_count());
    EXPECT_GE(at.steps_done, done);
    EXPECT_LE(at.written_bytes - written_bytes, 1'200'000u);  // a frame
    done = at.steps_done;
    written_bytes = at.written_bytes;
  }
  EXPECT_GT(done, state.root().entry_count());
  EXPECT_LE(done, 2 * state.root().entry_count());
  EXPECT_EQ(written_bytes, info.size_bytes);
}

TEST(SnapshotFileName, IsParsedExactly) {
  EXPECT_EQ(SnapshotFileName(5'000), "snapshot-00000000000000005000.swoosh");
  uint64_t index = 0;
  EXPECT_TRUE(ParseSnapshotFileName("snapshot-00000000000000005000.swoosh", &index));
  EXPECT_EQ(index, 5'000u);
  EXPECT_TRUE(ParseSnapshotFileName(SnapshotFileName(UINT64_MAX), &index));
  EXPECT_EQ(index, UINT64_MAX);
  for (const char* name :
       {"snapshot-5000.swoosh", "snapshot-00000000000000005000.swoosh.tmp", "snapshot-.swoosh",
        "snapshot-0000000000000000500x.swoosh", "snapshot--0000000000000005000.swoosh", "",
        "snapshot-99999999999999999999.swoosh", "x-00000000000000005000.swoosh"}) {
    EXPECT_FALSE(ParseSnapshotFileName(name, &index)) << name;
  }
}

}  // namespace
}  // namespace swoosh
