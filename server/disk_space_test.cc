#include "server/disk_space.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/disk_reserve.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

TEST(DiskSpace, RefusesWhileTheDiskIsNearlyFull) {
  uint64_t free_bytes = 1'000;
  DiskSpace space([&] { return free_bytes; }, 1'000, absl::ZeroDuration());
  EXPECT_TRUE(space.Check().ok());
  free_bytes = 999;
  const absl::Status refused = space.Check();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), v1::DISK_NEARLY_FULL);
  EXPECT_TRUE(absl::StrContains(refused.message(), "999 bytes left")) << refused;
  free_bytes = 1'000;
  EXPECT_TRUE(space.Check().ok());
}

TEST(DiskSpace, LooksOnlyOnceAnInterval) {
  int looks = 0;
  DiskSpace space(
      [&] {
        ++looks;
        return uint64_t{0};
      },
      1, absl::Hours(1));
  EXPECT_FALSE(space.Check().ok());
  EXPECT_FALSE(space.Check().ok());
  EXPECT_EQ(looks, 1);
}

TEST(DiskSpace, LooksAgainWhenMuchWasWritten) {
  int looks = 0;
  DiskSpace space(
      [&] {
        ++looks;
        return uint64_t{1'000};
      },
      800, absl::Hours(1));
  EXPECT_TRUE(space.Check().ok());
  space.Wrote(100);
  EXPECT_TRUE(space.Check().ok());
  EXPECT_EQ(looks, 1);
  space.Wrote(1);
  EXPECT_TRUE(space.Check().ok());
  EXPECT_EQ(looks, 2);
}

TEST(DiskSpace, KeepsHalfOfTheMarkFromSnapshots) {
  DiskSpace space([] { return uint64_t{1'000}; }, 800, absl::ZeroDuration());
  EXPECT_TRUE(space.CheckRoomFor(600).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(space.CheckRoomFor(601)));
  EXPECT_TRUE(absl::IsResourceExhausted(space.CheckRoomFor(UINT64_MAX)));
}

TEST(DiskSpace, MarksFitSmallVolumes) {
  constexpr uint64_t kMebibyte = 1'048'576;
  EXPECT_EQ(DiskMarksFor(256 * kMebibyte).free_bytes_min, 32 * kMebibyte);
  EXPECT_EQ(DiskMarksFor(256 * kMebibyte).reserve_bytes, 16 * kMebibyte);
  EXPECT_EQ(DiskMarksFor(100'000 * kMebibyte).free_bytes_min, kDiskFreeBytesMin);
  EXPECT_EQ(DiskMarksFor(100'000 * kMebibyte).reserve_bytes, kDiskReserveBytesMax);
  EXPECT_EQ(DiskMarksFor(UINT64_MAX).free_bytes_min, kDiskFreeBytesMin);
}

// A disk of which the reserve takes its part.
class ReserveTest : public testing::Test {
 protected:
  static constexpr uint64_t kReserveBytes = 100'000;
  static constexpr uint64_t kFreeBytesMin = 1'000'000;

  std::unique_ptr<DiskSpace> Make() {
    auto reserve = std::make_unique<DiskReserve>(path_, kReserveBytes);
    return std::make_unique<DiskSpace>(
        [this] {
          const bool held = DiskReserve(path_, kReserveBytes).held();
          return held ? free_bytes_ - kReserveBytes : free_bytes_.load();
        },
        kFreeBytesMin, absl::Hours(1), std::move(reserve));
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "reserve";
  std::atomic<uint64_t> free_bytes_{5'000'000};
};

TEST_F(ReserveTest, IsTakenAtTheStartGivenBackWhenSpaceRunsOutAndTakenAgain) {
  const auto space = Make();
  EXPECT_EQ(space->reserve_held_bytes(), 0u);
  space->StartWatching();
  EXPECT_TRUE(space->Check().ok());
  EXPECT_EQ(space->reserve_held_bytes(), kReserveBytes);

  free_bytes_ = kFreeBytesMin + kReserveBytes - 1;
  space->TendReserve();
  EXPECT_EQ(ReasonOf(space->Check()), v1::DISK_NEARLY_FULL);
  EXPECT_EQ(space->reserve_held_bytes(), kReserveBytes);

  free_bytes_ = kFreeBytesMin / 2 + kReserveBytes - 1;
  space->TendReserve();
  EXPECT_FALSE(space->Check().ok());
  EXPECT_EQ(space->reserve_held_bytes(), 0u);
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);

  // What was given back does not let writing go on.
  free_bytes_ = kFreeBytesMin + kReserveBytes - 1;
  space->TendReserve();
  EXPECT_FALSE(space->Check().ok());
  EXPECT_EQ(space->reserve_held_bytes(), 0u);

  free_bytes_ = kFreeBytesMin + kReserveBytes;
  space->TendReserve();
  EXPECT_TRUE(space->Check().ok());
  EXPECT_EQ(space->reserve_held_bytes(), kReserveBytes);
}

TEST_F(ReserveTest, OfTheProcessBeforeIsGivenBackBeforeTheLogIsOpened) {
  ASSERT_TRUE(DiskReserve(path_, kReserveBytes).Make([] { return UINT64_MAX; }, 0).ok());
  free_bytes_ = kReserveBytes;
  Make()->ReleaseReserveIfNeeded();
  EXPECT_FALSE(DiskReserve(path_, kReserveBytes).held());
  // Nor is one taken then.
  free_bytes_ = 10 * kFreeBytesMin;
  Make()->ReleaseReserveIfNeeded();
  EXPECT_FALSE(DiskReserve(path_, kReserveBytes).held());
}

TEST_F(ReserveTest, DoesNotTakeWhatOthersTakeMeanwhile) {
  constexpr uint64_t kBytes = 3 * 1'048'576;
  DiskReserve reserve(path_, kBytes);
  int looks = 0;
  const absl::Status taken = reserve.Make(
      [&looks] {
        ++looks;
        return looks < 3 ? 2 * kBytes : kFreeBytesMin;
      },
      kFreeBytesMin);
  EXPECT_TRUE(absl::IsResourceExhausted(taken)) << taken;
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
}

TEST_F(ReserveTest, WhereItCanNotBeTakenNothingIsOwedToIt) {
  std::filesystem::create_directory(path_);
  const auto space = Make();
  space->StartWatching();
  EXPECT_EQ(space->reserve_held_bytes(), 0u);
  free_bytes_ = kFreeBytesMin;
  space->TendReserve();
  EXPECT_TRUE(space->Check().ok());
}

TEST(DiskSpace, TellsWhatIsFree) {
  EXPECT_GT(DiskFreeBytes("."), 0u);
  EXPECT_LT(DiskFreeBytes("."), UINT64_MAX);
  EXPECT_EQ(DiskFreeBytes("no/such/folder"), UINT64_MAX);
}

}  // namespace
}  // namespace swoosh
