#ifndef SWOOSH_SERVER_READER_H_
#define SWOOSH_SERVER_READER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "core/state.h"
#include "server/change_feed.h"
#include "server/root_leases.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// What a page of a list costs at most, so that it answers soon and stays within what clients
// receive. The entry that reaches a bound is in the page.
inline constexpr size_t kPageBytesMax = 1'024 * 1'024;
inline constexpr size_t kPageScannedEntriesMax = 20'000;
inline constexpr size_t kPageScannedRecordsMax = 20'000;
inline constexpr size_t kPageScannedBytesMax = 8 * 1'024 * 1'024;

// The reading RPCs of Orchestrator, without gRPC: each fills `response` from what is committed, or
// returns an error as orchestrator.proto has it. Whatever was acknowledged before the call is seen.
// Thread-safe.
class Reader {
 public:
  // Neither pointer is owned. `committed` as Executor::committed().
  Reader(std::function<std::shared_ptr<const State>()> committed, const ChangeFeed* feed,
         RootLeases* leases, std::string history_id);

  // Blocks for the disk when `at_index` is set, else not.
  absl::Status GetInstance(const v1::GetInstanceRequest& request, v1::Instance* response) const;
  absl::Status GetMachine(const v1::GetMachineRequest& request, v1::Machine* response) const;
  absl::Status GetState(const v1::GetStateRequest& request, v1::StateSummary* response) const;
  absl::Status ListMachines(const v1::ListMachinesRequest& request,
                            v1::ListMachinesResponse* response) const;
  // Computes for some milliseconds.
  absl::Status ListInstances(const v1::ListInstancesRequest& request,
                             v1::ListInstancesResponse* response) const;
  // Blocks for the disk.
  absl::Status ListRecords(const v1::ListRecordsRequest& request,
                           v1::ListRecordsResponse* response) const;

 private:
  absl::Status ListAllRecords(const v1::ListRecordsRequest& request, const std::string& ns,
                              int page_size, v1::ListRecordsResponse* response) const;
  absl::Status ListHistory(const v1::ListRecordsRequest& request, const std::string& ns,
                           int page_size, v1::ListRecordsResponse* response) const;

  const std::function<std::shared_ptr<const State>()> committed_;
  const ChangeFeed* const feed_;
  RootLeases* const leases_;
  const std::string history_id_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_READER_H_
