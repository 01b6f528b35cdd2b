#ifndef SWOOSH_SERVER_SWOOSHD_FOR_TEST_H_
#define SWOOSH_SERVER_SWOOSHD_FOR_TEST_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/temporary_directory.h"

namespace swoosh {

// What a swooshd that ended has left.
struct Ended {
  int exit_code = -1;  // 128 + signal if it was killed
  std::string output;  // stdout
  std::string error;   // stderr
};

// A real swooshd as a child process. Killed with the object, if it still runs.
class SwooshdProcess {
 public:
  // Starts it with `flags`, and --listen and --http on free ports of loopback, unless `flags` says
  // otherwise. Writing beyond `file_bytes_max` in any file fails, if that is not 0.
  explicit SwooshdProcess(std::vector<std::string> flags, uint64_t file_bytes_max = 0);
  ~SwooshdProcess();
  SwooshdProcess(const SwooshdProcess&) = delete;
  SwooshdProcess& operator=(const SwooshdProcess&) = delete;

  // Waits for the serving line and reads it. False when the process ended instead.
  bool AwaitServing();

  // From the serving line:
  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& http_address() const { return http_address_; }
  const std::string& index() const { return index_; }
  const std::string& state_hash() const { return state_hash_; }

  void Signal(int signal);
  // Waits for the end, and fails the test after a minute.
  Ended Await();
  Ended Stop(int signal) {
    Signal(signal);
    return Await();
  }

  // The whole answer of the HTTP port to a GET of `path`, headers included.
  std::string HttpGet(absl::string_view path) const;

 private:
  pid_t pid_ = -1;
  int output_ = -1;  // the pipe's end
  std::string output_text_;
  TemporaryDirectory folder_;
  std::string grpc_address_;
  std::string http_address_;
  std::string index_;
  std::string state_hash_;
};

// Runs swooshd with exactly these arguments to its end.
Ended RunSwooshd(std::vector<std::string> arguments);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SWOOSHD_FOR_TEST_H_
