#include "server/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/exit_codes.h"
#include "server/version.h"

namespace swoosh {
namespace {

constexpr char kDescription[] =
    "swooshd serves durable state machines over gRPC, from a store in a folder.\n"
    "With --data_dir on a fresh folder it makes a new store; otherwise it recovers the one there.";

constexpr char kFooter[] =
    "When it is ready it prints one line on stdout:\n"
    "  serving grpc=HOST:PORT http=HOST:PORT index=N state_hash=HEX\n"
    "SIGTERM or SIGINT shuts it down cleanly; a second one ends it at once.\n"
    "\n"
    "Examples:\n"
    "  swooshd                                    serve ./swoosh-data on 127.0.0.1:7070\n"
    "  swooshd --listen 127.0.0.1:0 --http 127.0.0.1:0\n"
    "                                             on free ports, which the line names\n"
    "  swooshd verify --data_dir ./swoosh-data    prove a store while no server has it open\n"
    "  swooshd repair --data_dir ./swoosh-data    cut a damaged store after its last good record\n"
    "  swooshd restore --data_dir ./new FILE      make a store of what swooshctl backup wrote\n"
    "  swooshd dump --data_dir ./swoosh-data      write its records as lines of JSON\n"
    "\n"
    "Exit codes: 0 shut down as asked, 1 could not start, 2 bad flags, 3 refused (a clock runs\n"
    "ahead), 4 damage found, 5 a write failed, 6 did not shut down in time, 20 to 29 the store "
    "was\n"
    "refused (in use, newer than this program), 30 to 69 it is damaged: server/OPERATING.md.";

constexpr char kRepairDescription[] =
    "Make a store that opens of one that is refused for damage. Says what is kept and what is "
    "lost,\n"
    "and asks before it changes anything; the files as they were stay in WAL_DIR/evidence. Takes\n"
    "--data_dir, --wal_dir and --snapshot_dir.";

constexpr char kVerifyDescription[] =
    "Replay the store offline from its oldest state, checking every hash, and print the last\n"
    "index and the state's hash. What is stored stays as it is. Takes --data_dir, --wal_dir and\n"
    "--snapshot_dir.";

constexpr char kRestoreDescription[] =
    "Make a store of a backup that swooshctl backup wrote, in empty folders. Every record is\n"
    "checked and replayed; the new store has a history id of its own. Takes --data_dir, --wal_dir\n"
    "and --snapshot_dir.";

constexpr char kDumpDescription[] =
    "Write the records of a store to stdout, each as a line of JSON (swoosh.v1.Record), while no\n"
    "server has it open. Changes nothing. A record that is damaged ends it with an error, after\n"
    "those before it. Takes --data_dir and --wal_dir.";

// The flags as text, before they are checked together.
struct Texts {
  std::string listen = "127.0.0.1:7070";
  std::string http = "127.0.0.1:7071";
  std::string guard_provider;
  std::string clock = "system";
  TlsPaths guard_tls;
  TlsPaths tls;
};

// The options that only serving takes.
using ServeOnly = std::vector<CLI::Option*>;

void AddSecurityFlags(CLI::App* app, Options* options, Texts* texts, ServeOnly* serve_only) {
  const auto add = [&](const char* flag, std::string* value, const char* help,
                       const char* variable) {
    serve_only->push_back(
        app->add_option(flag, *value, help)->envname(variable)->type_name("FILE"));
  };
  add("--tls_cert", &texts->tls.certificate,
      "PEM file of the server's certificate and those between it and the root, for gRPC and HTTP; "
      "read again when it changes",
      "SWOOSH_TLS_CERT");
  add("--tls_key", &texts->tls.key, "PEM file of its private key", "SWOOSH_TLS_KEY");
  add("--tls_client_ca", &texts->tls.roots,
      "PEM file of the roots of client certificates: clients must have one then, but for /healthz "
      "and /readyz",
      "SWOOSH_TLS_CLIENT_CA");
  add("--guard_ca", &texts->guard_tls.roots,
      "PEM file of the roots of the GuardProvider's certificate: it is asked through TLS then; "
      "this "
      "one and the next two are read again when they change",
      "SWOOSH_GUARD_CA");
  add("--guard_cert", &texts->guard_tls.certificate,
      "PEM file of the certificate that the GuardProvider is shown, and those between it and the "
      "root",
      "SWOOSH_GUARD_CERT");
  add("--guard_key", &texts->guard_tls.key, "PEM file of its private key", "SWOOSH_GUARD_KEY");
  add("--auth", &options->auth_file,
      "JSON file of who may do what (swoosh.v1.AccessFile); whoever is not in it is refused. Read "
      "again when it changes (default: everybody may do everything)",
      "SWOOSH_AUTH");
  serve_only->push_back(
      app->add_flag("--insecure", options->insecure,
                    "Use other than loopback addresses, although what goes there is not encrypted")
          ->envname("SWOOSH_INSECURE"));
}

void AddConnectionFlags(CLI::App* app, Options* options, ServeOnly* serve_only) {
  const auto add = [&](const char* flag, size_t* value, const char* help, const char* variable) {
    serve_only->push_back(app->add_option(flag, *value, help)
                              ->envname(variable)
                              ->check(CLI::PositiveNumber)
                              ->type_name("N")
                              ->capture_default_str());
  };
  add("--connections_max", &options->connections.connections_max,
      "gRPC connections at a time; further ones are closed", "SWOOSH_CONNECTIONS_MAX");
  add("--connections_per_address_max", &options->connections.connections_per_address_max,
      "Those of one IPv4 address or IPv6 network of 64 bits", "SWOOSH_CONNECTIONS_PER_ADDRESS_MAX");
}

ServeOnly AddFlags(CLI::App* app, Options* options, Texts* texts) {
  app->add_option("--data_dir", options->data_dir, "Folder of the store")
      ->envname("SWOOSH_DATA_DIR")
      ->type_name("DIR")
      ->capture_default_str();
  app->add_option("--wal_dir", options->wal_dir, "Folder of the log (default: DATA_DIR/wal)")
      ->envname("SWOOSH_WAL_DIR")
      ->type_name("DIR");
  app->add_option("--snapshot_dir", options->snapshot_dir,
                  "Folder of the snapshots (default: DATA_DIR/snapshots)")
      ->envname("SWOOSH_SNAPSHOT_DIR")
      ->type_name("DIR");

  ServeOnly serve_only;
  serve_only.push_back(app->add_option("--listen", texts->listen,
                                       "Address of the gRPC services; port 0 is a free one")
                           ->envname("SWOOSH_LISTEN_ADDR")
                           ->type_name("HOST:PORT")
                           ->capture_default_str());
  serve_only.push_back(
      app->add_option("--http", texts->http,
                      "Address of the contract as JSON (/v1/state, ...), /metrics, /healthz and "
                      "/readyz")
          ->envname("SWOOSH_HTTP_ADDR")
          ->type_name("HOST:PORT")
          ->capture_default_str());
  serve_only.push_back(app->add_option("--guard_provider", texts->guard_provider,
                                       "Address of the GuardProvider that answers external guards "
                                       "(default: none does)")
                           ->envname("SWOOSH_GUARD_PROVIDER")
                           ->type_name("HOST:PORT"));
  serve_only.push_back(app->add_option("--clock", texts->clock,
                                       "Where records' time comes from: system, or manual, which "
                                       "stands still until Admin.AdvanceClock moves it")
                           ->envname("SWOOSH_CLOCK")
                           ->check(CLI::IsMember({"system", "manual"}))
                           ->type_name("KIND")
                           ->capture_default_str());
  serve_only.push_back(
      app->add_option("--snapshot_every_records", options->snapshot_every_records,
                      "Take a snapshot every N records (default: when replaying the log after the "
                      "last one would take 5 s)")
          ->envname("SWOOSH_SNAPSHOT_EVERY_RECORDS")
          ->check(CLI::PositiveNumber)
          ->type_name("N"));
  serve_only.push_back(app->add_option("--retain_records", options->retain_records,
                                       "Trim the log to its newest N records, never above the "
                                       "oldest snapshot (default: keep everything)")
                           ->envname("SWOOSH_RETAIN_RECORDS")
                           ->check(CLI::PositiveNumber)
                           ->type_name("N"));
  AddSecurityFlags(app, options, texts, &serve_only);
  AddConnectionFlags(app, options, &serve_only);
  // No environment variable: it has to be said each time.
  serve_only.push_back(app->add_flag("--accept_clock_ahead", options->accept_clock_ahead,
                                     "Serve a store whose last record is more than an hour ahead "
                                     "of this machine's clock"));
  return serve_only;
}

// `is_safe`: whatever the address, because of TLS, or because --insecure says so.
absl::StatusOr<HostPort> ParseAddress(absl::string_view flag, const std::string& text,
                                      bool is_safe) {
  absl::StatusOr<HostPort> address = ParseHostPort(text);
  if (!address.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": ", address.status().message()));
  }
  if (!address->IsLoopback() && !is_safe) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": ", text, " is not a loopback address, and what goes there is not encrypted; use ",
        flag == "--guard_provider" ? "--guard_ca" : "--tls_cert and --tls_key",
        ", or add --insecure if that is meant"));
  }
  return address;
}

