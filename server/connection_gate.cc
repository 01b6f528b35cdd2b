#include "server/connection_gate.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>
#include <utility>

#include "core/check.h"
#include "server/log_line.h"
#include "server/memory_use.h"
#include "server/monotonic_time.h"
#include "server/serial_thread.h"

namespace swoosh {
namespace {

// A call takes a frame's header.
constexpr uint64_t kCallBytesMin = 9;
// Calls of a connection that can't have more are not counted each time.
constexpr int64_t kOpenCallsNotCounted = 256;
// Connections taken from one socket before the others are looked at.
constexpr int kAcceptedAtOnceMax = 64;
// Without descriptors, or without memory for a connection.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(200);
constexpr absl::Duration kNumbersLag = absl::Seconds(1);

// Of this thread.
absl::Duration ProcessorTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

uint64_t CookieOf(int descriptor) {
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  // Not a socket any more: 0, which no socket has.
  return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

// Unset when it is not a connection any more.
std::optional<tcp_info> TcpInfo(int descriptor) {
  tcp_info info = {};
  socklen_t length = sizeof(info);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  return info;
}

// Resets the connection and forgets what it has received. A descriptor of our own keeps gRPC's
// number from becoming another file in between.
void Reset(int descriptor, uint64_t cookie) {
  const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return;
  if (CookieOf(own) == cookie) {
    const sockaddr nobody = {.sa_family = AF_UNSPEC, .sa_data = {}};
    connect(own, &nobody, sizeof(nobody));
  }
  close(own);
}

ConnectionLimits WithinDescriptors(ConnectionLimits limits) {
  rlimit descriptors = {};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
    // Few as they may be, some are for connections.
    const size_t most = descriptors.rlim_cur > 2 * kDescriptorsForFiles
                            ? descriptors.rlim_cur - kDescriptorsForFiles
                            : descriptors.rlim_cur / 2;
    limits.connections_max = std::min(limits.connections_max, most);
  }
  limits.connections_per_address_max =
      std::min(limits.connections_per_address_max, limits.connections_max);
  return limits;
}

}  // namespace

int64_t ConnectionGate::Connection::OpenCallsMost() const {
  if (id == 0 || is_cut) return 0;
  return calls.open() + static_cast<int64_t>((bytes_received - bytes_counted) / kCallBytesMin);
}

int64_t ConnectionGate::Connection::CallsWithoutMessage() const {
  if (id == 0 || is_cut) return 0;
  return std::clamp<int64_t>(calls.begun - calls.messages - calls.gone_without_answer, 0,
                             calls.open());
}

ConnectionGate::ConnectionGate(ListenSockets sockets, const ConnectionLimits& limits,
                               intptr_t server, Metrics* metrics, Take take)
    : sockets_(std::move(sockets)),
      server_(server),
      metrics_(metrics),
      take_(std::move(take)),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      admission_(WithinDescriptors(limits)),
      thread_([this] { Run(); }) {
  SWOOSH_CHECK(stop_event_ >= 0);
}

ConnectionGate::~ConnectionGate() {
  const uint64_t stop = 1;
  SWOOSH_CHECK(write(stop_event_, &stop, sizeof(stop)) == sizeof(stop));
  thread_.join();
  close(stop_event_);
}

void ConnectionGate::Run() {
  NameThisThread("connections");
  while (Await()) {
    const absl::Time now = MonotonicNow();
    if (!IsTimeToLook(now)) continue;
    const absl::Duration before = ProcessorTime();
    Look(now);
    memory_bytes_ = MemoryUsedBytes();
    const absl::Duration pause = kGateTimeShare * (ProcessorTime() - before);
    next_look_ = now + std::clamp(pause, kGateIntervalMin, kGateIntervalMax);
  }
}

bool ConnectionGate::Await() {
  const absl::Time now = MonotonicNow();
  const bool is_open = left_calls_ <= kLeftCallsMax && now >= accept_again_;
  std::vector<pollfd> events = {{stop_event_, POLLIN, 0}};
  if (is_open) {
    for (const int listener : sockets_.descriptors()) events.push_back({listener, POLLIN, 0});
  }
  const bool has_some = !connections_.empty() || !left_.empty() || !is_open;
  const int timeout_ms =
      has_some ? static_cast<int>(absl::ToInt64Milliseconds(kGateIntervalMin)) : -1;
  if (poll(events.data(), events.size(), timeout_ms) < 0) SWOOSH_CHECK(errno == EINTR);
  if (events[0].revents != 0) return false;
  for (size_t i = 1; i < events.size(); ++i) {
    if (events[i].revents != 0) Accept(events[i].fd, now);
  }
  return true;
}

bool ConnectionGate::IsTimeToLook(absl::Time now) const {
  return now >= next_look_ || MemoryUsedBytes() > memory_bytes_ + kGateGrowthBytesMax;
}

void ConnectionGate::Accept(int listener, absl::Time now) {
  for (int accepted = 0; accepted < kAcceptedAtOnceMax; ++accepted) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof(peer);
    const int descriptor = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        metrics_->connections_refused_resources.Increment();
        accept_again_ = now + kAcceptPause;
      }
      return;  // else there is no more, or what there was is gone
    }
    const PeerAddress address = PeerAddress::Of(peer);
    const PeerAdmission::Verdict verdict = admission_.Enter(address, now);
    if (verdict == PeerAdmission::Verdict::kLetIn) {
      LetIn(descriptor, GrpcPeer(peer), address, now);
    } else {
      CountRefused(verdict);
      close(descriptor);
    }
  }
}

