#ifndef SWOOSH_SERVER_BACKUPS_FOR_TEST_H_
#define SWOOSH_SERVER_BACKUPS_FOR_TEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/backup_format.h"
#include "gtest/gtest.h"
#include "server/backups.h"
#include "server/executor_for_test.h"
#include "server/metrics.h"
#include "server/store_server_for_test.h"
#include "storage/backup.h"
#include "storage/crash_file_system.h"
#include "storage/fault_file_system.h"
#include "swoosh/v1/backup.pb.h"

namespace swoosh {

inline constexpr char kBackedUpStore[] = "/store";

// What a whole backup says of itself, and what is in it.
struct BackupContent {
  v1::BackupHeader header;
  v1::BackupFooter footer;
  uint64_t records = 0;
};

// Of bytes in pieces of any size; an error where they are no whole backup.
class BackupReading {
 public:
  absl::Status Take(absl::string_view bytes) {
    return parser_.Push(bytes, [this](BackupFrame kind, absl::string_view payload) {
      if (kind == BackupFrame::kHeader)
        content_.header.ParseFromArray(payload.data(), Size(payload));
      if (kind == BackupFrame::kFooter)
        content_.footer.ParseFromArray(payload.data(), Size(payload));
      if (kind != BackupFrame::kRecords) return absl::OkStatus();
      return ReadBackupRecords(payload, [this](absl::string_view) {
        ++content_.records;
        return absl::OkStatus();
      });
    });
  }
  absl::StatusOr<BackupContent> Finish() const {
    if (absl::Status status = parser_.Finish(); !status.ok()) return status;
    return content_;
  }

 private:
  static int Size(absl::string_view payload) { return static_cast<int>(payload.size()); }

  BackupParser parser_;
  BackupContent content_;
};

// Backups of a server's inside over a store in memory, whose calls can fail.
class BackupsFixture : public testing::Test {
 protected:
  BackupsFixture() {
    Open();
    EXPECT_TRUE(server_->Call(RegisterCounter()).ok());
    EXPECT_TRUE(server_->Call(CreateCounter("a")).ok());
  }

  // Anew: what was written is in a table, and not in memory.
  void Open() {
    backups_ = nullptr;
    server_ = nullptr;
    server_ = StoreServer::Open(&files_, kBackedUpStore, {}).value();
    BackupSource::Store store;
    store.file_system = &files_;
    store.log = server_->store().log.get();
    store.snapshots = server_->store().snapshots.get();
    store.history_id = server_->store().history_id;
    store.origin_id = server_->store().origin_id;
    store.committed = [this] { return *server_->state(); };
    backups_ = std::make_unique<Backups>(std::move(store), &server_->executor(), &metrics_);
  }

  // So many records more; with `bytes` of data each.
  void Send(int count, size_t bytes = 0) {
    v1::SubmitRequest request = SendTo("a", "inc");
    google::protobuf::Struct& data =
        *request.mutable_transitions(0)->mutable_send_event()->mutable_data();
    (*data.mutable_fields())["payload"].set_string_value(std::string(bytes, 'x'));
    for (int i = 0; i < count; ++i) EXPECT_TRUE(server_->Call(request).ok());
  }

  CrashFileSystem disk_;
  FaultFileSystem files_{&disk_};
  Metrics metrics_{"test"};
  std::unique_ptr<StoreServer> server_;
  std::unique_ptr<Backups> backups_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_BACKUPS_FOR_TEST_H_
