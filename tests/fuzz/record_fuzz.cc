// Stored records: of any bytes, and with any bytes for what follows the format's version.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "core/record.h"
#include "swoosh/v1/record.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace swoosh {
namespace {

void CheckSameLink(const v1::Record& link, const v1::Record& record) {
  SWOOSH_CHECK(link.index() == record.index());
  SWOOSH_CHECK(link.previous_hash() == record.previous_hash());
  SWOOSH_CHECK(link.namespace_() == record.namespace_());
  SWOOSH_CHECK(link.request_id() == record.request_id());
  SWOOSH_CHECK(link.request_fingerprint() == record.request_fingerprint());
}

void CheckRecord(absl::string_view stored) {
  v1::Record record;
  v1::Record link;
  const absl::Status status = DecodeRecord(stored, &record);
  const absl::Status link_status = DecodeRecordLink(stored, &link);
  SWOOSH_CHECK(link_status.ok() || absl::IsDataLoss(link_status));
  if (!status.ok()) {
    SWOOSH_CHECK(absl::IsDataLoss(status));
    return;
  }
  // The link's reader knows no groups, which no version has written; protobuf passes over them.
  if (link_status.ok()) CheckSameLink(link, record);
  // Bytes of another program may be in another order; ours are stable.
  record.DiscardUnknownFields();
  const std::string encoded = EncodeRecord(record);
  v1::Record again;
  SWOOSH_CHECK(DecodeRecord(encoded, &again).ok());
  SWOOSH_CHECK(EncodeRecord(again) == encoded);
  SWOOSH_CHECK(DecodeRecordLink(encoded, &link).ok());
  CheckSameLink(link, record);
  // Of any time: what a record says is read before it is known to be true.
  SWOOSH_CHECK(FromProto(record.hlc()).counter == record.hlc().counter());
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::KeepProtobufQuiet();
  const absl::string_view bytes = swoosh::FuzzInput(data, size);
  swoosh::CheckRecord(bytes);
  const char version[] = {swoosh::kRecordFormatVersion};
  swoosh::CheckRecord(absl::StrCat(absl::string_view(version, 1), bytes));
  return 0;
}
