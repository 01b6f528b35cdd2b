#include "core/sha256_x86.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <endian.h>
#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace swoosh::sha256_x86 {
namespace {

// The functions with intrinsics are compiled for them, whatever the rest is compiled for.
#define SWOOSH_SHA __attribute__((target("sha,sse4.1")))
#define SWOOSH_SHA_INLINE SWOOSH_SHA inline __attribute__((always_inline))

constexpr size_t kBlockBytes = 64;

// FIPS 180-4, section 4.2.2.
alignas(16) constexpr uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The message in blocks, with its padding. Whole blocks of the body stay where they are.
class Blocks {
 public:
  explicit Blocks(const Sha256Job& job)
      : body_(job.body.data()),
        head_bytes_(job.head_bytes),
        whole_((head_bytes_ + job.body.size()) / kBlockBytes) {
    const size_t rest = (head_bytes_ + job.body.size()) % kBlockBytes;
    count_ = whole_ + (rest + 1 + sizeof(uint64_t) + kBlockBytes - 1) / kBlockBytes;
    if (whole_ > 0) {
      std::memcpy(first_, job.head.data(), head_bytes_);
      std::memcpy(first_ + head_bytes_, body_, kBlockBytes - head_bytes_);
      std::memcpy(last_, body_ + job.body.size() - rest, rest);
    } else {
      std::memcpy(last_, job.head.data(), head_bytes_);
      std::copy(job.body.begin(), job.body.end(), last_ + head_bytes_);
    }
    const size_t end = (count_ - whole_) * kBlockBytes;
    std::memset(last_ + rest, 0, end - rest);
    last_[rest] = static_cast<char>(0x80);
    const uint64_t bits = htobe64((head_bytes_ + job.body.size()) * 8);
    std::memcpy(last_ + end - sizeof(bits), &bits, sizeof(bits));
  }

  size_t count() const { return count_; }
  const char* At(size_t i) const {
    if (i >= whole_) return last_ + (i - whole_) * kBlockBytes;
    return i == 0 ? first_ : body_ + i * kBlockBytes - head_bytes_;
  }

 private:
  const char* const body_;
  const size_t head_bytes_;
  const size_t whole_;  // blocks without padding
  size_t count_;
  char first_[kBlockBytes];
  char last_[2 * kBlockBytes];
};

// The chaining value, in the order of words that the instructions want.
struct Chain {
  __m128i abef;
  __m128i cdgh;
};

// A block on its way through the rounds.
struct Lane {
  __m128i words[4];  // the message schedule's next 16
  Chain chain;
};

SWOOSH_SHA_INLINE __m128i ReverseBytesOfWords(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

SWOOSH_SHA_INLINE void Load(const char* block, const Chain& chain, Lane* lane) {
  for (int i = 0; i < 4; ++i) {
    lane->words[i] =
        ReverseBytesOfWords(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + i));
  }
  lane->chain = chain;
}

// Rounds 4 * kStep to 4 * kStep + 3, and the schedule's words for those 16 rounds later.
template <int kStep>
SWOOSH_SHA_INLINE void FourRounds(Lane* lane) {
  __m128i& words = lane->words[kStep % 4];
  const __m128i& next = lane->words[(kStep + 1) % 4];
  const __m128i& after_next = lane->words[(kStep + 2) % 4];
  const __m128i& last = lane->words[(kStep + 3) % 4];
  const __m128i keyed = _mm_add_epi32(
      words, _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants) + kStep));
  Chain& chain = lane->chain;
  chain.cdgh = _mm_sha256rnds2_epu32(chain.cdgh, chain.abef, keyed);
  chain.abef = _mm_sha256rnds2_epu32(chain.abef, chain.cdgh, _mm_shuffle_epi32(keyed, 0x0e));
  if constexpr (kStep < 12) {
    const __m128i sum =
        _mm_add_epi32(_mm_sha256msg1_epu32(words, next), _mm_alignr_epi8(last, after_next, 4));
    words = _mm_sha256msg2_epu32(sum, last);
  }
}

