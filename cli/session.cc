#include "cli/session.h"

#include <ostream>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/document.h"
#include "cli/error_text.h"
#include "cli/exit_codes.h"
#include "cli/message_reader.h"
#include "cli/proto_text.h"
#include "cli/rpc_status.h"
#include "cli/text_file.h"
#include "cli/yaml_document.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr size_t kSecurityFileBytesMax = 1'024 * 1'024;

bool IsLoopback(absl::string_view server) {
  return absl::StartsWith(server, "localhost:") || absl::StartsWith(server, "127.") ||
         absl::StartsWith(server, "[::1]:");
}

absl::Status ReadInto(const std::string& path, std::string* content) {
  if (path.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> read = ReadTextFile(path, kSecurityFileBytesMax);
  if (read.ok()) *content = *std::move(read);
  return read.status();
}

}  // namespace

absl::Duration Session::timeout() const {
  absl::Duration timeout;
  SWOOSH_CHECK(absl::ParseDuration(options_.timeout, &timeout));  // The command line checked it.
  return timeout;
}

absl::Status Session::ReadSecurity() {
  if (options_.certificate.empty() != options_.key.empty()) {
    return absl::InvalidArgumentError("--cert and --key: one takes the other");
  }
  if (!options_.token.empty() && !options_.token_file.empty()) {
    return absl::InvalidArgumentError("--token and --token-file: only one of them");
  }
  security_.tls = options_.tls || !options_.ca.empty() || !options_.certificate.empty();
  security_.token = options_.token;
  absl::Status status = ReadInto(options_.ca, &security_.ca_pem);
  if (status.ok()) status = ReadInto(options_.certificate, &security_.certificate_pem);
  if (status.ok()) status = ReadInto(options_.key, &security_.key_pem);
  if (status.ok()) status = ReadInto(options_.token_file, &security_.token);
  absl::StripAsciiWhitespace(&security_.token);
  if (status.ok() && !security_.token.empty() && !security_.tls && !IsLoopback(options_.server)) {
    return absl::InvalidArgumentError(
        "a token is sent to another machine only with --tls: anybody between could read it");
  }
  return status;
}

Client* Session::client() {
  if (client_ == nullptr) client_ = AnotherClient();
  return client_.get();
}

std::unique_ptr<Client> Session::AnotherClient() const {
  return NewClient(options_.server, timeout(), security_);
}

void Session::PrintJson(const google::protobuf::Message& message) {
  // Whoever reads lines from a pipe wants each when it is there.
  out() << ToJson(message) << std::endl;
}

int Session::RpcFailed(const absl::Status& status, absl::string_view event) {
  out().flush();
  if (json()) {
    err() << ToJson(ToRpcStatus(status)) << "\n";
  } else {
    err() << ErrorText(status, event, palette());
  }
  return RpcExitCode(status);
}

int Session::UsageFailed(absl::string_view message) {
  err() << "swooshctl: " << message << "\n";
  return kCliUsage;
}

int Session::Failed(absl::string_view message) {
  out().flush();
  err() << palette().Red("error:") << " " << Printable(message) << "\n";
  return kCliFailed;
}

absl::StatusOr<google::protobuf::Struct> ReadStructArgument(const std::string& argument,
                                                            absl::string_view name) {
  google::protobuf::Struct message;
  if (argument.empty()) return message;
  std::string text = argument;
  std::string where(name);
  bool yaml = false;
  if (absl::StartsWith(argument, "@")) {
    const std::string path = argument.substr(1);
    absl::StatusOr<std::string> content = ReadTextFile(path, kDocumentBytesMax);
    if (!content.ok()) return content.status();
    text = *std::move(content);
    where = path;
    yaml = absl::EndsWithIgnoreCase(path, ".yaml") || absl::EndsWithIgnoreCase(path, ".yml");
  }
  const absl::StatusOr<Node> tree = yaml ? ParseYaml(text) : ParseJson(text);
  absl::Status status = tree.status();
  if (status.ok()) status = ReadStruct(*tree, "", &message);
  if (status.ok()) return message;
  return absl::InvalidArgumentError(absl::StrCat(where, ":", status.message()));
}

std::string RandomHex(size_t bytes) {
  std::random_device device;
  std::string random;
  while (random.size() < bytes) random.push_back(static_cast<char>(device()));
  return absl::BytesToHexString(random);
}

}  // namespace swoosh