void ConnectionGate::LetIn(int descriptor, const std::string& peer, const PeerAddress& address,
                           absl::Time now) {
  Connection connection;
  connection.descriptor = descriptor;
  connection.cookie = CookieOf(descriptor);
  connection.address = address;
  connection.id_above = numbers_last_;
  connection.refilled = now;
  const auto [it, is_new] = connections_.try_emplace(peer, connection);
  if (!is_new) {
    // The one before from this address and port has ended.
    if (it->second.id != 0) left_.push_back(it->second.id);
    admission_.Leave(it->second.address);
    it->second = connection;
  }
  take_(descriptor);
}

void ConnectionGate::CountRefused(PeerAdmission::Verdict verdict) {
  switch (verdict) {
    case PeerAdmission::Verdict::kLetIn:
      break;
    case PeerAdmission::Verdict::kTooMany:
      metrics_->connections_refused_total.Increment();
      break;
    case PeerAdmission::Verdict::kTooManyOfAddress:
      metrics_->connections_refused_address.Increment();
      break;
    case PeerAdmission::Verdict::kTooFastFromAddress:
      metrics_->connections_refused_rate.Increment();
      break;
    case PeerAdmission::Verdict::kPenalty:
      metrics_->connections_refused_penalty.Increment();
      break;
  }
}

void ConnectionGate::Look(absl::Time now) {
  FindNumbers(now);
  FindThoseThatLeft();
  CountCalls(now);
  CountLeftCalls();
  CutWhatIsTooMuch(now);
  CutForMemory(now);
  metrics_->connections.Set(static_cast<double>(admission_.connections()));
}

void ConnectionGate::FindNumbers(absl::Time now) {
  if (now - numbers_time_ >= kNumbersLag) {
    numbers_before_ = numbers_last_;
    numbers_time_ = now;
  }
  intptr_t first = numbers_before_ + 1;
  while (true) {
    const std::vector<GrpcConnection> found = ConnectionsOf(server_, first);
    if (found.empty()) break;
    for (const GrpcConnection& each : found) {
      const auto it = connections_.find(each.peer);
      // Addresses and ports come again.
      if (it != connections_.end() && each.id > it->second.id_above) it->second.id = each.id;
    }
    first = found.back().id + 1;
  }
  numbers_last_ = std::max(numbers_last_, first - 1);
}

void ConnectionGate::FindThoseThatLeft() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    const auto each = it++;
    Connection& connection = each->second;
    const std::optional<tcp_info> info = CookieOf(connection.descriptor) == connection.cookie
                                             ? TcpInfo(connection.descriptor)
                                             : std::nullopt;
    if (info.has_value()) {
      // What was cut off starts anew at the kernel.
      connection.bytes_received =
          std::max<uint64_t>(connection.bytes_received, info->tcpi_bytes_received);
      connection.bytes_sent = std::max<uint64_t>(connection.bytes_sent, info->tcpi_bytes_acked);
      continue;
    }
    if (connection.id != 0) left_.push_back(connection.id);
    admission_.Leave(connection.address);
    connections_.erase(each);
  }
}

void ConnectionGate::CountCalls(absl::Time now) {
  int64_t open_most = 0;
  for (const auto& [peer, connection] : connections_) open_most += connection.OpenCallsMost();
  for (auto& [peer, connection] : connections_) {
    if (open_most > kOpenCallsMax || connection.OpenCallsMost() > kOpenCallsNotCounted) {
      CountCallsOf(&connection, now);
    }
  }
}

void ConnectionGate::CountCallsOf(Connection* connection, absl::Time now) {
  if (connection->id == 0 || connection->is_cut) return;
  const std::optional<CallCounts> calls = CallCountsOf(connection->id);
  if (!calls.has_value()) return;
  connection->may_reset += absl::ToDoubleSeconds(now - connection->refilled) * kResetsPerSecondMax;
  connection->may_reset = std::min(connection->may_reset, kResetsMax);
  connection->may_reset -=
      static_cast<double>(calls->gone_without_answer - connection->calls.gone_without_answer);
  connection->refilled = now;
  const auto received =
      static_cast<int64_t>(connection->bytes_received - connection->bytes_counted);
  // What a client says about the data that it is sent, window updates and the like, is less than
  // those data.
  const auto sent = static_cast<int64_t>(connection->bytes_sent - connection->bytes_sent_counted);
  const int64_t finished = (calls->messages - connection->calls.messages) * kRequestBytesMax + sent;
  connection->unfinished_bytes =
      calls->open() == 0 ? 0
                         : std::max<int64_t>(0, connection->unfinished_bytes + received - finished);
  const bool is_silent = calls->begun == connection->calls.begun &&
                         calls->gone == connection->calls.gone &&
                         calls->messages == connection->calls.messages;
  connection->silent_bytes =
      is_silent ? std::max<int64_t>(0, connection->silent_bytes + received - sent) : 0;
  connection->calls = *calls;
  connection->bytes_counted = connection->bytes_received;
  connection->bytes_sent_counted = connection->bytes_sent;
}