// The rest of the rounds from `kStep` on, of all lanes in turn.
template <int kStep, typename... Lanes>
SWOOSH_SHA_INLINE void RoundsFrom(Lanes*... lanes) {
  if constexpr (kStep < 16) {
    (FourRounds<kStep>(lanes), ...);
    RoundsFrom<kStep + 1>(lanes...);
  }
}

SWOOSH_SHA_INLINE void Add(const Chain& rounds, Chain* chain) {
  chain->abef = _mm_add_epi32(chain->abef, rounds.abef);
  chain->cdgh = _mm_add_epi32(chain->cdgh, rounds.cdgh);
}

SWOOSH_SHA void Compress(const char* block, Chain* chain) {
  Lane lane;
  Load(block, *chain, &lane);
  RoundsFrom<0>(&lane);
  Add(lane.chain, chain);
}

SWOOSH_SHA void CompressTwo(const char* block_a, Chain* chain_a, const char* block_b,
                            Chain* chain_b) {
  Lane a;
  Lane b;
  Load(block_a, *chain_a, &a);
  Load(block_b, *chain_b, &b);
  RoundsFrom<0>(&a, &b);
  Add(a.chain, chain_a);
  Add(b.chain, chain_b);
}

// FIPS 180-4, section 5.3.3.
SWOOSH_SHA Chain InitialChain() {
  return {_mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f,
                        static_cast<int>(0x9b05688c)),
          _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19)};
}

SWOOSH_SHA void Store(const Chain& chain, Digest* digest) {
  constexpr int kReverseWords = 0x1b;
  const __m128i abcd = _mm_shuffle_epi32(_mm_unpackhi_epi64(chain.cdgh, chain.abef), kReverseWords);
  const __m128i efgh = _mm_shuffle_epi32(_mm_unpacklo_epi64(chain.cdgh, chain.abef), kReverseWords);
  auto* const words = reinterpret_cast<__m128i*>(digest->data());
  _mm_storeu_si128(words, ReverseBytesOfWords(abcd));
  _mm_storeu_si128(words + 1, ReverseBytesOfWords(efgh));
}

SWOOSH_SHA void Finish(const Blocks& blocks, size_t done, Chain chain, Digest* digest) {
  for (size_t i = done; i < blocks.count(); ++i) Compress(blocks.At(i), &chain);
  Store(chain, digest);
}

}  // namespace

bool IsSupported() {
  constexpr unsigned kShaBit = 1u << 29;    // of leaf 7's ebx
  constexpr unsigned kSse41Bit = 1u << 19;  // of leaf 1's ecx
  static const bool supported = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSse41Bit) == 0) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kShaBit) != 0;
  }();
  return supported;
}

void Hash(const Sha256Job& job) { Finish(Blocks(job), 0, InitialChain(), job.digest); }

SWOOSH_SHA void HashTwo(const Sha256Job& a, const Sha256Job& b) {
  const Blocks blocks_a(a);
  const Blocks blocks_b(b);
  Chain chain_a = InitialChain();
  Chain chain_b = chain_a;
  const size_t shared = std::min(blocks_a.count(), blocks_b.count());
  for (size_t i = 0; i < shared; ++i) {
    CompressTwo(blocks_a.At(i), &chain_a, blocks_b.At(i), &chain_b);
  }
  Finish(blocks_a, shared, chain_a, a.digest);
  Finish(blocks_b, shared, chain_b, b.digest);
}

}  // namespace swoosh::sha256_x86

#else

namespace swoosh::sha256_x86 {

bool IsSupported() { return false; }
void Hash(const Sha256Job&) {}
void HashTwo(const Sha256Job&, const Sha256Job&) {}

}  // namespace swoosh::sha256_x86

#endif
