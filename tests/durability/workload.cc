#include "tests/durability/workload.h"

#include <atomic>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/executor_for_test.h"
#include "storage/log.h"
#include "tests/durability/store_check.h"

namespace swoosh {
namespace {

constexpr uint64_t kInstances = 40;
constexpr uint64_t kSnapshotEveryRecords = 60;
constexpr uint64_t kRetainRecords = 120;

std::string Digits(uint64_t count, std::mt19937_64* random) {
  std::string digits;
  while (digits.size() < count) absl::StrAppend(&digits, absl::Hex((*random)(), absl::kZeroPad16));
  digits.resize(count);
  return digits;
}

}  // namespace

v1::SubmitRequest Workload::Next(const State& state) {
  const std::string request_id = absl::StrCat("request-", ++requests_, "-", random_());
  if (state.index() == 0) return WithRequestId(RegisterCounter(), request_id);
  const std::string instance = absl::StrCat("i", Below(kInstances));
  if (!state.FindInstance("default", instance).has_value()) {
    return WithRequestId(CreateCounter(instance), request_id);
  }
  // One in twenty is refused: no such event.
  const uint64_t dice = Below(20);
  v1::SubmitRequest request = SendTo(instance, dice == 0 ? "nothing" : dice < 4 ? "say" : "inc");
  google::protobuf::Struct& data =
      *request.mutable_transitions(0)->mutable_send_event()->mutable_data();
  (*data.mutable_fields())["payload"].set_string_value(Digits(Below(data_bytes_max_), &random_));
  return WithRequestId(std::move(request), request_id);
}

Workload::Outcome Workload::Send(StoreServer* server, int count, WrittenHistory* history) {
  struct Waiting {
    std::atomic<int> acknowledged{0};
    std::vector<std::promise<void>> answered;
  };
  const auto waiting = std::make_shared<Waiting>();
  waiting->answered.resize(count);
  const std::shared_ptr<const State> state = server->state();
  for (int i = 0; i < count; ++i) {
    server->Submit(Next(*state), [waiting, history, i](const Answer& answer) {
      if (answer.ok()) {
        history->Acknowledge(answer->index());
        ++waiting->acknowledged;
      }
      waiting->answered[i].set_value();
    });
  }
  for (std::promise<void>& each : waiting->answered) each.get_future().wait();
  return {count, waiting->acknowledged};
}

StoreServer::Options BusyStoreOptions(WrittenHistory* history) {
  StoreServer::Options options;
  options.snapshot_every_records = kSnapshotEveryRecords;
  options.retain_records = kRetainRecords;
  options.log_write_buffer_bytes = kSmallLogBufferBytes;
  options.on_append = [history](absl::Span<const EncodedRecord> records) { history->Add(records); };
  return options;
}

}  // namespace swoosh