void ConnectionGate::CountLeftCalls() {
  left_calls_ = 0;
  left_.erase(std::remove_if(left_.begin(), left_.end(),
                             [this](intptr_t id) {
                               const std::optional<CallCounts> calls = CallCountsOf(id);
                               if (calls.has_value()) left_calls_ += calls->open();
                               return !calls.has_value();
                             }),
              left_.end());
  for (const auto& [peer, connection] : connections_) {
    if (!connection.is_cut) continue;
    const std::optional<CallCounts> calls = CallCountsOf(connection.id);
    if (calls.has_value()) left_calls_ += calls->open();
  }
}

void ConnectionGate::CutWhatIsTooMuch(absl::Time now) {
  for (auto& [peer, connection] : connections_) {
    if (connection.is_cut) continue;
    if (connection.calls.open() > kOpenCallsPerConnectionMax) {
      Cut(peer, &connection, "calls", &metrics_->connections_cut_calls, now);
    } else if (connection.may_reset < 0) {
      Cut(peer, &connection, "resets", &metrics_->connections_cut_resets, now);
    } else if (connection.unfinished_bytes > kUnfinishedBytesPerConnectionMax ||
               connection.silent_bytes >
                   kSilentBytesMax + connection.calls.open() * kCallBytesMax) {
      Cut(peer, &connection, "bytes", &metrics_->connections_cut_bytes, now);
    }
  }
  CutLargest([](const Connection& each) { return each.calls.open(); }, kOpenCallsMax, "all_calls",
             &metrics_->connections_cut_all_calls, now);
  CutLargest([](const Connection& each) { return each.unfinished_bytes; }, kUnfinishedBytesMax,
             "all_bytes", &metrics_->connections_cut_all_bytes, now);
}

int64_t ConnectionGate::MemoryBesideState() const {
  return static_cast<int64_t>(static_cast<double>(MemoryUsedBytes()) -
                              metrics_->state_bytes_served.Value() -
                              metrics_->state_bytes_verified.Value());
}

void ConnectionGate::CutForMemory(absl::Time now) {
  int64_t memory = MemoryBesideState();
  int64_t open = left_calls_;
  for (const auto& [peer, connection] : connections_) open += connection.OpenCallsMost();
  const bool is_quiet = open <= kQuietCalls;
  if (memory - quiet_memory_bytes_ > (is_quiet ? kCallMemoryBytesStep : call_memory_bytes_)) {
    // Much of it may be free again, of calls that are gone.
    ReturnFreeMemory();
    memory = MemoryBesideState();
  }
  quiet_memory_bytes_ = is_quiet ? memory : std::min(quiet_memory_bytes_, memory);
  const int64_t grown = memory - quiet_memory_bytes_;
  call_memory_bytes_ =
      std::clamp(grown + kCallMemoryBytesStep, kCallMemoryBytesMax, call_memory_bytes_);
  if (grown <= call_memory_bytes_) return;
  call_memory_bytes_ = grown + kCallMemoryBytesStep;
  int64_t without_message = 0;
  for (auto& [peer, connection] : connections_) {
    CountCallsOf(&connection, now);
    without_message += connection.CallsWithoutMessage();
  }
  CutLargest([](const Connection& each) { return each.CallsWithoutMessage(); }, without_message / 4,
             "memory", &metrics_->connections_cut_memory, now);
}

void ConnectionGate::CutLargest(const std::function<int64_t(const Connection&)>& amount,
                                int64_t most, absl::string_view why, prometheus::Counter* counter,
                                absl::Time now) {
  int64_t sum = 0;
  for (const auto& [peer, connection] : connections_) {
    if (!connection.is_cut) sum += amount(connection);
  }
  while (sum > most) {
    std::pair<const std::string, Connection>* largest = nullptr;
    for (auto& each : connections_) {
      if (each.second.is_cut) continue;
      if (largest == nullptr || amount(each.second) > amount(largest->second)) largest = &each;
    }
    SWOOSH_CHECK(largest != nullptr);
    sum -= amount(largest->second);
    Cut(largest->first, &largest->second, why, counter, now);
  }
}

void ConnectionGate::Cut(const std::string& peer, Connection* connection, absl::string_view why,
                         prometheus::Counter* counter, absl::Time now) {
  Reset(connection->descriptor, connection->cookie);
  connection->is_cut = true;
  admission_.Penalise(connection->address, now);
  counter->Increment();
  LogLine(LogLevel::kWarn, "connection_cut")
      .With("peer", peer)
      .With("limit", why)
      .With("calls_open", connection->calls.open())
      .With("calls_without_answer", connection->calls.gone_without_answer)
      .With("unfinished_bytes", connection->unfinished_bytes)
      .With("silent_bytes", connection->silent_bytes);
}

}  // namespace swoosh
