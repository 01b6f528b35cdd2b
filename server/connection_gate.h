#ifndef SWOOSH_SERVER_CONNECTION_GATE_H_
#define SWOOSH_SERVER_CONNECTION_GATE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/connection_stats.h"
#include "server/listen_sockets.h"
#include "server/metrics.h"
#include "server/peer_admission.h"

namespace swoosh {

// gRPC refuses a larger message, but only once all of it has come (SECURITY.md).
inline constexpr int kRequestBytesMax = 4 * 1'024 * 1'024;
// A connection is cut off with more calls than that. gRPC's own limit on streams counts those that
// the two sides have open, and only of clients that acknowledge it; this counts what is in memory,
// also calls that were reset and not yet cleared away. A client that keeps to the limit on streams
// has about as many again on their way out.
inline constexpr int64_t kOpenCallsPerConnectionMax = 2'048;
// With more than that on all connections, the one with most is cut off, until there are no more.
inline constexpr int64_t kOpenCallsMax = 16'384;
// Of connections that were cut off, or are closed. With more than that nobody is let in until they
// are cleared away.
inline constexpr int64_t kLeftCallsMax = 4'096;
// Calls of a connection that went without an answer: so many at once, then so many a second.
inline constexpr double kResetsMax = 4'096;
inline constexpr double kResetsPerSecondMax = 1'000;
// Bytes of messages that have not come whole: of a connection, and of all, where the one with most
// is cut off. An estimate that can be too low: each whole message is taken to have had
// kRequestBytesMax, as gRPC does not tell its size. What passes it meets gRPC's own aim.
inline constexpr int64_t kUnfinishedBytesPerConnectionMax = 64 * 1'024 * 1'024;
inline constexpr int64_t kUnfinishedBytesMax = 128 * 1'024 * 1'024;
// Bytes of a connection of which nothing has come yet, no call, message or end of a call: so many,
// and those of a message for each call that is open. A header that never ends has more.
inline constexpr int64_t kSilentBytesMax = 1'024 * 1'024;
inline constexpr int64_t kCallBytesMax = kRequestBytesMax + 64 * 1'024;
// By how much the process' memory may grow, beside the state's, while there are more than
// kQuietCalls. Past it, and past each step more, what the allocator holds free goes back to the
// system; where that is not enough, those with most calls that have no message yet are cut off,
// until a quarter of such calls is left: for a client that acknowledges no settings can make a call
// of 4 KiB take 700 KiB, by metadata that are packed. Calls that have a message may come to more;
// other limits are for them.
inline constexpr int64_t kCallMemoryBytesMax = 256 * 1'024 * 1'024;
inline constexpr int64_t kCallMemoryBytesStep = 64 * 1'024 * 1'024;
inline constexpr int64_t kQuietCalls = 256;
// How often connections are looked at: so often; less, down to the longest pause, where that took
// more than a fiftieth of a processor; at once when the process' memory grew by so much.
inline constexpr absl::Duration kGateIntervalMin = absl::Milliseconds(20);
inline constexpr absl::Duration kGateIntervalMax = absl::Seconds(1);
inline constexpr int kGateTimeShare = 50;
inline constexpr uint64_t kGateGrowthBytesMax = 16 * 1'024 * 1'024;
// Descriptors that the limit of the process leaves to files.
inline constexpr size_t kDescriptorsForFiles = 256;

// Stands before gRPC's server: accepts connections in its stead, bounds how many there are and how
// fast they come, and cuts off those that make gRPC hold too much. For gRPC 1.51 has no bound of
// its own on either (SECURITY.md), and nothing between it and a socket could tell what is in a TLS
// connection: so it looks on from beside, at what gRPC and the kernel count. All of that is on a
// thread of its own; calls and their bytes don't pass here.
//
// A connection is cut off by the kernel's reset, without a GOAWAY: what it still holds unread goes.
class ConnectionGate {
 public:
  // Takes a connected socket that does not block, for good. Called on the gate's thread, which it
  // must not hold up: gRPC, given a connection, may go on to read from it as long as more comes.
  using Take = std::function<void(int descriptor)>;

