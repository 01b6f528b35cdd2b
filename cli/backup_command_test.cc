// `swooshctl backup`, against a server that sends what it is told.

#include "cli/backup_command.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_codes.h"
#include "cli/fake_client.h"
#include "cli/program.h"
#include "cli/session.h"
#include "core/backup_format.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "swoosh/v1/backup.pb.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

class BackupCommandTest : public testing::Test {
 protected:
  BackupCommandTest() { fs::create_directories(folder_); }
  ~BackupCommandTest() override { fs::remove_all(folder_); }

  int Run(const std::string& file) {
    std::istringstream in;
    Session session(&in, &out_, &err_, /*in_is_terminal=*/false, /*out_is_terminal=*/false);
    auto client = std::make_unique<FakeClient>();
    client->backup_pieces = pieces_;
    client->backup_end = end_;
    session.SetClient(std::move(client));
    const std::vector<const char*> arguments = {"swooshctl", "backup", file.c_str()};
    return RunProgram(static_cast<int>(arguments.size()), arguments.data(), &session);
  }

  // A backup in pieces that end anywhere.
  static std::vector<std::string> Pieces() {
    BackupEncoder encoder;
    v1::BackupHeader header;
    header.set_first_index(1);
    header.set_index(2);
    header.set_state_hash(std::string(32, '\x2a'));
    v1::BackupFooter footer;
    footer.set_records(2);
    // Each frame's digest goes on from the one before.
    std::string bytes = encoder.Encode(BackupFrame::kHeader, header.SerializeAsString());
    absl::StrAppend(&bytes, encoder.Encode(BackupFrame::kRecords, "records"));
    absl::StrAppend(&bytes, encoder.Encode(BackupFrame::kFooter, footer.SerializeAsString()));
    return {bytes.substr(0, 10), bytes.substr(10, 50), bytes.substr(60)};
  }

  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  size_t FilesInFolder() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "/backup_command_test");
  const std::string path_ = absl::StrCat(folder_, "/monday.swoosh");
  std::vector<std::string> pieces_ = Pieces();
  absl::Status end_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(BackupCommandTest, WritesWhatTheServerSendsAndSaysWhatItIs) {
  EXPECT_EQ(Run(path_), kCliOk) << err_.str();
  EXPECT_EQ(Content(), absl::StrCat(pieces_[0], pieces_[1], pieces_[2]));
  EXPECT_EQ(FilesInFolder(), 1u);
  EXPECT_TRUE(absl::StrContains(out_.str(), "1 to 2")) << out_.str();
  EXPECT_TRUE(absl::StrContains(out_.str(), "2a2a2a2a")) << out_.str();
}

TEST_F(BackupCommandTest, NeverWritesOverAFile) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(Run(path_), kCliFailed);
  EXPECT_EQ(Content(), "precious");
  EXPECT_TRUE(absl::StrContains(err_.str(), "never written over")) << err_.str();
}

TEST_F(BackupCommandTest, WhatIsCutOffIsNoFile) {
  pieces_.back().resize(20);
  EXPECT_EQ(Run(path_), kCliFailed);
  EXPECT_EQ(FilesInFolder(), 0u);
  EXPECT_TRUE(absl::StrContains(err_.str(), "cut off")) << err_.str();
}

TEST_F(BackupCommandTest, WhatComesDamagedIsNoFile) {
  pieces_[1][20] ^= 1;
  EXPECT_EQ(Run(path_), kCliFailed);
  EXPECT_EQ(FilesInFolder(), 0u);
  EXPECT_TRUE(absl::StrContains(err_.str(), "came damaged")) << err_.str();
}

TEST_F(BackupCommandTest, TheServersErrorIsTold) {
  pieces_.resize(1);
  end_ = MakeError(absl::StatusCode::kUnavailable, v1::BACKUP_FAILED, "the disk");
  EXPECT_EQ(Run(path_), kCliRpcBase + 14);
  EXPECT_EQ(FilesInFolder(), 0u);
}

TEST_F(BackupCommandTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_EQ(Run(absl::StrCat(folder_, "/nowhere/x")), kCliFailed);
  EXPECT_TRUE(absl::StrContains(err_.str(), "nowhere")) << err_.str();
}

}  // namespace
}  // namespace swoosh
