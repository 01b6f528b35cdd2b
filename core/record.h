#ifndef SWOOSH_CORE_RECORD_H_
#define SWOOSH_CORE_RECORD_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/hlc.h"
#include "core/sha256.h"
#include "google/protobuf/timestamp.pb.h"
#include "swoosh/v1/record.pb.h"

// The stored form of a record: one byte of format version, then the serialised v1.Record. The hash
// of those bytes is what the next record holds, so they are never made anew from a parsed record.
namespace swoosh {

inline constexpr char kRecordFormatVersion = 1;

// The stored bytes of a record without its state hash: of `record`'s fields, map entries in key
// order, and of its changes, which Reduce has made (Reduction::changes).
std::string EncodeRecord(const v1::Record& record, absl::string_view changes = {});

// Adds the state hash to stored bytes that have none: it is the field with the highest number.
void AppendStateHash(const Digest& state_hash, std::string* stored);

// kDataLoss: another format version, or not a Record. The message does not name the index.
absl::Status DecodeRecord(absl::string_view stored, v1::Record* record);

// As DecodeRecord, but fills only what links the record and names its request: index,
// previous_hash, namespace, request_id and request_fingerprint. The other fields are passed over by
// their lengths, which costs next to nothing where a record holds many changes.
absl::Status DecodeRecordLink(absl::string_view stored, v1::Record* record);

// As DecodeRecord, but where the changes stand in one run, as EncodeRecord writes them, they are
// not parsed: `changes` has their bytes, a part of `stored`, with their tags. Else it is nullopt,
// and `record` holds everything.
absl::Status DecodeRecordBesideChanges(absl::string_view stored, v1::Record* record,
                                       std::optional<absl::string_view>* changes);

// The bytes of the changes in a stored record, with their tags: a part of `stored`. "" where they
// don't stand in one run, as EncodeRecord writes them.
absl::string_view ChangesOf(absl::string_view stored);

// Adds to `record` the changes that these bytes are, with their tags. False: they are none.
bool AddChanges(absl::string_view bytes, v1::Record* record);

Hlc FromProto(const v1::Hlc& hlc);
v1::Hlc ToProto(const Hlc& hlc);
google::protobuf::Timestamp TimestampFromMicros(int64_t time_us);
// Rounded down. One that does not fit becomes the nearest that does.
int64_t MicrosFromTimestamp(const google::protobuf::Timestamp& timestamp);

}  // namespace swoosh

#endif  // SWOOSH_CORE_RECORD_H_
