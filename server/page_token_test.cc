#include "server/page_token.h"

#include "core/errors.h"
#include "gtest/gtest.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

TEST(PageTokenTest, APositionSurvives) {
  v1::ListInstancesRequest request;
  request.set_machine("order");
  const PagePosition position{0x0123456789abcdef, std::string("a\0b\xff", 4)};
  const auto decoded = DecodePageToken(request, EncodePageToken(request, position));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->index, position.index);
  EXPECT_EQ(decoded->key, position.key);
}

TEST(PageTokenTest, OnlyPageSizeAndTokenMayChange) {
  v1::ListInstancesRequest request;
  request.set_machine("order");
  const std::string token = EncodePageToken(request, {7, "k"});
  request.set_page_token(token);
  request.set_page_size(17);
  EXPECT_TRUE(DecodePageToken(request, token).ok());
  request.set_machine("other");
  EXPECT_EQ(DecodePageToken(request, token).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PageTokenTest, ATokenOfAnotherListOrNoneIsRefused) {
  const std::string token = EncodePageToken(v1::ListInstancesRequest(), {7, "k"});
  const v1::ListMachinesRequest request;
  for (const std::string& bad : {token, std::string("%%"), std::string("AAAA"), token + "="}) {
    const auto decoded = DecodePageToken(request, bad);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(ReasonOf(decoded.status()), v1::INVALID_FIELD);
  }
}

}  // namespace
}  // namespace swoosh
