#include "storage/history_id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "storage/big_endian.h"
#include "storage/crc32c.h"

namespace swoosh {
namespace {

constexpr size_t kMagicBytes = sizeof(kHistoryFileMagic) - 1;
constexpr size_t kVersionAt = kMagicBytes;
constexpr size_t kChecksumKindAt = kVersionAt + 4;
constexpr size_t kCompleteAt = kChecksumKindAt + 4;
constexpr size_t kHistoryIdAt = kCompleteAt + 4;
constexpr size_t kOriginIdAt = kHistoryIdAt + kHistoryIdBytes;
constexpr size_t kChecksumBytes = 4;
static_assert(kOriginIdAt + kHistoryIdBytes + kChecksumBytes == kHistoryFileBytes);
static_assert(kOriginIdAt + kChecksumBytes == kHistoryFileVersion1Bytes);

// How far the making of the store came.
enum Stage : uint32_t { kBeingMade = 0, kComplete = 1, kBeingRestored = 2, kBeingRepaired = 3 };

}  // namespace

absl::StatusOr<std::string> MakeHistoryId() {
  std::array<char, kHistoryIdBytes / 2> random;
  // At most 256 bytes are never delivered in part.
  ssize_t size = ::getrandom(random.data(), random.size(), 0);
  while (size < 0 && errno == EINTR) size = ::getrandom(random.data(), random.size(), 0);
  if (size != static_cast<ssize_t>(random.size())) {
    return absl::UnavailableError("the kernel gave no random numbers for a history id");
  }
  return absl::BytesToHexString(absl::string_view(random.data(), random.size()));
}

bool IsHistoryId(absl::string_view text) {
  return text.size() == kHistoryIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status WriteHistoryFile(FileSystem* file_system, const std::string& path,
                              const HistoryFile& content) {
  SWOOSH_CHECK(IsHistoryId(content.history_id));
  std::string bytes = kHistoryFileMagic;
  AppendBigEndian(kHistoryFileVersion, &bytes);
  AppendBigEndian(kChecksumKindCrc32c, &bytes);
  const Stage unfinished = content.being_repaired   ? kBeingRepaired
                           : content.being_restored ? kBeingRestored
                                                    : kBeingMade;
  AppendBigEndian(uint32_t{content.store_complete ? kComplete : unfinished}, &bytes);
  bytes += content.history_id;
  const std::string& origin_id = content.origin_id.empty() ? content.history_id : content.origin_id;
  SWOOSH_CHECK(IsHistoryId(origin_id));
  bytes += origin_id;
  AppendBigEndian(Crc32c(bytes), &bytes);
  return ReplaceFile(file_system, path, bytes);
}

absl::StatusOr<HistoryFile> ReadHistoryFile(FileSystem* file_system, const std::string& path) {
  const absl::StatusOr<std::string> read = ReadWholeFile(file_system, path, kHistoryFileBytes);
  if (!read.ok()) return read.status();
  const absl::string_view bytes = *read;
  const auto damaged = [&path](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(path, ": ", what));
  };
  if (bytes.size() != kHistoryFileBytes && bytes.size() != kHistoryFileVersion1Bytes) {
    return damaged(absl::StrCat("has ", bytes.size(), " bytes instead of ", kHistoryFileBytes));
  }
  if (bytes.substr(0, kMagicBytes) != kHistoryFileMagic) return damaged("is no history id file");
  const bool version_1 = bytes.size() == kHistoryFileVersion1Bytes;
  if (ReadBigEndian<uint32_t>(bytes.substr(kVersionAt)) !=
          (version_1 ? kHistoryFileVersion1 : kHistoryFileVersion) ||
      ReadBigEndian<uint32_t>(bytes.substr(kChecksumKindAt)) != kChecksumKindCrc32c) {
    return damaged("has an unknown format version or checksum kind");
  }
  const size_t checksum_at = bytes.size() - kChecksumBytes;
  if (ReadBigEndian<uint32_t>(bytes.substr(checksum_at)) != Crc32c(bytes.substr(0, checksum_at))) {
    return damaged("checksum mismatch");
  }
  HistoryFile content;
  const uint32_t stage = ReadBigEndian<uint32_t>(bytes.substr(kCompleteAt));
  content.store_complete = stage == kComplete;
  content.being_restored = stage == kBeingRestored;
  content.being_repaired = stage == kBeingRepaired;
  if (stage > kBeingRepaired) return damaged("is of no stage that this binary knows");
  content.history_id = std::string(bytes.substr(kHistoryIdAt, kHistoryIdBytes));
  content.origin_id =
      version_1 ? content.history_id : std::string(bytes.substr(kOriginIdAt, kHistoryIdBytes));
  if (!IsHistoryId(content.history_id) || !IsHistoryId(content.origin_id)) {
    return damaged("holds no history id");
  }
  return content;
}

}  // namespace swoosh
