#include "tests/bench/load_client.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/slice.h"
#include "tests/bench/reply_fields.h"

namespace swoosh {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(20);
constexpr absl::Duration kAnswerTimeout = absl::Seconds(30);

grpc::ByteBuffer ToByteBuffer(const std::string& message) {
  const grpc::Slice slice(message);
  return grpc::ByteBuffer(&slice, 1);
}

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  // Else channels to one address share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

bool IsConnected(grpc::Channel* channel) {
  return channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kConnectTimeout));
}

// What unary calls and streams have in common: connections, requests, answers.
class LoadRun {
 public:
  explicit LoadRun(const Load& load) : load_(load) {
    for (const std::string& request : load.requests) requests_.push_back(ToByteBuffer(request));
  }
  virtual ~LoadRun() = default;

  absl::StatusOr<std::string> Run() {
    for (size_t i = 0; i < load_.connections; ++i) {
      channels_.push_back(Connect(load_.target));
      if (!IsConnected(channels_.back().get())) {
        return absl::UnavailableError(absl::StrCat("can't connect to ", load_.target));
      }
      stubs_.push_back(std::make_unique<grpc::GenericStub>(channels_.back()));
    }
    Open();
    plan_.emplace(absl::Now(), load_.warm_up, load_.duration, load_.rate);
    const absl::Status status = Loop();
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
    if (!status.ok()) return status;
    return tally_.ToJson(*plan_);
  }

 protected:
  virtual void Open() = 0;
  // Sends what is due at `now` and has room. Returns whether there would be room for more.
  virtual bool SendDue(absl::Time now) = 0;
  virtual void OnEvent(void* tag, bool ok, absl::Time now) = 0;
  virtual bool IsIdle() const = 0;
  // Ends all calls without waiting for them.
  virtual void Cancel() = 0;

  grpc::GenericStub* stub(size_t connection) { return stubs_[connection].get(); }
  grpc::CompletionQueue* queue() { return &queue_; }
  const grpc::ByteBuffer& NextRequest() {
    if (next_request_ == requests_.size()) next_request_ = 0;
    return requests_[next_request_++];
  }

  void Answered(const grpc::ByteBuffer& reply, absl::Time due, absl::Time now) {
    grpc::Slice slice;
    if (!reply.TrySingleSlice(&slice).ok() && !reply.DumpToSingleSlice(&slice).ok()) {
      return Failed("an answer can't be read");
    }
    const absl::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
    tally_.reply_bytes += bytes.size();
    if (load_.check.error_field != 0 && HasField(bytes, load_.check.error_field)) {
      return Failed("an answer holds an error");
    }
    const std::optional<uint64_t> number = VarintField(bytes, load_.check.number_path);
    if (!number) return Failed("an answer is no message");
    tally_.number_max = std::max(tally_.number_max, *number);
    tally_.Answered(*plan_, due, now);
  }
  void Failed(absl::string_view why) {
    tally_.Failed(why);
    plan_->Stop();
  }

  const Load& load_;
  std::optional<LoadPlan> plan_;
  LoadTally tally_;

 private:
  absl::Status Loop() {
    absl::Time now = absl::Now();
    absl::Time last_event = now;
    for (;;) {
      const bool has_room = SendDue(now);
      if (plan_->Ended(now) && IsIdle()) return absl::OkStatus();
      const absl::Time silence = last_event + kAnswerTimeout;
      absl::Time deadline = silence;
      if (now < plan_->end()) deadline = std::min(deadline, plan_->end());
      if (has_room && plan_->at_a_rate()) deadline = std::min(deadline, plan_->next());
      void* tag = nullptr;
      bool ok = false;
      const auto next = queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(deadline));
      now = absl::Now();
      if (next == grpc::CompletionQueue::GOT_EVENT) {
        last_event = now;
        OnEvent(tag, ok, now);
      } else if (now >= silence) {
        Cancel();
        return absl::DeadlineExceededError("no answer for long");
      }
    }
  }

  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  grpc::CompletionQueue queue_;
  std::vector<grpc::ByteBuffer> requests_;
  size_t next_request_ = 0;
};

class UnaryRun : public LoadRun {
 public:
  using LoadRun::LoadRun;

 private:
  struct Call {
    size_t connection = 0;
    absl::Time due;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer reply;
    grpc::Status status;
  };

  void Open() override {
    calls_ = std::vector<Call>(load_.in_flight);
    for (size_t i = calls_.size(); i-- > 0;) {
      calls_[i].connection = i % load_.connections;
      free_.push_back(&calls_[i]);
    }
  }

  bool SendDue(absl::Time now) override {
    absl::Time due;
    while (!free_.empty() && plan_->Take(now, &due)) {
      Call* call = free_.back();
      free_.pop_back();
      call->due = due;
      call->context.emplace();
      call->reader = stub(call->connection)
                         ->PrepareUnaryCall(&*call->context, load_.method, NextRequest(), queue());
      call->reader->StartCall();
      call->reader->Finish(&call->reply, &call->status, call);
    }
    return !free_.empty();
  }

