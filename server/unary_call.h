#ifndef SWOOSH_SERVER_UNARY_CALL_H_
#define SWOOSH_SERVER_UNARY_CALL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/answer_budget.h"
#include "server/byte_buffer_conversion.h"
#include "server/metrics.h"
#include "server/monotonic_time.h"
#include "server/status_conversion.h"

namespace swoosh {

// A call without a deadline, or with a distant one, is given up after so long; what it asked for
// goes on. And how long a client may take to receive its answer.
inline constexpr absl::Duration kUnaryCallTimeMax = absl::Minutes(10);
inline constexpr absl::Duration kAnswerStallMax = absl::Seconds(30);

// A unary RPC on its way: answered exactly once, from any thread, and counted. Deletes itself when
// gRPC has done with it.
class UnaryCall final : public grpc::ServerUnaryReactor, public ActiveStream {
 public:
  // What all calls share, and outlives them.
  struct Shared {
    ActiveStreams* calls = nullptr;  // ticks those that run
    AnswerBudget* budget = nullptr;
  };

  // `metrics`, `context` and `response` are of the RPC and outlive it.
  UnaryCall(const Shared& shared, RpcMetrics* metrics, grpc::CallbackServerContext* context,
            grpc::ByteBuffer* response)
      : shared_(shared),
        metrics_(metrics),
        context_(context),
        response_(response),
        begin_(MonotonicNow()) {
    shared_.calls->Add(this);
  }

  void Answer(const google::protobuf::Message& response) {
    *response_ = Serialise(response);
    answer_bytes_ = response_->Length();
    shared_.budget->Take(answer_bytes_);
    Complete(absl::OkStatus());
  }
  // As Answer, but of what changed nothing: refused when too many answers are not received.
  void AnswerRead(const google::protobuf::Message& response) {
    grpc::ByteBuffer bytes = Serialise(response);
    if (!shared_.budget->TryTake(bytes.Length())) return Fail(TooManyAnswers());
    answer_bytes_ = bytes.Length();
    *response_ = std::move(bytes);
    Complete(absl::OkStatus());
  }
  void Fail(const absl::Status& status) { Complete(status); }

  static absl::Status TooManyAnswers() {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     "too many answers are not received by their clients");
  }

  // The answer is on its way already when the server shuts down, or comes soon.
  void End(const absl::Status& /*status*/) override {}
  void Tick(absl::Time now) override {
    const absl::Time answered = absl::FromUnixNanos(answered_ns_.load(std::memory_order_relaxed));
    if (now - begin_ < kUnaryCallTimeMax &&
        (answered == absl::UnixEpoch() || now - answered < kAnswerStallMax)) {
      return;
    }
    context_->TryCancel();
  }

  // What gRPC's own reactors say, and no API: otherwise it would leave OnDone, which does next to
  // nothing here, to a thread that it wakes for that.
  bool InternalInlineable() override { return true; }

 private:
  ~UnaryCall() override = default;

  void Complete(const absl::Status& status) {
    const absl::Time now = MonotonicNow();
    answered_ns_.store(absl::ToUnixNanos(now), std::memory_order_relaxed);
    metrics_->Handled(static_cast<int>(status.code()), absl::ToDoubleSeconds(now - begin_));
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override {
    shared_.calls->Remove(this);
    shared_.budget->Give(answer_bytes_);
    delete this;
  }

  const Shared shared_;
  RpcMetrics* const metrics_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  const absl::Time begin_;
  size_t answer_bytes_ = 0;              // taken from the budget; before Finish and in OnDone
  std::atomic<int64_t> answered_ns_{0};  // by MonotonicNow; 0: not yet
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_UNARY_CALL_H_
