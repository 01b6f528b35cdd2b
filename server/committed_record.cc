#include "server/committed_record.h"

#include "core/check.h"
#include "core/record.h"

namespace swoosh {

const google::protobuf::RepeatedPtrField<v1::Change>& CommittedRecord::changes() const {
  if (!record.changes().empty()) return record.changes();
  absl::call_once(parsed_once_, [this] {
    auto* const parsed = google::protobuf::Arena::CreateMessage<v1::Record>(arena.get());
    SWOOSH_CHECK(AddChanges(ChangesOf(stored), parsed));
    with_changes_ = parsed;
  });
  return with_changes_->changes();
}

v1::Record CommittedRecord::Whole() const {
  v1::Record whole = record;
  *whole.mutable_changes() = changes();
  return whole;
}

}  // namespace swoosh
