#include "storage/log_file_scan.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "storage/crc32c.h"
#include "storage/leveldb_coding.h"

namespace swoosh {
namespace {

constexpr size_t kBlockBytes = 32'768;
constexpr size_t kHeaderBytes = 7;  // checksum, length, type
constexpr size_t kLengthAt = 4;
constexpr size_t kTypeAt = 6;
constexpr uint32_t kChecksumMaskDelta = 0xa282ead8;

enum FragmentType : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - kChecksumMaskDelta;
  return rotated >> 17 | rotated << 15;
}

struct Fragment {
  FragmentType type = kZero;     // none
  absl::string_view content;     // of a type, though the checksum may be wrong
  const char* damage = nullptr;  // nullptr: it is whole
};

// The fragment at the front of what is left of a block: at least a header.
Fragment ParseFragment(absl::string_view rest) {
  Fragment fragment;
  const size_t length = ReadLittleEndian<uint16_t>(rest.substr(kLengthAt));
  const auto type = static_cast<uint8_t>(rest[kTypeAt]);
  if (type == kZero && length == 0) {
    fragment.damage = "zeros where a fragment should begin";
  } else if (type == kZero || type > kLast) {
    fragment.damage = "a fragment of no known type";
  } else if (kHeaderBytes + length > rest.size()) {
    fragment.damage = "a fragment longer than what is left of its block";
  } else {
    fragment.type = static_cast<FragmentType>(type);
    fragment.content = rest.substr(kHeaderBytes, length);
    const uint32_t checksum = Unmask(ReadLittleEndian<uint32_t>(rest));
    if (checksum != Crc32c(rest.substr(kTypeAt, 1 + length))) {
      fragment.damage = "a fragment whose checksum is wrong";
    }
  }
  return fragment;
}

class Scanner {
 public:
  explicit Scanner(LogEntryVisitor visit) : visit_(visit) {}

  absl::StatusOr<LogFileScan> Run(const ReadableFile& file);

 private:
  void ReadBlock(uint64_t offset, absl::string_view block);
  // False after the first bad one.
  bool Take(uint64_t offset, const Fragment& fragment);
  bool EndEntry(absl::string_view content);
  void Search(uint64_t offset, absl::string_view block);
  bool Damaged(uint64_t offset, absl::string_view damage);

