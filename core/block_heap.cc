#include "core/block_heap.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <utility>

#include "absl/numeric/bits.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr std::align_val_t kChunkAlignment{BlockHeap::kChunkBytes};  // a multiple of huge pages
constexpr size_t kCacheLineBytes = 64;

// A block that will be written soon.
void PrefetchToWrite(const void* block, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kCacheLineBytes) {
    __builtin_prefetch(static_cast<const char*>(block) + at, 1);
  }
}

}  // namespace

void BlockHeap::RunList::Add(Run* run) {
  run->previous = nullptr;
  run->next = first;
  if (first != nullptr) first->previous = run;
  first = run;
}

void BlockHeap::RunList::Remove(Run* run) {
  (run->previous != nullptr ? run->previous->next : first) = run->next;
  if (run->next != nullptr) run->next->previous = run->previous;
}

BlockHeap::SizeClass BlockHeap::ClassOf(size_t bytes) {
  if (bytes <= kSmallBytesMax) {
    const size_t index = (bytes - 1) / kSmallStepBytes;
    return {index, static_cast<uint32_t>((index + 1) * kSmallStepBytes)};
  }
  // The four highest bits of bytes - 1: the doubling, and the eighth within it.
  const int shift = absl::bit_width(bytes - 1) - 4;
  const size_t eighths = (bytes - 1) >> shift;  // kClassesPerDoubling and more, below twice that
  constexpr int kFirstShift = absl::bit_width(kSmallBytesMax) - 4;
  return {kSmallBytesMax / kSmallStepBytes +
              static_cast<size_t>(shift - kFirstShift) * kClassesPerDoubling + eighths -
              kClassesPerDoubling,
          static_cast<uint32_t>((eighths + 1) << shift)};
}

BlockHeap::~BlockHeap() { SWOOSH_CHECK(bytes_allocated_ == 0); }

void* BlockHeap::Allocate(size_t bytes) {
  if (bytes > kBlockBytesMax) {
    bytes_allocated_ += bytes;
    return ::operator new(bytes);
  }
  const SizeClass size_class = ClassOf(bytes);
  bytes_allocated_ += size_class.block_bytes;
  RunList& with_room = with_room_[size_class.index];
  if (with_room.first == nullptr) with_room.Add(NewRun(size_class.block_bytes));
  Run* const run = with_room.first;
  ++run->used_count;
  void* block = nullptr;
  if (run->freed != nullptr) {
    block = run->freed;
    ASAN_UNPOISON_MEMORY_REGION(block, run->block_bytes);
    run->freed = run->freed->next;
    // A block that was freed long ago is in no cache, and the next one of the class goes there.
    if (run->freed != nullptr) PrefetchToWrite(run->freed, run->block_bytes);
  } else {
    block = std::exchange(run->fresh, run->fresh + run->block_bytes);
    ASAN_UNPOISON_MEMORY_REGION(block, run->block_bytes);
  }
  if (run->is_full()) with_room.Remove(run);
  return block;
}

void BlockHeap::Free(void* block, size_t bytes) {
  if (bytes > kBlockBytesMax) {
    bytes_allocated_ -= bytes;
    return ::operator delete(block);
  }
  const SizeClass size_class = ClassOf(bytes);
  bytes_allocated_ -= size_class.block_bytes;
  RunList& with_room = with_room_[size_class.index];
  Run* const run = RunOf(block);
  SWOOSH_CHECK(run->block_bytes == size_class.block_bytes);
  if (run->is_full()) with_room.Add(run);
  run->freed = new (block) FreeBlock{run->freed};
  ASAN_POISON_MEMORY_REGION(block, run->block_bytes);
  if (--run->used_count > 0) return;
  with_room.Remove(run);
  empty_.Add(run);
}

BlockHeap::Run* BlockHeap::RunOf(void* block) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  const size_t offset = address % kChunkBytes;
  return reinterpret_cast<Run*>(address - offset) + offset / kRunBytes;
}

BlockHeap::Run* BlockHeap::NewRun(uint32_t block_bytes) {
  Run* run = empty_.first;
  if (run != nullptr) {
    empty_.Remove(run);
  } else {
    if (next_run_ == kRunsPerChunk) AddChunk();
    char* const chunk = chunks_.back().get();
    run = new (chunk + next_run_ * sizeof(Run)) Run;
    run->end = chunk + ++next_run_ * kRunBytes;
  }
  char* const begin = run->end - kRunBytes;
  ASAN_POISON_MEMORY_REGION(begin, kRunBytes);
  *run = {nullptr, begin, run->end, nullptr, nullptr, block_bytes, 0};
  return run;
}

void BlockHeap::AddChunk() {
  char* const chunk = static_cast<char*>(::operator new(kChunkBytes, kChunkAlignment));
  // Only a hint, so its result is of no interest. A small heap is better off without.
  if (!chunks_.empty()) madvise(chunk, kChunkBytes, MADV_HUGEPAGE);
  chunks_.emplace_back(chunk);
  next_run_ = kRunsTakenByRuns;
}

void BlockHeap::ChunkDeleter::operator()(char* chunk) const {
  ASAN_UNPOISON_MEMORY_REGION(chunk, kChunkBytes);
  ::operator delete(chunk, kChunkAlignment);
}

}  // namespace swoosh
