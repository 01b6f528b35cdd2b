#include "core/sha256.h"

#include <algorithm>
#include <string>
#include <vector>

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

// Every size up to some blocks, next to one of every other kind of tail, with every size of head.
TEST(Sha256Test, OfManyAtOnceIsThatOfEach) {
  std::string bytes;
  for (size_t i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(i * 151 + i / 7));
  const absl::string_view whole(bytes);
  std::vector<Sha256Job> jobs;
  for (size_t size = 0; size <= whole.size(); ++size) {
    for (const size_t other : {size, whole.size() - size, size_t{55}, size_t{56}, size_t{64}}) {
      Sha256Job& job = jobs.emplace_back();
      job.head_bytes = (size + other) % (Sha256Job::kHeadBytesMax + 1);
      std::copy_n("\x01headers", job.head_bytes, job.head.begin());
      job.body = whole.substr(0, jobs.size() % 2 == 0 ? other : size);
    }
  }
  std::vector<Digest> digests(jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].digest = &digests[i];
  for (const size_t count : {jobs.size(), size_t{1}, size_t{0}}) {
    std::fill(digests.begin(), digests.end(), Digest());
    Sha256All(absl::MakeSpan(jobs).subspan(0, count));
    for (size_t i = 0; i < count; ++i) {
      const Sha256Job& job = jobs[i];
      EXPECT_EQ(ToHex(digests[i]), ToHex(Sha256({{job.head.data(), job.head_bytes}, job.body})))
          << job.head_bytes << " and " << job.body.size() << " bytes";
    }
  }
}

}  // namespace
}  // namespace swoosh
