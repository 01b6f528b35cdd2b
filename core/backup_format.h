#ifndef SWOOSH_CORE_BACKUP_FORMAT_H_
#define SWOOSH_CORE_BACKUP_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/sha256.h"

// The bytes of a backup: core/backup_format.md describes them. The server makes them, `swooshctl
// backup` checks them on their way to a file, and `swooshd restore` reads them: bytes only, no
// file.
namespace swoosh {

inline constexpr char kBackupMagic[] = "SWOOSHBK";
inline constexpr uint32_t kBackupVersion = 1;
inline constexpr uint32_t kBackupChecksumKindSha256Chain = 2;
inline constexpr size_t kBackupPreambleBytes = 16;
inline constexpr size_t kBackupFrameHeaderBytes = 12;
inline constexpr char kBackupFrameMagic[] = "SWBF";

// A frame is closed once its payload reaches this size.
inline constexpr size_t kBackupFrameBytes = 1'048'576;
// What a reader accepts: a frame of that size, and a record as large as a log takes.
inline constexpr size_t kBackupFrameBytesMax = 75'497'472;

// In this order. The first and the last come once.
enum class BackupFrame : uint32_t {
  kHeader = 1,    // v1.BackupHeader
  kSnapshot = 2,  // the next bytes of a snapshot file (storage/snapshot_format.md)
  kRecords = 3,   // AppendBackupRecord
  kFooter = 4,    // v1.BackupFooter
};

// Makes the frames of one backup.
class BackupEncoder {
 public:
  // The next bytes of the file. The first call's begin with the preamble.
  std::string Encode(BackupFrame kind, absl::string_view payload);

  // Of everything encoded so far: what the last frame ends with.
  const Digest& digest() const { return digest_; }

 private:
  bool begun_ = false;
  Digest digest_ = {};
};

// Takes the bytes of one backup as they come, in pieces of any size.
class BackupParser {
 public:
  using Visitor = absl::FunctionRef<absl::Status(BackupFrame kind, absl::string_view payload)>;

  // Visits the frames that are complete now, once their checksum was found right.
  //   kDataLoss: not a backup, or damaged; the message names the byte where the frame begins.
  //   kFailedPrecondition: of a format that this binary does not know.
  //   What `visit` returned.
  // After an error it is unusable.
  absl::Status Push(absl::string_view bytes, Visitor visit);

  // kDataLoss unless the last frame was seen.
  absl::Status Finish() const;

  // Of the frames visited.
  const Digest& digest() const { return digest_; }

 private:
  absl::Status TakePreamble();
  absl::Status TakeFrame(Visitor visit, bool* more);
  absl::Status CheckOrder(BackupFrame kind) const;
  absl::Status Damaged(absl::string_view what) const;

  std::string waiting_;  // bytes that are no whole frame yet
  size_t taken_ = 0;     // of them
  uint64_t offset_ = 0;  // in the file, of what follows those taken
  BackupFrame last_ = {};
  Digest digest_ = {};
};

// Adds a stored record to the payload of a kRecords frame.
void AppendBackupRecord(absl::string_view stored, std::string* payload);
// Visits the stored records of one. kDataLoss when it holds anything else; what `visit` returned.
absl::Status ReadBackupRecords(absl::string_view payload,
                               absl::FunctionRef<absl::Status(absl::string_view stored)> visit);

}  // namespace swoosh

#endif  // SWOOSH_CORE_BACKUP_FORMAT_H_