  void OnEvent(void* tag, bool, absl::Time now) override {
    auto* call = static_cast<Call*>(tag);
    if (call->status.ok()) {
      Answered(call->reply, call->due, now);
    } else {
      Failed(absl::StrCat(call->status.error_code(), ": ", call->status.error_message()));
    }
    call->reply.Clear();
    free_.push_back(call);
  }

  bool IsIdle() const override { return free_.size() == calls_.size(); }

  void Cancel() override {
    for (Call& call : calls_) {
      if (call.context) call.context->TryCancel();
    }
  }

  std::vector<Call> calls_;
  std::vector<Call*> free_;
};

class StreamRun : public LoadRun {
 public:
  using LoadRun::LoadRun;

 private:
  enum class Step { kStart, kWrite, kRead, kWritesDone, kFinish };
  struct Stream;
  struct Tag {
    Stream* stream;
    Step step;
  };
  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call;
    grpc::ByteBuffer reply;
    grpc::Status status;
    std::deque<absl::Time> due;  // of what was sent and is not answered
    bool may_write = false;      // started, no write in flight, and not at its end
    bool half_closed = false;
    bool finished = false;
    Tag start{this, Step::kStart}, write{this, Step::kWrite}, read{this, Step::kRead},
        writes_done{this, Step::kWritesDone}, finish{this, Step::kFinish};
  };

  void Open() override {
    in_flight_max_ = std::max<size_t>(load_.in_flight / load_.connections, 1);
    for (size_t i = 0; i < load_.connections; ++i) {
      streams_.push_back(std::make_unique<Stream>());
      Stream* stream = streams_.back().get();
      stream->call = stub(i)->PrepareCall(&stream->context, load_.method, queue());
      stream->call->StartCall(&stream->start);
    }
  }

  bool SendDue(absl::Time now) override {
    bool has_room = false;
    for (size_t i = 0; i < streams_.size(); ++i) {
      turn_ = (turn_ + 1) % streams_.size();
      has_room |= Send(streams_[turn_].get(), now);
    }
    return has_room;
  }

  // Returns whether there was room and nothing due.
  bool Send(Stream* stream, absl::Time now) {
    if (!stream->may_write) return false;
    if (plan_->Ended(now)) {
      stream->may_write = false;
      stream->half_closed = true;
      stream->call->WritesDone(&stream->writes_done);
      return false;
    }
    if (stream->due.size() >= in_flight_max_) return false;
    absl::Time due;
    if (!plan_->Take(now, &due)) return true;
    stream->due.push_back(due);
    stream->may_write = false;
    grpc::WriteOptions options;
    // Another one follows at once, so gRPC may send them together; what ends the row is sent.
    if (!plan_->at_a_rate() && stream->due.size() < in_flight_max_) options.set_buffer_hint();
    stream->call->Write(NextRequest(), options, &stream->write);
    return false;
  }

  void OnEvent(void* tag, bool ok, absl::Time now) override {
    const auto* event = static_cast<Tag*>(tag);
    Stream* stream = event->stream;
    switch (event->step) {
      case Step::kStart:
        stream->may_write = ok;
        stream->call->Read(&stream->reply, &stream->read);
        return;
      case Step::kWrite:
        stream->may_write = ok;
        return;
      case Step::kRead:
        return OnRead(stream, ok, now);
      case Step::kWritesDone:
        return;
      case Step::kFinish:
        stream->finished = true;
        if (!stream->status.ok() || !stream->due.empty()) {
          Failed(absl::StrCat("stream: ", stream->status.error_code(), ": ",
                              stream->status.error_message(), "; ", stream->due.size(),
                              " not answered"));
        }
        return;
    }
  }

  void OnRead(Stream* stream, bool ok, absl::Time now) {
    if (!ok) {
      stream->may_write = false;
      stream->call->Finish(&stream->status, &stream->finish);
      return;
    }
    SWOOSH_CHECK(!stream->due.empty());
    Answered(stream->reply, stream->due.front(), now);
    stream->due.pop_front();
    stream->reply.Clear();
    stream->call->Read(&stream->reply, &stream->read);
  }

  bool IsIdle() const override {
    return std::all_of(streams_.begin(), streams_.end(),
                       [](const auto& stream) { return stream->finished; });
  }

  void Cancel() override {
    for (const auto& stream : streams_) stream->context.TryCancel();
  }

  size_t in_flight_max_ = 1;  // of a stream
  size_t turn_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace

absl::StatusOr<std::string> RunLoad(const Load& load) {
  SWOOSH_CHECK(!load.requests.empty() && load.connections > 0 && load.in_flight > 0);
  if (load.stream) return StreamRun(load).Run();
  return UnaryRun(load).Run();
}

}  // namespace swoosh