// Which of the TLS flags take which others.
absl::Status CheckTls(const Texts& texts) {
  if (texts.tls.certificate.empty() != texts.tls.key.empty()) {
    return absl::InvalidArgumentError("--tls_cert and --tls_key: one takes the other");
  }
  if (texts.tls.certificate.empty() && !texts.tls.roots.empty()) {
    return absl::InvalidArgumentError("--tls_client_ca: takes --tls_cert and --tls_key");
  }
  const TlsPaths& guard = texts.guard_tls;
  if (guard.certificate.empty() != guard.key.empty()) {
    return absl::InvalidArgumentError("--guard_cert and --guard_key: one takes the other");
  }
  if (guard.roots.empty() && !guard.certificate.empty()) {
    return absl::InvalidArgumentError("--guard_cert: takes --guard_ca");
  }
  if (texts.guard_provider.empty() && !guard.roots.empty()) {
    return absl::InvalidArgumentError("--guard_ca: takes --guard_provider");
  }
  return absl::OkStatus();
}

// Checks what CLI11 can't, and fills what depends on other flags.
absl::Status Complete(const Texts& texts, Options* options) {
  if (options->data_dir.empty()) return absl::InvalidArgumentError("--data_dir: must not be empty");
  if (options->wal_dir.empty()) options->wal_dir = absl::StrCat(options->data_dir, "/wal");
  if (options->snapshot_dir.empty()) {
    options->snapshot_dir = absl::StrCat(options->data_dir, "/snapshots");
  }
  options->manual_clock = texts.clock == "manual";
  if (absl::Status status = CheckTls(texts); !status.ok()) return status;
  if (!texts.tls.certificate.empty()) options->tls = texts.tls;
  if (!texts.guard_tls.roots.empty()) options->guard_tls = texts.guard_tls;
  const bool is_safe = options->insecure || options->tls.has_value();
  absl::StatusOr<HostPort> listen = ParseAddress("--listen", texts.listen, is_safe);
  if (!listen.ok()) return listen.status();
  absl::StatusOr<HostPort> http = ParseAddress("--http", texts.http, is_safe);
  if (!http.ok()) return http.status();
  if (!texts.guard_provider.empty()) {
    absl::StatusOr<HostPort> provider =
        ParseAddress("--guard_provider", texts.guard_provider,
                     options->insecure || options->guard_tls.has_value());
    if (!provider.ok()) return provider.status();
    if (provider->port == 0) {
      return absl::InvalidArgumentError("--guard_provider: the port must not be 0");
    }
    options->guard_provider = *std::move(provider);
  }
  options->listen = *std::move(listen);
  options->http = *std::move(http);
  return absl::OkStatus();
}

