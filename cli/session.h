#ifndef SWOOSH_CLI_SESSION_H_
#define SWOOSH_CLI_SESSION_H_

#include <iosfwd>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/text_table.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace swoosh {

// What every command takes.
struct GlobalOptions {
  std::string server = "127.0.0.1:7070";
  std::string ns = "default";
  std::string output = "table";  // or "json"
  std::string timeout = "30s";
  bool no_color = false;
  bool tls = false;         // also by any of the three files
  std::string ca;           // files, "" = none
  std::string certificate;  // with key
  std::string key;
  std::string token;
  std::string token_file;
};

// Where a command reads and writes, and whom it talks to. One thread, but for client().
class Session {
 public:
  // The streams must outlive it. `out_is_terminal`: stdout may be coloured; `in_is_terminal`:
  // somebody types.
  Session(std::istream* in, std::ostream* out, std::ostream* err, bool in_is_terminal,
          bool out_is_terminal)
      : in_(in),
        out_(out),
        err_(err),
        in_is_terminal_(in_is_terminal),
        out_is_terminal_(out_is_terminal) {}

  GlobalOptions* options() { return &options_; }
  const std::string& ns() const { return options_.ns; }
  absl::Duration timeout() const;
  bool json() const { return options_.output == "json"; }

  std::istream& in() { return *in_; }
  std::ostream& out() { return *out_; }
  std::ostream& err() { return *err_; }
  bool in_is_terminal() const { return in_is_terminal_; }
  Palette palette() const { return Palette(out_is_terminal_ && !options_.no_color); }

  // Reads the files that the options name, for the clients made afterwards. kInvalidArgument when
  // the options contradict each other; the errors of ReadTextFile.
  absl::Status ReadSecurity();

  // The server's, made when it is asked for first; or what SetClient gave.
  Client* client();
  void SetClient(std::unique_ptr<Client> client) { client_ = std::move(client); }
  // Another one of the same server's, with a connection of its own.
  std::unique_ptr<Client> AnotherClient() const;

  // A message as one line of JSON.
  void PrintJson(const google::protobuf::Message& message);

  // Tells of an error on stderr (with -o json as one line of a google.rpc.Status) and returns the
  // exit code: for an RPC, for the command line, for anything else. `event`: see ErrorText.
  int RpcFailed(const absl::Status& status, absl::string_view event = "");
  int UsageFailed(absl::string_view message);
  int Failed(absl::string_view message);

 private:
  std::istream* const in_;
  std::ostream* const out_;
  std::ostream* const err_;
  const bool in_is_terminal_;
  const bool out_is_terminal_;
  GlobalOptions options_;
  ClientSecurity security_;
  std::unique_ptr<Client> client_;
};

// A JSON object given on the command line: its text, or @FILE for that of a file (JSON, or YAML by
// its name). "" = an empty one. kInvalidArgument when it is none; the errors of ReadTextFile.
absl::StatusOr<google::protobuf::Struct> ReadStructArgument(const std::string& argument,
                                                            absl::string_view name);

// `bytes` random bytes in hexadecimal: for ids that nobody chose.
std::string RandomHex(size_t bytes);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SESSION_H_
