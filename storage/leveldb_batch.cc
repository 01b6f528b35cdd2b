#include "storage/leveldb_batch.h"

#include <cstddef>

#include "storage/big_endian.h"
#include "storage/leveldb_coding.h"

namespace swoosh {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kSequenceBytes = 8;
constexpr size_t kIndexKeyBytes = sizeof(uint64_t);
constexpr char kDeletion = 0;
constexpr char kValue = 1;

bool TakeOperation(absl::string_view* bytes,
                   absl::FunctionRef<void(uint64_t, absl::string_view)> visit_put) {
  if (bytes->empty()) return false;
  const char kind = bytes->front();
  bytes->remove_prefix(1);
  absl::string_view key;
  absl::string_view value;
  if ((kind != kDeletion && kind != kValue) || !TakeString(bytes, &key) ||
      key.size() != kIndexKeyBytes) {
    return false;
  }
  if (kind == kDeletion) return true;
  if (!TakeString(bytes, &value)) return false;
  visit_put(ReadBigEndian<uint64_t>(key), value);
  return true;
}

}  // namespace

const char* ReadLevelDbBatch(
    absl::string_view bytes, LevelDbBatch* batch,
    absl::FunctionRef<void(uint64_t index, absl::string_view value)> visit_put) {
  if (bytes.size() < kHeaderBytes) return "a batch too short for its header";
  batch->sequence = ReadLittleEndian<uint64_t>(bytes);
  batch->count = ReadLittleEndian<uint32_t>(bytes.substr(kSequenceBytes));
  bytes.remove_prefix(kHeaderBytes);
  for (uint32_t i = 0; i < batch->count; ++i) {
    if (!TakeOperation(&bytes, visit_put)) return "a batch that can't be understood";
  }
  return bytes.empty() ? nullptr : "a batch longer than what it counts";
}

}  // namespace swoosh
