#include "core/sha256.h"

#include <string>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

// FIPS 180-4's own examples, from NIST's "Cryptographic Standards and Guidelines" page.
TEST(Sha256Test, GivesThePublishedDigests) {
  EXPECT_EQ(ToHex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(ToHex(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, OfPartsIsThatOfTheWhole) {
  const std::string bytes(200, 'x');
  const absl::string_view whole(bytes);
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(Sha256({whole.substr(0, cut), "", whole.substr(cut)}), Sha256(whole)) << cut;
  }
  EXPECT_EQ(Sha256({}), Sha256(""));
}

}  // namespace
}  // namespace swoosh
