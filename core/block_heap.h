#ifndef SWOOSH_CORE_BLOCK_HEAP_H_
#define SWOOSH_CORE_BLOCK_HEAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace swoosh {

// Memory in blocks of many sizes, for one thread. What the state tree needs and malloc lacks: no
// call takes long, however much was freed before (glibc's merges free blocks by the million at
// once); no header a block; and huge pages, since a large tree is read all over.
//
// Sizes are rounded up to classes, by an eighth at most (16 bytes for small ones). A class takes
// memory in runs of kRunBytes; a run whose blocks were all freed serves any class. What is known of
// the runs of a chunk stands together at its beginning: at the beginnings of the runs, a power of
// two apart, few of them would fit in the processor's caches at once. Memory goes back to the
// system with the heap, not before. Blocks above kBlockBytesMax are left to operator new.
class BlockHeap {
 public:
  static constexpr size_t kBlockBytesMax = 8'192;
  static constexpr size_t kRunBytes = 65'536;
  static constexpr size_t kChunkBytes = 16 * 1'048'576;  // what is asked of the system

  BlockHeap() = default;
  // Requires that every block was freed.
  ~BlockHeap();
  BlockHeap(const BlockHeap&) = delete;
  BlockHeap& operator=(const BlockHeap&) = delete;

  // Aligned to 16 bytes. Requires bytes > 0.
  void* Allocate(size_t bytes);
  // `bytes` as they were allocated.
  void Free(void* block, size_t bytes);

  // In blocks that are not freed, with what was added by rounding up.
  size_t bytes_allocated() const { return bytes_allocated_; }
  // What was asked of the system, blocks above kBlockBytesMax apart.
  size_t bytes_reserved() const { return chunks_.size() * kChunkBytes; }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };

  // What is known of a run: the Run at position i of a chunk is of the i-th kRunBytes of it. Chunks
  // are aligned to their size, so that each block leads to its Run.
  struct alignas(64) Run {
    FreeBlock* freed;  // blocks that were freed
    char* fresh;       // the blocks from here on were never used
    char* end;
    Run* previous;  // in the list of the class, or of empty runs
    Run* next;
    uint32_t block_bytes;
    uint32_t used_count;

    bool is_full() const { return freed == nullptr && fresh + block_bytes > end; }
  };
  static constexpr size_t kRunsPerChunk = kChunkBytes / kRunBytes;
  // The first of a chunk's runs give their place to its Runs.
  static constexpr size_t kRunsTakenByRuns =
      (kRunsPerChunk * sizeof(Run) + kRunBytes - 1) / kRunBytes;

  // Doubly linked through the runs; the newest is first.
  struct RunList {
    Run* first = nullptr;
    void Add(Run* run);
    void Remove(Run* run);
  };

  struct ChunkDeleter {
    void operator()(char* chunk) const;
  };

  static constexpr size_t kSmallStepBytes = 16;
  static constexpr size_t kSmallBytesMax = 256;     // up to here a class each kSmallStepBytes
  static constexpr size_t kClassesPerDoubling = 8;  // above
  static constexpr size_t kClassCount =
      kSmallBytesMax / kSmallStepBytes + 5 * kClassesPerDoubling;  // 2^5 * 256 = kBlockBytesMax

  struct SizeClass {
    size_t index;
    uint32_t block_bytes;
  };
  static SizeClass ClassOf(size_t bytes);

  static Run* RunOf(void* block);
  Run* NewRun(uint32_t block_bytes);
  void AddChunk();

  std::array<RunList, kClassCount> with_room_;  // by class: its runs that are not full
  RunList empty_;                               // runs of no class
  std::vector<std::unique_ptr<char, ChunkDeleter>> chunks_;
  size_t next_run_ = kRunsPerChunk;  // the last chunk's runs from here on were never used
  size_t bytes_allocated_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_BLOCK_HEAP_H_
