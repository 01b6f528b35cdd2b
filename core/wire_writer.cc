#include "core/wire_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace swoosh {

void WireWriter::WriteVarintField(int field, uint64_t number) {
  Reserve(kTagAndVarintBytesMax);
  PutVarint(number);
  PutTag(field, kVarint);
}

void WireWriter::WriteDoubleField(int field, double number) {
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  Reserve(1 + sizeof(bits));
  begin_ -= sizeof(bits);
  for (size_t i = 0; i < sizeof(bits); ++i) begin_[i] = static_cast<char>(bits >> (8 * i));
  PutTag(field, kFixed64);
}

void WireWriter::WriteBytesField(int field, absl::string_view bytes) {
  Reserve(kTagAndVarintBytesMax + bytes.size());
  begin_ -= bytes.size();
  if (!bytes.empty()) std::memcpy(begin_, bytes.data(), bytes.size());
  PutVarint(bytes.size());
  PutTag(field, kLengthDelimited);
}

void WireWriter::WriteMessageField(int field, size_t size_before) {
  Reserve(kTagAndVarintBytesMax);
  PutVarint(size() - size_before);
  PutTag(field, kLengthDelimited);
}

void WireWriter::PutLongVarint(uint64_t number) {
  char bytes[kVarintBytesMax];
  size_t count = 0;
  for (; number >= 0x80; number >>= 7) bytes[count++] = static_cast<char>(number | 0x80);
  bytes[count++] = static_cast<char>(number);
  begin_ -= count;
  std::memcpy(begin_, bytes, count);
}

void WireWriter::Grow(size_t bytes) {
  const size_t written = size();
  const size_t capacity = std::max(2 * static_cast<size_t>(end_ - buffer_), written + bytes);
  std::unique_ptr<char[]> larger(new char[capacity]);
  char* const end = larger.get() + capacity;
  std::memcpy(end - written, begin_, written);
  heap_ = std::move(larger);
  buffer_ = heap_.get();
  end_ = end;
  begin_ = end - written;
}

}  // namespace swoosh
