#include "server/swooshd_for_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "core/check.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr absl::Duration kEndTimeout = absl::Minutes(1);
constexpr absl::Duration kEndPoll = absl::Milliseconds(5);

// Tests run at the root of the runfiles.
constexpr char kBinary[] = "server/swooshd";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool HasFlag(const std::vector<std::string>& flags, absl::string_view name) {
  return std::any_of(flags.begin(), flags.end(),
                     [name](const std::string& flag) { return absl::StartsWith(flag, name); });
}

// Starts the binary; its stdout is the returned pipe, its stderr the file.
pid_t Spawn(const std::vector<std::string>& arguments, const std::string& error_path,
            uint64_t file_bytes_max, int* output) {
  int ends[2];
  SWOOSH_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  std::vector<char*> argv = {const_cast<char*>(kBinary)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int error = open(error_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  SWOOSH_CHECK(error >= 0);
  const pid_t pid = fork();
  SWOOSH_CHECK(pid >= 0);
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (file_bytes_max != 0) {
      const rlimit limit = {file_bytes_max, file_bytes_max};
      setrlimit(RLIMIT_FSIZE, &limit);
      signal(SIGXFSZ, SIG_IGN);  // so that the write fails instead
    }
    execv(kBinary, argv.data());
    _exit(127);
  }
  close(ends[1]);
  close(error);
  *output = ends[0];
  return pid;
}

void ReadToEnd(int file, std::string* text) {
  char buffer[4'096];
  for (ssize_t n; (n = read(file, buffer, sizeof(buffer))) > 0;) text->append(buffer, n);
}

// The exit code of a child, once it ended; -1 when it doesn't.
int AwaitChild(pid_t pid) {
  const absl::Time deadline = absl::Now() + kEndTimeout;
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (absl::Now() > deadline) {
      ADD_FAILURE() << "swooshd does not end";
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return -1;
    }
    absl::SleepFor(kEndPoll);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

SwooshdProcess::SwooshdProcess(std::vector<std::string> flags, uint64_t file_bytes_max) {
  if (!HasFlag(flags, "--listen")) flags.push_back("--listen=127.0.0.1:0");
  if (!HasFlag(flags, "--http")) flags.push_back("--http=127.0.0.1:0");
  pid_ = Spawn(flags, folder_ / "stderr", file_bytes_max, &output_);
}

SwooshdProcess::~SwooshdProcess() {
  if (pid_ >= 0) Stop(SIGKILL);
}

bool SwooshdProcess::AwaitServing() {
  while (!absl::StrContains(output_text_, '\n')) {
    char c = 0;
    if (read(output_, &c, 1) <= 0) return false;
    output_text_.push_back(c);
  }
  const std::vector<std::string> words = absl::StrSplit(output_text_, absl::ByAnyChar(" =\n"));
  if (words.size() != 10 || words[0] != "serving") {
    ADD_FAILURE() << output_text_;
    return false;
  }
  grpc_address_ = words[2];
  http_address_ = words[4];
  index_ = words[6];
  state_hash_ = words[8];
  return true;
}

void SwooshdProcess::Signal(int signal) { kill(pid_, signal); }

Ended SwooshdProcess::Await() {
  Ended ended;
  ended.exit_code = AwaitChild(pid_);
  pid_ = -1;
  ReadToEnd(output_, &output_text_);
  close(output_);
  ended.output = output_text_;
  ended.error = ReadFile(folder_ / "stderr");
  return ended;
}

std::string SwooshdProcess::HttpGet(absl::string_view path) const {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(http_address_.substr(http_address_.rfind(':') + 1), &port));
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\n\r\n");
  EXPECT_GT(write(connection, request.data(), request.size()), 0);
  std::string answer;
  ReadToEnd(connection, &answer);
  close(connection);
  return answer;
}

Ended RunSwooshd(std::vector<std::string> arguments) {
  const TemporaryDirectory folder;
  Ended ended;
  int output = -1;
  const pid_t pid = Spawn(arguments, folder / "stderr", 0, &output);
  ReadToEnd(output, &ended.output);
  close(output);
  ended.exit_code = AwaitChild(pid);
  ended.error = ReadFile(folder / "stderr");
  return ended;
}

}  // namespace swoosh
