// Sends SET commands to a Redis server over one connection, many in flight, and prints a line of
// JSON as wire_load does. Message N, counted from --first, sets key N modulo --keys to a value that
// begins with N in 20 digits, so that what was lost can be told afterwards.
//
//   redis_load --port=6379 --in_flight=1000 --request_bytes=180 --duration=5s

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/bench/load_plan.h"

ABSL_FLAG(int, port, 6379, "Of the server, on 127.0.0.1.");
ABSL_FLAG(uint64_t, in_flight, 1, "Commands that wait for an answer, at most.");
ABSL_FLAG(uint64_t, keys, 1000, "Keys.");
ABSL_FLAG(uint64_t, request_bytes, 180, "Bytes of a command, all in all.");
ABSL_FLAG(uint64_t, first, 0, "The first message's number.");
ABSL_FLAG(absl::Duration, warm_up, absl::Seconds(1), "Sent and not measured.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(5), "Measured.");

namespace swoosh {
namespace {

constexpr absl::string_view kOk = "+OK\r\n";
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kAnswerTimeoutMs = 30'000;

absl::Status Errno(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// A SET of `number`, in Redis' protocol (redis.io/docs/reference/protocol-spec).
std::string Command(uint64_t number, uint64_t keys, size_t value_bytes) {
  std::string value = absl::StrFormat("%020d", number);
  value.resize(std::max(value.size(), value_bytes), 'x');
  const std::string key = absl::StrFormat("instance-%06d", number % keys);
  return absl::StrCat("*3\r\n$3\r\nSET\r\n$", key.size(), "\r\n", key, "\r\n$", value.size(),
                      "\r\n", value, "\r\n");
}

// One connection with its commands. Not thread-safe.
class RedisLoad {
 public:
  RedisLoad(int socket, LoadPlan plan) : socket_(socket), plan_(plan) {
    const size_t wanted = absl::GetFlag(FLAGS_request_bytes);
    value_bytes_ = wanted;
    while (value_bytes_ > 0 && Command(0, keys_, value_bytes_).size() > wanted) --value_bytes_;
  }

  absl::StatusOr<std::string> Run() {
    absl::Time now = absl::Now();
    while (!plan_.Ended(now) || !due_.empty()) {
      Fill(now);
      const absl::Status moved = AwaitAndMove();
      if (!moved.ok()) return moved;
      now = absl::Now();
      const absl::Status taken = TakeAnswers(now);
      if (!taken.ok()) return taken;
    }
    return tally_.ToJson(plan_);
  }

 private:
  void Fill(absl::Time now) {
    absl::Time due;
    while (due_.size() < in_flight_ && plan_.Take(now, &due)) {
      absl::StrAppend(&to_write_, Command(next_++, keys_, value_bytes_));
      due_.push_back(due);
    }
  }

  // Writes what can be written, and reads what can be read.
  absl::Status AwaitAndMove() {
    pollfd events = {socket_, static_cast<int16_t>(to_write_.empty() ? POLLIN : POLLIN | POLLOUT),
                     0};
    const int ready = poll(&events, 1, due_.empty() ? 0 : kAnswerTimeoutMs);
    if (ready < 0 && errno != EINTR) return Errno("poll");
    if (ready == 0 && !due_.empty()) return absl::DeadlineExceededError("no answer for long");
    if ((events.revents & POLLOUT) != 0) {
      const ssize_t sent = send(socket_, to_write_.data(), to_write_.size(), MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return Errno("send");
      if (sent > 0) to_write_.erase(0, static_cast<size_t>(sent));
    }
    if ((events.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      char bytes[kReadBytes];
      const ssize_t read = recv(socket_, bytes, sizeof(bytes), MSG_DONTWAIT);
      if (read == 0) return absl::UnavailableError("the server closed the connection");
      if (read < 0 && errno != EAGAIN && errno != EINTR) return Errno("recv");
      if (read > 0) read_.append(bytes, static_cast<size_t>(read));
    }
    return absl::OkStatus();
  }

  absl::Status TakeAnswers(absl::Time now) {
    absl::string_view rest = read_;
    while (rest.size() >= kOk.size()) {
      if (rest.substr(0, kOk.size()) != kOk || due_.empty()) {
        return absl::InternalError(absl::StrCat("not OK but ", rest.substr(0, 80)));
      }
      rest.remove_prefix(kOk.size());
      tally_.reply_bytes += kOk.size();
      tally_.Answered(plan_, due_.front(), now);
      due_.pop_front();
    }
    read_.erase(0, read_.size() - rest.size());
    return absl::OkStatus();
  }

  const int socket_;
  LoadPlan plan_;
  LoadTally tally_;
  const uint64_t in_flight_ = absl::GetFlag(FLAGS_in_flight);
  const uint64_t keys_ = absl::GetFlag(FLAGS_keys);
  uint64_t next_ = absl::GetFlag(FLAGS_first);
  size_t value_bytes_ = 0;
  std::string to_write_;
  std::string read_;
  std::deque<absl::Time> due_;  // of what was sent and is not answered
};

absl::StatusOr<int> Connect(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return Errno("socket");
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const absl::Status status = Errno("connect");
    close(connection);
    return status;
  }
  return connection;
}

absl::StatusOr<std::string> RunLoad() {
  const absl::StatusOr<int> connection = Connect(absl::GetFlag(FLAGS_port));
  if (!connection.ok()) return connection.status();
  const LoadPlan plan(absl::Now(), absl::GetFlag(FLAGS_warm_up), absl::GetFlag(FLAGS_duration), 0);
  absl::StatusOr<std::string> json = RedisLoad(*connection, plan).Run();
  close(*connection);
  return json;
}

int Main() { return PrintOutcome(RunLoad()); }

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return swoosh::Main();
}