ParsedOptions UsageError(absl::string_view message) {
  ParsedOptions parsed;
  parsed.exit_code = kExitUsage;
  parsed.error = absl::StrCat("swooshd: ", message, "\nRun 'swooshd --help' for the flags.\n");
  return parsed;
}

// What --help, --version or a mistake on the command line leads to.
ParsedOptions Outcome(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream output;
  std::ostringstream ignored;
  if (error.get_exit_code() != 0) return UsageError(error.what());
  app.exit(error, output, ignored);
  ParsedOptions parsed;
  parsed.output = output.str();
  return parsed;
}

}  // namespace

std::string HostPort::ToString() const {
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

bool HostPort::IsLoopback() const {
  if (host == "localhost" || host == "::1") return true;
  // A name may begin with "127." too.
  return absl::StartsWith(host, "127.") &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const auto error = [text](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not HOST:PORT: ", what));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return error("there is no port");
  HostPort address;
  absl::string_view host = text.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return error("an IPv6 address needs brackets");
  }
  if (host.empty()) return error("there is no host");
  address.host = std::string(host);
  if (!absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 0 ||
      address.port > 65535) {
    return error("the port must be a number from 0 to 65535");
  }
  return address;
}

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  Options options;
  options.data_dir = "./swoosh-data";
  Texts texts;
  CLI::App app(kDescription, "swooshd");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("swooshd ") + kVersion);
  const ServeOnly serve_only = AddFlags(&app, &options, &texts);
  CLI::App* verify = app.add_subcommand("verify", kVerifyDescription)->fallthrough();
  CLI::App* repair = app.add_subcommand("repair", kRepairDescription)->fallthrough();
  repair->add_flag("--yes", options.yes, "Don't ask");
  CLI::App* restore = app.add_subcommand("restore", kRestoreDescription)->fallthrough();
  restore->add_option("FILE", options.backup_file, "The backup; - is standard input")->required();
  CLI::App* dump = app.add_subcommand("dump", kDumpDescription)->fallthrough();
  dump->add_option("--from", options.dump_from, "The first record (default: of the log)")
      ->check(CLI::PositiveNumber)
      ->type_name("INDEX");
  dump->add_option("--to", options.dump_to, "The last record (default: of the log)")
      ->check(CLI::PositiveNumber)
      ->type_name("INDEX");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Outcome(app, error);
  }
  if (verify->parsed()) options.command = Options::Command::kVerify;
  if (repair->parsed()) options.command = Options::Command::kRepair;
  if (restore->parsed()) options.command = Options::Command::kRestore;
  if (dump->parsed()) options.command = Options::Command::kDump;
  if (options.command != Options::Command::kServe) {
    for (const CLI::Option* option : serve_only) {
      // What stands in the environment is meant for the server, and does no harm here.
      if (option->count() > 0 && std::getenv(option->get_envname().c_str()) == nullptr) {
        return UsageError(absl::StrCat(option->get_name(), ": not a flag of '",
                                       app.get_subcommands().front()->get_name(), "'"));
      }
    }
  }
  if (const absl::Status status = Complete(texts, &options); !status.ok()) {
    return UsageError(status.message());
  }
  ParsedOptions parsed;
  parsed.options = std::move(options);
  return parsed;
}

}  // namespace swoosh
