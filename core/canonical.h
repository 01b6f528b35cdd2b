#ifndef SWOOSH_CORE_CANONICAL_H_
#define SWOOSH_CORE_CANONICAL_H_

#include <cstddef>
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
void AppendVarint(uint64_t number, std::string* out);         // LEB128, shortest form
void AppendUint64(uint64_t number, std::string* out);         // 8 bytes, big-endian
void AppendBytes(absl::string_view bytes, std::string* out);  // varint size, then the bytes
void AppendValue(const Value& value, std::string* out);

// The same into memory that has room, for what is encoded at every event: at most kVarintBytesMax,
// 8, kVarintBytesMax and the size, Value::encoded_bytes. Return the end of what they wrote.
inline constexpr size_t kVarintBytesMax = 10;
inline char* WriteVarint(uint64_t number, char* at) {
  for (; number >= 0x80; number >>= 7) *at++ = static_cast<char>(number | 0x80);
  *at++ = static_cast<char>(number);
  return at;
}
char* WriteUint64(uint64_t number, char* at);
char* WriteBytes(absl::string_view bytes, char* at);
char* WriteValue(const Value& value, char* at);

// Reads what the functions above wrote, from bytes that may be damaged or hostile: every read
// checks its bounds, and that the encoding is the canonical one (shortest varints, map keys in
// order, finite numbers, no -0, valid UTF-8, nesting of at most kValueDepthMax).
// After the first failure every further read fails. Not thread-safe.
class CanonicalReader {
 public:
  // `bytes` must outlive the reader and what ReadBytes returned.
  explicit CanonicalReader(absl::string_view bytes) : rest_(bytes) {}

  uint64_t ReadVarint() {
    if (rest_.empty() || static_cast<uint8_t>(rest_[0]) >= 0x80) return ReadLongVarint();
    return ReadByte();
  }
  uint64_t ReadUint64();
  uint8_t ReadByte() {
    if (rest_.empty()) {
      Fail("ends too early");
      return 0;
    }
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
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
  uint64_t ReadLongVarint();
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
