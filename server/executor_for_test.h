#ifndef SWOOSH_SERVER_EXECUTOR_FOR_TEST_H_
#define SWOOSH_SERVER_EXECUTOR_FOR_TEST_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/state.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/executor.h"
#include "server/metrics.h"
#include "server/submission.h"
#include "storage/log.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

inline constexpr char kTestHistoryId[] = "00112233445566778899aabbccddeeff";
inline constexpr int64_t kTestTimeUs = 1'700'000'000'000'000;

// A log in front of another one, whose appends a test holds back or fails. Thread-safe.
class GatedLog : public Log {
 public:
  // `base` is not owned.
  explicit GatedLog(Log* base) : base_(base) {}

  // From now on appends wait, before they reach the log behind.
  void Close();
  void Open();
  // Waits until an append is waiting.
  void AwaitBlocked();
  // Append number `nth` from now on (0: the next one) fails with `status`, before it reaches the
  // log behind; trims are counted too.
  void FailAfter(int nth, absl::Status status);
  // Sizes of the groups appended.
  std::vector<size_t> groups() const;
  // What trims went up to.
  std::vector<uint64_t> trims() const;

  Limits limits() const override { return base_->limits(); }
  uint64_t first_index() const override { return base_->first_index(); }
  uint64_t next_index() const override { return base_->next_index(); }
  absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) override;
  absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const override {
    return base_->Read(from, bytes_max, visit);
  }
  absl::Status TrimPrefix(uint64_t first_kept) override;
  void SetFailureListener(std::function<void(const absl::Status&)> listener) override {
    base_->SetFailureListener(std::move(listener));
  }
  uint64_t size_bytes() const override { return base_->size_bytes(); }

 private:
  absl::Status Pass();

  Log* const base_;
  mutable absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  int fail_after_ ABSL_GUARDED_BY(mutex_) = -1;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> groups_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> trims_ ABSL_GUARDED_BY(mutex_);
};

// A later answer.
using FutureAnswer = std::future<Answer>;

// A manual clock that counts how often it is read. Thread-safe.
class CountingClock : public Clock {
 public:
  int64_t NowUs() override {
    ++readings_;
    return manual_.NowUs();
  }
  ManualClock& manual() { return manual_; }
  int readings() const { return readings_; }

 private:
  ManualClock manual_{Hlc{}, kTestTimeUs};
  std::atomic<int> readings_{0};
};

// An executor at the end of a log, with all that it needs. The state is replayed from the log's
// beginning, which also checks what an earlier executor wrote.
class ExecutorUnderTest {
 public:
  struct Options {
    Executor::Options executor;
    size_t ring_bytes_max = kFeedRingBytesMax;
    uint64_t window_records = kRequestWindowRecords;
    bool start = true;
  };

  // `log` is not owned.
  explicit ExecutorUnderTest(Log* log) : ExecutorUnderTest(log, Options()) {}
  ExecutorUnderTest(Log* log, Options options);

  FutureAnswer Submit(v1::SubmitRequest request);
  // Submits and waits.
  Answer Call(v1::SubmitRequest request) { return Submit(std::move(request)).get(); }
  Executor& executor() { return *executor_; }
  ChangeFeed& feed() { return *feed_; }
  const RequestWindow& window() const { return *window_; }
  Metrics& metrics() { return metrics_; }
  ManualClock& clock() { return clock_.manual(); }
  // How many proposals the executor has begun to reduce; and waits until it is `count`. A repeat of
  // a request is not reduced.
  int reduced() const { return clock_.readings(); }
  void AwaitReduced(int count);
  // Value of a sample line of Metrics::Scrape, "name" or "name{labels}"; NaN when there is none.
  double Sample(absl::string_view sample);

 private:
  Metrics metrics_{"test"};
  CountingClock clock_;
  std::unique_ptr<ChangeFeed> feed_;
  std::unique_ptr<Executor> executor_;
  const RequestWindow* window_ = nullptr;  // the executor's
};

// The state after the last record of `log`, every record checked by ReplayRecord; and in `hashes`,
// when it is given, the indexes of the records that hold a state hash.
State ReplayAll(const Log& log, std::vector<uint64_t>* hashes = nullptr);

// Proposals for the machine "counter": on "inc" it counts, on "say" it emits, on "end" it is done.
v1::SubmitRequest RegisterCounter();
v1::SubmitRequest CreateCounter(absl::string_view id);
v1::SubmitRequest SendTo(absl::string_view id, absl::string_view event);
v1::SubmitRequest WithRequestId(v1::SubmitRequest request, absl::string_view request_id);
v1::SubmitRequest WithView(v1::SubmitRequest request, v1::View view);

// Reads the counter's count out of an answer, -1 when there is none.
double CountIn(const v1::Instance& instance);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_EXECUTOR_FOR_TEST_H_
