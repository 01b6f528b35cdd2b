#include "cli/backup_command.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/new_file.h"
#include "cli/proto_text.h"
#include "cli/text_table.h"
#include "core/backup_format.h"
#include "core/sha256.h"
#include "swoosh/v1/backup.pb.h"

namespace swoosh {
namespace {

constexpr absl::Duration kProgressInterval = absl::Seconds(2);
constexpr double kMebibyte = 1'048'576;

// Checks the bytes of a backup as they come, and remembers what they say.
class Received {
 public:
  absl::Status Add(absl::string_view bytes) {
    bytes_ += bytes.size();
    return parser_.Push(bytes, [this](BackupFrame kind, absl::string_view payload) {
      const int size = static_cast<int>(payload.size());
      const bool understood =
          kind == BackupFrame::kHeader   ? header_.ParseFromArray(payload.data(), size)
          : kind == BackupFrame::kFooter ? footer_.ParseFromArray(payload.data(), size)
                                         : true;
      return understood ? absl::OkStatus() : absl::DataLossError("a frame can't be understood");
    });
  }
  absl::Status Finish() const { return parser_.Finish(); }

  uint64_t bytes() const { return bytes_; }
  const v1::BackupHeader& header() const { return header_; }
  const v1::BackupFooter& footer() const { return footer_; }
  std::string digest() const { return ToHex(parser_.digest()); }

 private:
  BackupParser parser_;
  v1::BackupHeader header_;
  v1::BackupFooter footer_;
  uint64_t bytes_ = 0;
};

std::string Mebibytes(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / kMebibyte);
}

void Tell(Session& session, std::ostream& to, const std::string& file, const Received& received) {
  const v1::BackupHeader& header = received.header();
  if (session.json()) {
    to << ToJson(header) << "\n";
    return;
  }
  to << RenderFields({{"backup", file},
                      {"size", Mebibytes(received.bytes())},
                      {"records", received.footer().records() == 0
                                      ? "none"
                                      : absl::StrCat(header.first_index(), " to ", header.index())},
                      {"state hash", HexText(header.state_hash())},
                      {"checksum", received.digest()}},
                     Palette(false));
}

absl::Status Receive(Session& session, BackupCall* call, Received* received,
                     const std::function<absl::Status(absl::string_view)>& write) {
  absl::Time told = absl::Now();
  std::string bytes;
  while (call->Read(&bytes)) {
    if (absl::Status status = received->Add(bytes); !status.ok()) {
      return absl::DataLossError(absl::StrCat("the backup came damaged: ", status.message()));
    }
    if (absl::Status status = write(bytes); !status.ok()) return status;
    if (absl::Now() - told < kProgressInterval) continue;
    told = absl::Now();
    session.err() << "received " << Mebibytes(received->bytes()) << std::endl;
  }
  return absl::OkStatus();
}

int Backup(Session& session, const std::string& file) {
  const bool standard_output = file == "-";
  std::unique_ptr<NewFile> to;
  if (!standard_output) {
    absl::StatusOr<std::unique_ptr<NewFile>> created = NewFile::Create(file);
    if (absl::IsAlreadyExists(created.status())) {
      return session.Failed(absl::StrCat(created.status().message(),
                                         ": a backup is never written over another file"));
    }
    if (!created.ok()) return session.Failed(created.status().message());
    to = *std::move(created);
  }
  const std::unique_ptr<BackupCall> call = session.client()->Backup(v1::BackupRequest());
  Received received;
  absl::Status status = Receive(session, call.get(), &received, [&](absl::string_view bytes) {
    return standard_output ? WriteToStandardOutput(bytes) : to->Append(bytes);
  });
  if (!status.ok()) return session.Failed(status.message());
  status = call->Finish();
  if (!status.ok()) return session.RpcFailed(status);
  status = received.Finish();
  if (status.ok() && to != nullptr) status = to->Publish();
  if (!status.ok()) return session.Failed(status.message());
  Tell(session, standard_output ? session.err() : session.out(), file, received);
  return kCliOk;
}

}  // namespace

void AddBackupCommand(Commands* commands) {
  auto file = std::make_shared<std::string>();
  CLI::App* app = commands->Add(
      "backup",
      "Write a copy of the server's store, as of now, to a file for 'swooshd restore'. The server\n"
      "goes on meanwhile. Every byte is checked on its way; the file gets its name only when it "
      "is\n"
      "whole and on disk, and none is written over.",
      {{"swooshctl backup monday.swoosh", ""},
       {"swooshctl backup - | ssh vault 'cat > monday.swoosh'", "elsewhere at once"},
       {"swooshd restore --data_dir ./restored monday.swoosh", "what reads it"}},
      [file](Session& session) { return Backup(session, *file); });
  app->add_option("FILE", *file, "A name that is free; - is standard output")->required();
}

}  // namespace swoosh
