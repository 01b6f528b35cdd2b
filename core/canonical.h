#ifndef SWOOSH_CORE_CANONICAL_H_
#define SWOOSH_CORE_CANONICAL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/value.h"

// The canonical encoding: equal content gives equal bytes on every machine and in every release.
// The format is described in core/canonical.md, with vectors in core/testdata/canonical.txt.
namespace swoosh {

// Appends; nothing here fails.
inline void AppendVarint(uint64_t number, std::string* out) {  // LEB128, shortest form
  for (; number >= 0x80; number >>= 7) out->push_back(static_cast<char>(number | 0x80));
  out->push_back(static_cast<char>(number));
}
void AppendUint64(uint64_t number, std::string* out);         // 8 bytes, big-endian
void AppendBytes(absl::string_view bytes, std::string* out);  // varint size, then the bytes
void AppendValue(const Value& value, std::string* out);

// Reads what the functions above wrote, from bytes that may be damaged or hostile: every read
// checks its bounds, and that the encoding is the canonical one (shortest varints, map keys in
// order, finite numbers, no -0, valid UTF-8, nesting of at most kValueDepthMax).
// After the first failure every further read fails. Not thread-safe.
class CanonicalReader {
 public:
  // `bytes` must outlive the reader and what ReadBytes returned.
  explicit CanonicalReader(absl::string_view bytes) : rest_(bytes) {}

  uint64_t ReadVarint();
  uint64_t ReadUint64();
  uint8_t ReadByte();
  absl::string_view ReadBytes();
  Value ReadValue();
  // The bytes of one value, checked but not built. Empty after a failure.
  absl::string_view SkipValue();

  bool ok() const { return !failed_; }
  bool at_end() const { return rest_.empty(); }
  // OK when nothing failed and nothing is left; else kDataLoss with what was wrong.
  absl::Status Finish() const;

 private:
  void Fail(absl::string_view what);
  // Without `value` only checks.
  bool ReadValueAt(int depth, Value* value);
  bool ReadListAt(int depth, Value* value);
  bool ReadMapAt(int depth, Value* value);

  absl::string_view rest_;
  bool failed_ = false;
  absl::string_view failure_;  // a literal
};

// The whole of `bytes` as one value. kDataLoss if it is not exactly that.
absl::StatusOr<Value> DecodeValue(absl::string_view bytes);

}  // namespace swoosh

#endif  // SWOOSH_CORE_CANONICAL_H_
