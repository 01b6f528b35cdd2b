// Watches everything on many streams, of a swooshd or of an etcd, and tells how fast events come.
// The bytes are looked at and not parsed, so that what is measured is the server as far as
// possible.
//
// Usage: watch_load --server=HOST:PORT --kind=swoosh|swoosh_batched|etcd --events=N
//   Prints "ready" when each stream is watching. Ends when each has got N events, or, with
//   --stalled, when stdin ends; then prints a line of JSON: streams, events, messages, bytes,
//   seconds from the first event of any stream to the last one of all, and cpu_seconds of this
//   program. Fails when an event is missing, comes twice or out of order, or a stream ends.

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/io/coded_stream.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"

ABSL_FLAG(std::string, server, "", "HOST:PORT");
ABSL_FLAG(std::string, kind, "swoosh", "swoosh, swoosh_batched or etcd.");
ABSL_FLAG(int, streams, 1'000, "How many watches.");
ABSL_FLAG(int, connections, 10, "That they are spread over.");
ABSL_FLAG(uint64_t, events, 0, "That each stream waits for.");
ABSL_FLAG(bool, stalled, false, "Read nothing behind the first message.");

namespace swoosh {
namespace {

using google::protobuf::io::CodedInputStream;
using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "watch_load: %s\n", what);
  std::_Exit(1);
}

// Visits the fields of a message, until `visit` has what it wants. Fails when it is malformed.
template <typename Visit>  // void(int field, uint64_t varint, absl::string_view bytes)
void VisitFields(absl::string_view message, Visit visit) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  while (const uint32_t tag = input.ReadTag()) {
    uint64_t number = 0;
    int size = 0;
    const void* data = nullptr;
    int available = 0;
    switch (tag & 7) {
      case 0:
        if (!input.ReadVarint64(&number)) Fail("a message is malformed");
        visit(static_cast<int>(tag >> 3), number, absl::string_view());
        break;
      case 2:
        if (!input.ReadVarintSizeAsInt(&size)) Fail("a message is malformed");
        input.GetDirectBufferPointerInline(&data, &available);
        if (available < size) Fail("a message is malformed");
        visit(static_cast<int>(tag >> 3), uint64_t{0},
              absl::string_view(static_cast<const char*>(data), static_cast<size_t>(size)));
        input.Skip(size);
        break;
      default:
        Fail("a message has a field of another type");
    }
  }
}

// What the two servers have in common.
struct Protocol {
  const char* method;
  std::string request;
  // Calls `event` with the index of each event in `message`, in order.
  void (*visit_events)(absl::string_view message, const std::function<void(uint64_t)>& event);
};

// swoosh.v1.WatchResponse: index = 1, changes = 3, following = 7. Without changes it is a bookmark.
void VisitSwooshEvents(absl::string_view message, const std::function<void(uint64_t)>& event) {
  uint64_t index = 0;
  bool has_changes = false;
  VisitFields(message, [&](int field, uint64_t number, absl::string_view) {
    if (field == 1) index = number;
    if (field == 3) has_changes = true;
  });
  if (has_changes) event(index);
  VisitFields(message, [&](int field, uint64_t, absl::string_view following) {
    if (field == 7) VisitSwooshEvents(following, event);
  });
}

// etcdserverpb.WatchResponse: events = 11; mvccpb.Event: kv = 2; KeyValue: mod_revision = 3.
void VisitEtcdEvents(absl::string_view message, const std::function<void(uint64_t)>& event) {
  VisitFields(message, [&](int field, uint64_t, absl::string_view of_event) {
    if (field != 11) return;
    VisitFields(of_event, [&](int event_field, uint64_t, absl::string_view of_pair) {
      if (event_field != 2) return;
      VisitFields(of_pair, [&](int pair_field, uint64_t revision, absl::string_view) {
        if (pair_field == 3) event(revision);
      });
    });
  });
}

Protocol ProtocolOf(const std::string& kind) {
  static constexpr char kWatch[] = "/swoosh.v1.Orchestrator/Watch";
  if (kind == "swoosh") return {kWatch, "", VisitSwooshEvents};
  if (kind == "swoosh_batched") return {kWatch, "\x40\x01", VisitSwooshEvents};  // batched = 8
  if (kind != "etcd") Fail("--kind is none of those");
  // WatchRequest{create_request: {key: "\0", range_end: "\0"}}: all keys.
  return {"/etcdserverpb.Watch/Watch", std::string("\x0a\x06\x0a\x01\x00\x12\x01\x00", 8),
          VisitEtcdEvents};
}