  const LogEntryVisitor visit_;
  LogFileScan scan_;
  bool inside_ = false;       // of an entry that has begun and not ended
  uint64_t entry_begin_ = 0;  // of the last one that began
  std::string entry_;
};

absl::StatusOr<LogFileScan> Scanner::Run(const ReadableFile& file) {
  std::string buffer(kBlockBytes, '\0');
  while (true) {
    const uint64_t offset = scan_.size_bytes;
    const absl::StatusOr<size_t> read = file.ReadAt(offset, absl::MakeSpan(buffer));
    if (!read.ok()) return read.status();
    const absl::string_view block = absl::string_view(buffer).substr(0, *read);
    scan_.size_bytes += block.size();
    if (scan_.sound()) {
      ReadBlock(offset, block);
    } else {
      Search(offset, block);
    }
    if (block.size() < kBlockBytes || scan_.intact_beyond.has_value()) break;
  }
  if (scan_.sound()) {
    if (inside_) {
      Damaged(scan_.size_bytes, "the end of the file inside of an entry");
    } else {
      scan_.sound_bytes = scan_.size_bytes;
    }
  }
  return std::move(scan_);
}

void Scanner::ReadBlock(uint64_t offset, absl::string_view block) {
  size_t at = 0;
  // What is left of a block and too short for a header is filled up.
  while (at < block.size() && kBlockBytes - at >= kHeaderBytes) {
    const absl::string_view rest = block.substr(at);
    if (rest.size() < kHeaderBytes) {
      if (!inside_) entry_begin_ = offset + at;
      Damaged(offset + at, "the end of the file inside of a fragment's header");
      return;
    }
    const Fragment fragment = ParseFragment(rest);
    if (!Take(offset + at, fragment)) {
      if (!scan_.intact_beyond.has_value()) Search(offset + at + 1, rest.substr(1));
      return;
    }
    at += kHeaderBytes + fragment.content.size();
  }
}

bool Scanner::Take(uint64_t offset, const Fragment& fragment) {
  const bool whole = fragment.damage == nullptr;
  const bool begins = whole && (fragment.type == kFull || fragment.type == kFirst);
  if (!whole || begins == inside_) {
    // An entry that begins before the one before it has ended is itself what lies beyond.
    if (begins) scan_.intact_beyond = offset;
    if (!inside_) entry_begin_ = offset;
    return Damaged(offset,
                   whole ? "a fragment that does not follow the one before it" : fragment.damage);
  }
  if (begins) {
    entry_begin_ = offset;
    entry_.clear();
  }
  inside_ = fragment.type == kFirst || fragment.type == kMiddle;
  if (fragment.type == kFull) return EndEntry(fragment.content);
  entry_.append(fragment.content.data(), fragment.content.size());
  return inside_ || EndEntry(entry_);
}

bool Scanner::EndEntry(absl::string_view content) {
  const std::string trouble = visit_(entry_begin_, content);
  if (trouble.empty()) return true;
  scan_.intact_beyond = entry_begin_;
  return Damaged(entry_begin_, trouble);
}

void Scanner::Search(uint64_t offset, absl::string_view block) {
  for (size_t at = 0; at + kHeaderBytes <= block.size(); ++at) {
    const auto type = static_cast<uint8_t>(block[at + kTypeAt]);
    if (type != kFull && type != kFirst) continue;
    if (ParseFragment(block.substr(at)).damage != nullptr) continue;
    scan_.intact_beyond = offset + at;
    return;
  }
}

bool Scanner::Damaged(uint64_t offset, absl::string_view damage) {
  scan_.damaged_at = offset;
  scan_.damage = std::string(damage);
  scan_.sound_bytes = entry_begin_;
  return false;
}

}  // namespace

absl::StatusOr<LogFileScan> ScanLogFile(FileSystem* file_system, const std::string& path,
                                        LogEntryVisitor visit) {
  const absl::StatusOr<std::unique_ptr<ReadableFile>> file = file_system->OpenToRead(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = file_system->Size(path);
  if (!size.ok()) return size.status();
  absl::StatusOr<LogFileScan> scan = Scanner(visit).Run(**file);
  if (scan.ok()) {
    // The search ends at the first find.
    if (scan->sound() && scan->size_bytes != *size) {
      return absl::UnavailableError(
          absl::StrCat(path, " has ", *size, " bytes, but ", scan->size_bytes, " can be read"));
    }
    scan->size_bytes = *size;
  }
  return scan;
}

absl::Status ReadIntactEntries(FileSystem* file_system, const std::string& path,
                               absl::FunctionRef<void(absl::string_view content)> visit) {
  const absl::StatusOr<std::unique_ptr<ReadableFile>> file = file_system->OpenToRead(path);
  if (!file.ok()) return file.status();
  std::string buffer(kBlockBytes, '\0');
  std::string entry;
  bool inside = false;
  for (uint64_t offset = 0;; offset += kBlockBytes) {
    const absl::StatusOr<size_t> read = (*file)->ReadAt(offset, absl::MakeSpan(buffer));
    if (!read.ok()) return read.status();
    absl::string_view rest = absl::string_view(buffer).substr(0, *read);
    while (rest.size() >= kHeaderBytes) {
      const Fragment fragment = ParseFragment(rest);
      if (fragment.damage != nullptr) inside = false;
      if (fragment.type == kZero) break;
      rest.remove_prefix(kHeaderBytes + fragment.content.size());
      if (fragment.damage != nullptr) continue;
      const bool begins = fragment.type == kFull || fragment.type == kFirst;
      if (!begins && !inside) continue;
      if (begins) entry.clear();
      entry.append(fragment.content.data(), fragment.content.size());
      inside = fragment.type == kFirst || fragment.type == kMiddle;
      if (!inside) visit(entry);
    }
    if (*read < kBlockBytes) return absl::OkStatus();
  }
}

}  // namespace swoosh
