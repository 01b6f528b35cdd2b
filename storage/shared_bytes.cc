#include "storage/shared_bytes.h"

#include <algorithm>
#include <cstring>

namespace swoosh {
namespace {

size_t PagesOf(uint64_t size) { return (size + kPageBytes - 1) / kPageBytes; }

}  // namespace

SharedBytes::SharedBytes(const SharedBytes& other) : pages_(other.pages_) {
  if (pages_ != nullptr) pages_->shared.store(true, std::memory_order_relaxed);
}

SharedBytes& SharedBytes::operator=(const SharedBytes& other) {
  if (this == &other) return *this;
  pages_ = other.pages_;
  if (pages_ != nullptr) pages_->shared.store(true, std::memory_order_relaxed);
  return *this;
}

SharedBytes::Pages& SharedBytes::OwnPages() {
  if (pages_ == nullptr) {
    pages_ = std::make_shared<Pages>();
  } else if (pages_->shared.load(std::memory_order_relaxed)) {
    auto own = std::make_shared<Pages>();
    own->size = pages_->size;
    own->pages = pages_->pages;
    for (const std::shared_ptr<Page>& page : own->pages) {
      page->shared.store(true, std::memory_order_relaxed);
    }
    pages_ = std::move(own);
  }
  return *pages_;
}

SharedBytes::Page& SharedBytes::OwnPage(size_t page) {
  std::shared_ptr<Page>& held = OwnPages().pages[page];
  if (held->shared.load(std::memory_order_relaxed)) {
    auto own = std::make_shared<Page>();
    own->bytes = held->bytes;
    held = std::move(own);
  }
  return *held;
}

size_t SharedBytes::Read(uint64_t offset, absl::Span<char> buffer) const {
  if (offset >= size()) return 0;
  const size_t count = std::min<uint64_t>(buffer.size(), size() - offset);
  for (size_t done = 0; done < count;) {
    const size_t at = (offset + done) % kPageBytes;
    const size_t part = std::min(count - done, kPageBytes - at);
    const Page& page = *pages_->pages[(offset + done) / kPageBytes];
    std::memcpy(buffer.data() + done, page.bytes.data() + at, part);
    done += part;
  }
  return count;
}

void SharedBytes::Write(uint64_t offset, absl::string_view bytes) {
  if (bytes.empty()) return;
  if (offset + bytes.size() > size()) Resize(offset + bytes.size());
  while (!bytes.empty()) {
    const size_t at = offset % kPageBytes;
    const size_t part = std::min(bytes.size(), kPageBytes - at);
    std::memcpy(OwnPage(offset / kPageBytes).bytes.data() + at, bytes.data(), part);
    bytes.remove_prefix(part);
    offset += part;
  }
}

void SharedBytes::Resize(uint64_t size) {
  Pages& own = OwnPages();
  const bool shrinks = size < own.size;
  const size_t pages_before = own.pages.size();
  own.size = size;
  own.pages.resize(PagesOf(size));
  for (size_t i = pages_before; i < own.pages.size(); ++i) own.pages[i] = std::make_shared<Page>();
  if (shrinks && size % kPageBytes != 0) {
    std::array<char, kPageBytes>& last = OwnPage(size / kPageBytes).bytes;
    std::fill(last.begin() + size % kPageBytes, last.end(), '\0');
  }
}

bool SharedBytes::SharesPage(size_t page, const SharedBytes& other) const {
  return pages_ != nullptr && other.pages_ != nullptr && page < pages_->pages.size() &&
         page < other.pages_->pages.size() && pages_->pages[page] == other.pages_->pages[page];
}

std::vector<uint64_t> SharedBytes::SectorsThatDiffer(const SharedBytes& other) const {
  std::vector<uint64_t> sectors;
  if (pages_ == other.pages_) return sectors;
  const size_t pages = PagesOf(std::max(size(), other.size()));
  for (size_t page = 0; page < pages; ++page) {
    if (SharesPage(page, other)) continue;
    for (size_t at = 0; at < kPageBytes; at += kSectorBytes) {
      std::array<char, kSectorBytes> mine = {};
      std::array<char, kSectorBytes> theirs = {};
      Read(page * kPageBytes + at, absl::MakeSpan(mine));
      other.Read(page * kPageBytes + at, absl::MakeSpan(theirs));
      if (mine != theirs) sectors.push_back((page * kPageBytes + at) / kSectorBytes);
    }
  }
  return sectors;
}

void SharedBytes::TakeSector(uint64_t sector, const SharedBytes& other) {
  const uint64_t offset = sector * kSectorBytes;
  if (offset >= size()) return;
  std::array<char, kSectorBytes> bytes = {};
  other.Read(offset, absl::MakeSpan(bytes));
  Write(offset,
        {bytes.data(), static_cast<size_t>(std::min<uint64_t>(bytes.size(), size() - offset))});
}

}  // namespace swoosh
