#include "server/serving.h"

#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(ServingTest, RequestsAreTakenOnlyBetweenRecoveryAndDrain) {
  Serving serving(absl::UnixEpoch());
  EXPECT_EQ(ReasonOf(serving.Admit().status()), v1::RECOVERING);
  EXPECT_EQ(serving.Admit().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(serving.ready());

  const Backend backend;
  serving.Begin(&backend);
  ASSERT_TRUE(serving.Admit().ok());
  EXPECT_EQ(*serving.Admit(), &backend);
  EXPECT_TRUE(serving.ready());

  serving.Drain();
  EXPECT_EQ(ReasonOf(serving.Admit().status()), v1::DRAINING);
  EXPECT_FALSE(serving.ready());
}

TEST(ServingTest, ADrainDuringTheRecoveryIsToldAsSuch) {
  Serving serving(absl::UnixEpoch());
  serving.Drain();
  EXPECT_EQ(ReasonOf(serving.Admit().status()), v1::DRAINING);
}

}  // namespace
}  // namespace swoosh
