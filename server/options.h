#ifndef SWOOSH_SERVER_OPTIONS_H_
#define SWOOSH_SERVER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/peer_admission.h"
#include "server/tls_files.h"

namespace swoosh {

// An address as flags name it: "127.0.0.1:7070", "localhost:0", "[::1]:7070". Port 0 picks a free
// one.
struct HostPort {
  std::string host;  // without brackets
  int port = 0;

  // "HOST:PORT", with brackets around an IPv6 address.
  std::string ToString() const;
  // True for 127.0.0.0/8, ::1 and localhost.
  bool IsLoopback() const;
};

// kInvalidArgument when `text` is not HOST:PORT.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// What swooshd was asked to do.
struct Options {
  enum class Command { kServe, kVerify, kRepair, kRestore, kDump };
  Command command = Command::kServe;
  HostPort listen;
  HostPort http;
  std::optional<HostPort> guard_provider;
  std::string data_dir;
  std::string wal_dir;
  std::string snapshot_dir;
  bool manual_clock = false;
  uint64_t snapshot_every_records = 0;  // 0: by the time that a replay would take
  uint64_t retain_records = 0;          // 0: everything
  bool insecure = false;
  std::optional<TlsPaths> guard_tls;  // unset: the provider is asked without TLS
  std::optional<TlsPaths> tls;        // of gRPC and HTTP; unset: without TLS
  std::string auth_file;              // "": everybody may do everything
  ConnectionLimits connections;
  bool accept_clock_ahead = false;
  bool yes = false;         // of repair: don't ask
  std::string backup_file;  // restore; "-" is standard input
  uint64_t dump_from = 0;   // dump; 0: the first record
  uint64_t dump_to = 0;     // dump; 0: the last record
};

// Either options, or why the process should end now: with `exit_code`, after writing `output`
// (--help, --version) to stdout and `error` to stderr.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
  std::string output;
  std::string error;
};

// Parses the command line, strictly; a flag that is absent is taken from its environment variable,
// and else has its default. Reads the environment, has no other effect.
ParsedOptions ParseOptions(int argc, const char* const* argv);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_OPTIONS_H_
