#ifndef SWOOSH_CORE_WIRE_WRITER_H_
#define SWOOSH_CORE_WIRE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace swoosh {

// Writes a protobuf message's wire format (https://protobuf.dev/programming-guides/encoding)
// without a message object, from its last byte to its first: so the length of what is nested is
// known when it is written, and nothing is measured before. Write fields, the elements of a
// repeated field and the members of a map in falling order to have them in rising order. Allocates
// beyond 1 KiB.
class WireWriter {
 public:
  WireWriter() = default;
  WireWriter(const WireWriter&) = delete;
  WireWriter& operator=(const WireWriter&) = delete;

  // What was written; until more is.
  absl::string_view bytes() const { return {begin_, size()}; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }

  // Field numbers are below 16: a tag is one byte.
  void WriteVarintField(int field, uint64_t number);
  void WriteDoubleField(int field, double number);
  void WriteBytesField(int field, absl::string_view bytes);
  // Of what was written since size() was `size_before`: makes it the field's message.
  void WriteMessageField(int field, size_t size_before);

 private:
  enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2 };
  static constexpr size_t kVarintBytesMax = 10;
  static constexpr size_t kTagAndVarintBytesMax = 1 + kVarintBytesMax;

  // Makes room for so many bytes before what was written.
  void Reserve(size_t bytes) {
    if (static_cast<size_t>(begin_ - buffer_) < bytes) Grow(bytes);
  }
  void Grow(size_t bytes);
  void PutTag(int field, WireType type) {
    *--begin_ = static_cast<char>(static_cast<unsigned>(field) << 3 | type);
  }
  void PutVarint(uint64_t number) {
    if (number >= 0x80) return PutLongVarint(number);
    *--begin_ = static_cast<char>(number);
  }
  void PutLongVarint(uint64_t number);

  char inline_[1'024];
  std::unique_ptr<char[]> heap_;
  char* buffer_ = inline_;
  char* end_ = inline_ + sizeof(inline_);
  char* begin_ = end_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_WIRE_WRITER_H_