  // Begins. `server` is its number in gRPC (NewestGrpcServer). `metrics` outlives this.
  ConnectionGate(ListenSockets sockets, const ConnectionLimits& limits, intptr_t server,
                 Metrics* metrics, Take take);
  // Closes the sockets that it listens on; connections stay.
  ~ConnectionGate();
  ConnectionGate(const ConnectionGate&) = delete;
  ConnectionGate& operator=(const ConnectionGate&) = delete;

 private:
  struct Connection {
    int descriptor = -1;  // gRPC's: not ours to close
    uint64_t cookie = 0;  // tells whether it still is this connection's
    PeerAddress address;
    intptr_t id = 0;        // gRPC's number of it; 0 until its handshake has ended
    intptr_t id_above = 0;  // those up to here are of connections before it
    uint64_t bytes_received = 0;
    uint64_t bytes_counted = 0;  // of those, when the calls were counted last
    uint64_t bytes_sent = 0;
    uint64_t bytes_sent_counted = 0;
    CallCounts calls;
    int64_t unfinished_bytes = 0;
    int64_t silent_bytes = 0;  // since anything came of those before
    double may_reset = kResetsMax;
    absl::Time refilled;
    bool is_cut = false;

    // What `calls.open()` may have come to be since.
    int64_t OpenCallsMost() const;
    // Calls that are open and have no message yet, at a guess: gRPC counts messages, not the calls
    // that have one.
    int64_t CallsWithoutMessage() const;
  };

  void Run();
  // Waits for connections until it is time to look. False when this is to end.
  bool Await();
  bool IsTimeToLook(absl::Time now) const;
  void Accept(int listener, absl::Time now);
  void LetIn(int descriptor, const std::string& peer, const PeerAddress& address, absl::Time now);
  void CountRefused(PeerAdmission::Verdict verdict);

  void Look(absl::Time now);
  void FindNumbers(absl::Time now);
  void FindThoseThatLeft();
  void CountCalls(absl::Time now);
  void CountCallsOf(Connection* connection, absl::Time now);
  void CountLeftCalls();
  // Cuts off those that pass a limit of their own, then those that have most until what all have in
  // `amount` is within `most`.
  void CutWhatIsTooMuch(absl::Time now);
  void CutForMemory(absl::Time now);
  int64_t MemoryBesideState() const;
  void CutLargest(const std::function<int64_t(const Connection&)>& amount, int64_t most,
                  absl::string_view why, prometheus::Counter* counter, absl::Time now);
  void Cut(const std::string& peer, Connection* connection, absl::string_view why,
           prometheus::Counter* counter, absl::Time now);

  const ListenSockets sockets_;
  const intptr_t server_;
  Metrics* const metrics_;
  const Take take_;
  int stop_event_ = -1;

  // Of the thread alone.
  PeerAdmission admission_;
  absl::flat_hash_map<std::string, Connection> connections_;  // by GrpcPeer
  std::vector<intptr_t> left_;  // closed, with calls that were not cleared away when last seen
  int64_t left_calls_ = 0;
  // Connections up to here were found before `numbers_time_`. One that gets its number first may
  // be listed last.
  intptr_t numbers_before_ = 0;
  intptr_t numbers_last_ = 0;
  absl::Time numbers_time_ = absl::InfinitePast();
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time accept_again_ = absl::InfinitePast();
  uint64_t memory_bytes_ = 0;  // when it was looked at last
  // Beside the state's: when there were few calls, and how much more is let be.
  int64_t quiet_memory_bytes_ = INT64_MAX;
  int64_t call_memory_bytes_ = kCallMemoryBytesMax;

  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CONNECTION_GATE_H_
