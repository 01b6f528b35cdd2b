#include "server/disk_space.h"

#include "absl/strings/match.h"
#include "core/errors.h"
#include "gtest/gtest.h"

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

TEST(DiskSpace, TellsWhatIsFree) {
  EXPECT_GT(DiskFreeBytes("."), 0u);
  EXPECT_LT(DiskFreeBytes("."), UINT64_MAX);
  EXPECT_EQ(DiskFreeBytes("no/such/folder"), UINT64_MAX);
}

}  // namespace
}  // namespace swoosh
