#include "core/block_heap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "core/seeded_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

struct Block {
  unsigned char* at;
  size_t bytes;
  unsigned char fill;
};

Block NewBlock(BlockHeap* heap, size_t bytes, unsigned char fill) {
  auto* const at = static_cast<unsigned char*>(heap->Allocate(bytes));
  std::memset(at, fill, bytes);
  return {at, bytes, fill};
}

bool IsIntact(const Block& block) {
  for (size_t i = 0; i < block.bytes; ++i) {
    if (block.at[i] != block.fill) return false;
  }
  return true;
}

TEST(BlockHeapTest, BlocksOfEverySizeAreAlignedAndApart) {
  BlockHeap heap;
  std::vector<Block> blocks;
  for (size_t bytes = 1; bytes <= BlockHeap::kBlockBytesMax + 100; ++bytes) {
    blocks.push_back(NewBlock(&heap, bytes, static_cast<unsigned char>(bytes)));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(blocks.back().at) % 16, 0u);
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(IsIntact(block)) << block.bytes;
    heap.Free(block.at, block.bytes);
  }
}

TEST(BlockHeapTest, BlocksStayIntactInRandomUse) {
  std::mt19937_64 random(TestSeed());
  BlockHeap heap;
  std::vector<Block> blocks;
  for (int step = 0; step < 200'000; ++step) {
    // Waves, so that runs fill up, empty and change their class.
    const bool growing = step / 20'000 % 2 == 0;
    if (blocks.empty() || random() % 100 < (growing ? 70 : 30)) {
      const size_t bytes = 1 + random() % (random() % 10 == 0 ? 10'000 : 700);
      blocks.push_back(NewBlock(&heap, bytes, static_cast<unsigned char>(random())));
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_TRUE(IsIntact(blocks.back()));
      heap.Free(blocks.back().at, blocks.back().bytes);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(IsIntact(block));
    heap.Free(block.at, block.bytes);
  }
}

TEST(BlockHeapTest, MemoryOfOneSizeServesAnotherOnceItIsFree) {
  BlockHeap heap;
  size_t reserved = 0;
  for (size_t bytes : {16, 100, 200, 656, 3'000, 8'192, 48}) {
    std::vector<void*> blocks;
    for (size_t total = 0; total < 2 * BlockHeap::kChunkBytes; total += bytes) {
      blocks.push_back(heap.Allocate(bytes));
    }
    if (reserved == 0) reserved = heap.bytes_reserved();
    for (void* block : blocks) heap.Free(block, bytes);
  }
  // Sizes leave a little unused at the end of a run: one chunk more at most.
  EXPECT_LE(heap.bytes_reserved(), reserved + BlockHeap::kChunkBytes);
}

TEST(BlockHeapTest, AtMostAnEighthAndAnAlignmentIsLostToRounding) {
  for (size_t bytes : {16, 24, 57, 96, 250, 257, 300, 513, 656, 1'025, 4'097}) {
    BlockHeap heap;
    char* const first = static_cast<char*>(heap.Allocate(bytes));
    char* const second = static_cast<char*>(heap.Allocate(bytes));
    const auto block_bytes = static_cast<size_t>(second - first);
    EXPECT_EQ(heap.bytes_allocated(), 2 * block_bytes);
    EXPECT_GE(block_bytes, bytes);
    EXPECT_LE(block_bytes, bytes + std::max<size_t>(15, bytes / 8)) << bytes;
    heap.Free(first, bytes);
    heap.Free(second, bytes);
  }
}

}  // namespace
}  // namespace swoosh
