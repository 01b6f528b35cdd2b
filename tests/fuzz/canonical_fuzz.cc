// The canonical encoding: what is read is written as the same bytes.
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/value.h"
#include "tests/fuzz/fuzz_target.h"

namespace swoosh {
namespace {

void CheckValue(absl::string_view bytes) {
  const absl::StatusOr<Value> value = DecodeValue(bytes);
  CanonicalReader skipper(bytes);
  const absl::string_view skipped = skipper.SkipValue();
  SWOOSH_CHECK(value.ok() == skipper.Finish().ok());
  if (!value.ok()) {
    SWOOSH_CHECK(absl::IsDataLoss(value.status()));
    return;
  }
  SWOOSH_CHECK(skipped == bytes);
  SWOOSH_CHECK(value->encoded_bytes() == bytes.size() && value->depth() <= kValueDepthMax);
  std::string written;
  AppendValue(*value, &written);
  SWOOSH_CHECK(written == bytes);
}

// The reads by which an entry is decoded, in an order that the bytes themselves give.
void CheckReads(absl::string_view bytes) {
  CanonicalReader reader(bytes);
  std::string written;
  while (reader.ok() && !reader.at_end()) {
    const uint8_t kind = reader.ReadByte();
    std::string part(1, static_cast<char>(kind));
    switch (kind % 4) {
      case 0:
        AppendVarint(reader.ReadVarint(), &part);
        break;
      case 1:
        AppendUint64(reader.ReadUint64(), &part);
        break;
      case 2:
        AppendBytes(reader.ReadBytes(), &part);
        break;
      default:
        AppendValue(reader.ReadValue(), &part);
    }
    if (reader.ok()) written += part;
  }
  SWOOSH_CHECK(absl::StartsWith(bytes, written));
  SWOOSH_CHECK(reader.Finish().ok() == (written.size() == bytes.size()));
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::CheckValue(swoosh::FuzzInput(data, size));
  swoosh::CheckReads(swoosh::FuzzInput(data, size));
  return 0;
}
