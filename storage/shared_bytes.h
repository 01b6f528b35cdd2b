#ifndef SWOOSH_STORAGE_SHARED_BYTES_H_
#define SWOOSH_STORAGE_SHARED_BYTES_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace swoosh {

// What a disk writes whole or not at all, as far as anyone may rely on.
inline constexpr size_t kSectorBytes = 512;
// What the system's cache holds and marks clean together.
inline constexpr size_t kPageBytes = 4'096;

// The bytes of a file in memory, in pages that copies share until one of them writes: a copy costs
// O(1). Thread-compatible; copies may be used in different threads.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(const SharedBytes& other);
  SharedBytes& operator=(const SharedBytes& other);

  uint64_t size() const { return pages_ == nullptr ? 0 : pages_->size; }
  // As pread: the bytes read, fewer than asked for only at the end.
  size_t Read(uint64_t offset, absl::Span<char> buffer) const;
  // As pwrite: what lies between the end and `offset` is zero.
  void Write(uint64_t offset, absl::string_view bytes);
  // As ftruncate.
  void Resize(uint64_t size);

  // The sectors whose bytes differ, in order; what is beyond an end counts as zeros there. Quick
  // where both share their pages.
  std::vector<uint64_t> SectorsThatDiffer(const SharedBytes& other) const;
  // Writes the sector as `other` has it, as far as it lies within size().
  void TakeSector(uint64_t sector, const SharedBytes& other);

 private:
  struct Page {
    std::array<char, kPageBytes> bytes = {};
    // Held by more than one list, once: never written again.
    std::atomic<bool> shared{false};
  };
  struct Pages {
    uint64_t size = 0;
    std::vector<std::shared_ptr<Page>> pages;  // zeros behind `size`
    std::atomic<bool> shared{false};           // by more than one SharedBytes, likewise
  };

  // Makes what is returned this object's own.
  Pages& OwnPages();
  Page& OwnPage(size_t page);
  bool SharesPage(size_t page, const SharedBytes& other) const;

  std::shared_ptr<Pages> pages_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SHARED_BYTES_H_
