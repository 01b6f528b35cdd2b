#ifndef SWOOSH_SERVER_COMMITTED_RECORD_H_
#define SWOOSH_SERVER_COMMITTED_RECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/call_once.h"
#include "core/sha256.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/repeated_field.h"
#include "server/message_arena.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// A durable record, as stored and parsed. Immutable once published; shared by all its readers, on
// any threads.
struct CommittedRecord {
  CommittedRecord() : CommittedRecord(NewMessageArena(), nullptr) {}
  // `record_in_arena` was made in `arena_of_it`; null: an empty one is made there.
  CommittedRecord(std::unique_ptr<google::protobuf::Arena> arena_of_it, v1::Record* record_in_arena)
      : arena(std::move(arena_of_it)),
        record(record_in_arena != nullptr
                   ? *record_in_arena
                   : *google::protobuf::Arena::CreateMessage<v1::Record>(arena.get())) {}

  uint64_t index() const { return record.index(); }
  // The reducer makes them as bytes, which are parsed when they are first asked for: for a record
  // that nobody watches they never are.
  const google::protobuf::RepeatedPtrField<v1::Change>& changes() const;
  // With its changes.
  v1::Record Whole() const;

  const std::unique_ptr<google::protobuf::Arena> arena;  // holds what is parsed
  v1::Record& record;                                    // may be without its changes
  std::string stored;                                    // core/record.h
  Digest hash = {};                                      // SHA-256 of `stored`

 private:
  mutable absl::once_flag parsed_once_;
  mutable const v1::Record* with_changes_ = nullptr;
};
using CommittedRecordPtr = std::shared_ptr<const CommittedRecord>;

}  // namespace swoosh

#endif  // SWOOSH_SERVER_COMMITTED_RECORD_H_
