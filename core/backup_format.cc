#include "core/backup_format.h"

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr size_t kMagicBytes = sizeof(kBackupMagic) - 1;
constexpr size_t kFrameMagicBytes = sizeof(kBackupFrameMagic) - 1;
constexpr size_t kNumberBytes = 4;
static_assert(kMagicBytes + 2 * kNumberBytes == kBackupPreambleBytes);
static_assert(kFrameMagicBytes + 2 * kNumberBytes == kBackupFrameHeaderBytes);

// Most significant byte first.
void AppendNumber(uint32_t number, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

uint32_t ReadNumber(absl::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

std::string Preamble() {
  std::string bytes = kBackupMagic;
  AppendNumber(kBackupVersion, &bytes);
  AppendNumber(kBackupChecksumKindSha256Chain, &bytes);
  return bytes;
}

}  // namespace

std::string BackupEncoder::Encode(BackupFrame kind, absl::string_view payload) {
  SWOOSH_CHECK(payload.size() <= kBackupFrameBytesMax);
  std::string bytes;
  if (!begun_) {
    bytes = Preamble();
    digest_ = Sha256(bytes);
    begun_ = true;
  }
  std::string header = kBackupFrameMagic;
  AppendNumber(static_cast<uint32_t>(kind), &header);
  AppendNumber(static_cast<uint32_t>(payload.size()), &header);
  digest_ = Sha256({AsBytes(digest_), header, payload});
  absl::StrAppend(&bytes, header, payload, AsBytes(digest_));
  return bytes;
}

absl::Status BackupParser::Damaged(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat("at byte ", offset_, ": ", what));
}

absl::Status BackupParser::Push(absl::string_view bytes, Visitor visit) {
  absl::StrAppend(&waiting_, bytes);
  if (offset_ == 0) {
    if (waiting_.size() < kBackupPreambleBytes) return absl::OkStatus();
    if (absl::Status status = TakePreamble(); !status.ok()) return status;
  }
  for (bool more = true; more;) {
    if (absl::Status status = TakeFrame(visit, &more); !status.ok()) return status;
  }
  waiting_.erase(0, taken_);
  taken_ = 0;
  return absl::OkStatus();
}

absl::Status BackupParser::TakePreamble() {
  const absl::string_view preamble = absl::string_view(waiting_).substr(0, kBackupPreambleBytes);
  if (preamble.substr(0, kMagicBytes) != kBackupMagic) return Damaged("this is no backup");
  const uint32_t version = ReadNumber(preamble.substr(kMagicBytes));
  if (preamble != Preamble()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the backup has format version ", version, " and checksum kind ",
                     ReadNumber(preamble.substr(kMagicBytes + kNumberBytes)),
                     ", which this program does not know: use a newer one"));
  }
  digest_ = Sha256(preamble);
  taken_ = offset_ = kBackupPreambleBytes;
  return absl::OkStatus();
}

// The next frame, if it is there as a whole; `more` is false else.
absl::Status BackupParser::TakeFrame(Visitor visit, bool* more) {
  *more = false;
  const absl::string_view bytes = absl::string_view(waiting_).substr(taken_);
  if (last_ == BackupFrame::kFooter && !bytes.empty()) return Damaged("it goes on after its end");
  if (bytes.size() < kBackupFrameHeaderBytes) return absl::OkStatus();
  const uint32_t kind = ReadNumber(bytes.substr(kFrameMagicBytes));
  const size_t size = ReadNumber(bytes.substr(kFrameMagicBytes + kNumberBytes));
  if (bytes.substr(0, kFrameMagicBytes) != kBackupFrameMagic || size > kBackupFrameBytesMax) {
    return Damaged("no frame begins here");
  }
  const size_t end = kBackupFrameHeaderBytes + size;
  if (bytes.size() < end + sizeof(Digest)) return absl::OkStatus();
  const Digest digest = Sha256({AsBytes(digest_), bytes.substr(0, end)});
  if (AsBytes(digest) != bytes.substr(end, sizeof(Digest))) {
    return Damaged("the checksum of the frame does not match");
  }
  const auto frame = static_cast<BackupFrame>(kind);
  if (absl::Status status = CheckOrder(frame); !status.ok()) return status;
  absl::Status status = visit(frame, bytes.substr(kBackupFrameHeaderBytes, size));
  if (!status.ok()) return status;
  digest_ = digest;
  last_ = frame;
  taken_ += end + sizeof(Digest);
  offset_ += end + sizeof(Digest);
  *more = true;
  return absl::OkStatus();
}

absl::Status BackupParser::CheckOrder(BackupFrame kind) const {
  switch (kind) {
    case BackupFrame::kHeader:
      return last_ == BackupFrame{} ? absl::OkStatus() : Damaged("a second header");
    case BackupFrame::kSnapshot:
    case BackupFrame::kRecords:
    case BackupFrame::kFooter:
      if (last_ == BackupFrame{}) return Damaged("a frame stands before the header");
      return kind >= last_ ? absl::OkStatus() : Damaged("a frame out of order");
  }
  return Damaged("a frame of an unknown kind");
}

absl::Status BackupParser::Finish() const {
  if (last_ == BackupFrame::kFooter) return absl::OkStatus();
  return Damaged("the backup ends here, before its last frame: it was cut off");
}

void AppendBackupRecord(absl::string_view stored, std::string* payload) {
  AppendNumber(static_cast<uint32_t>(stored.size()), payload);
  absl::StrAppend(payload, stored);
}

absl::Status ReadBackupRecords(absl::string_view payload,
                               absl::FunctionRef<absl::Status(absl::string_view stored)> visit) {
  while (!payload.empty()) {
    if (payload.size() < kNumberBytes || payload.size() - kNumberBytes < ReadNumber(payload)) {
      return absl::DataLossError("a frame of records ends within a record");
    }
    const size_t size = ReadNumber(payload);
    absl::Status status = visit(payload.substr(kNumberBytes, size));
    if (!status.ok()) return status;
    payload.remove_prefix(kNumberBytes + size);
  }
  return absl::OkStatus();
}

}  // namespace swoosh