// What all streams together have seen.
struct Totals {
  int watching = 0;  // streams with a first message
  int complete = 0;  // streams with all their events
  uint64_t messages = 0;
  uint64_t bytes = 0;
  Clock::time_point first;
  Clock::time_point last;
};

class Stream {
 public:
  Stream(const Protocol& protocol, grpc::GenericStub* stub, grpc::CompletionQueue* queue,
         Totals* totals)
      : protocol_(protocol),
        events_wanted_(absl::GetFlag(FLAGS_events)),
        stalled_(absl::GetFlag(FLAGS_stalled)),
        totals_(totals),
        call_(stub->PrepareCall(&context_, protocol.method, queue)) {
    call_->StartCall(this);
  }

  // The step that was under way is done.
  void Proceed(bool ok) {
    if (!ok) Fail("a stream has ended");
    switch (next_++) {
      case 0: {
        const grpc::Slice slice(protocol_.request);
        call_->Write(grpc::ByteBuffer(&slice, 1), this);
        return;
      }
      case 1:
        break;
      default:
        TakeMessage();
    }
    if (!(stalled_ && next_ > 2)) call_->Read(&message_, this);
  }

 private:
  void TakeMessage() {
    if (next_ == 3) ++totals_->watching;
    grpc::Slice bytes;
    if (!message_.TrySingleSlice(&bytes).ok() && !message_.DumpToSingleSlice(&bytes).ok()) {
      Fail("a message can't be read");
    }
    ++totals_->messages;
    totals_->bytes += bytes.size();
    protocol_.visit_events({reinterpret_cast<const char*>(bytes.begin()), bytes.size()},
                           [this](uint64_t index) { TakeEvent(index); });
  }

  void TakeEvent(uint64_t index) {
    if (last_ != 0 && index != last_ + 1) Fail("events are missing or out of order");
    last_ = index;
    if (totals_->first == Clock::time_point()) totals_->first = Clock::now();
    if (++events_ > events_wanted_) Fail("there are more events than told");
    if (events_ < events_wanted_) return;
    ++totals_->complete;
    totals_->last = Clock::now();
  }

  const Protocol& protocol_;
  const uint64_t events_wanted_;
  const bool stalled_;
  Totals* const totals_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer message_;
  int next_ = 0;  // steps done
  uint64_t events_ = 0;
  uint64_t last_ = 0;
};

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void Report(int streams, const Totals& totals, double cpu_seconds) {
  const double seconds = std::chrono::duration<double>(totals.last - totals.first).count();
  std::printf(
      "{\"streams\": %d, \"events\": %lu, \"messages\": %lu, \"bytes\": %lu, \"seconds\": %.6f, "
      "\"cpu_seconds\": %.3f}\n",
      streams,
      static_cast<unsigned long>(absl::GetFlag(FLAGS_events) * static_cast<uint64_t>(streams)),
      static_cast<unsigned long>(totals.messages), static_cast<unsigned long>(totals.bytes),
      seconds, cpu_seconds);
}

void AwaitEndOfStdin() {
  while (std::getchar() != EOF) {
  }
}

void Run() {
  const Protocol protocol = ProtocolOf(absl::GetFlag(FLAGS_kind));
  const int stream_count = absl::GetFlag(FLAGS_streams);
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (int i = 0; i < absl::GetFlag(FLAGS_connections); ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    stubs.push_back(std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
        absl::GetFlag(FLAGS_server), grpc::InsecureChannelCredentials(), arguments)));
  }
  grpc::CompletionQueue queue;
  Totals totals;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < stream_count; ++i) {
    grpc::GenericStub* const stub = stubs[static_cast<size_t>(i) % stubs.size()].get();
    streams.push_back(std::make_unique<Stream>(protocol, stub, &queue, &totals));
  }
  bool told = false;
  double cpu_before = 0;
  void* tag = nullptr;
  bool ok = false;
  while (totals.complete < stream_count && queue.Next(&tag, &ok)) {
    static_cast<Stream*>(tag)->Proceed(ok);
    if (told || totals.watching < stream_count) continue;
    told = true;
    cpu_before = CpuSeconds();
    std::printf("ready\n");
    std::fflush(stdout);
    if (absl::GetFlag(FLAGS_stalled)) return AwaitEndOfStdin();
  }
  Report(stream_count, totals, CpuSeconds() - cpu_before);
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  swoosh::Run();
  std::fflush(stdout);
  std::_Exit(0);  // what is still under way on the streams is of no interest
}
