#include "server/reader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "server/instance_filter.h"
#include "server/instance_history.h"
#include "server/instance_scan.h"
#include "server/page_token.h"
#include "server/request_validation.h"

namespace swoosh {
namespace {

absl::Status NoInstance(absl::string_view ns, absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, v1::INSTANCE_NOT_FOUND,
                   absl::StrCat("there is no instance ", id, " in namespace ", ns));
}

// The state that the page is of: the committed one for the first page.
struct InstancePage {
  std::shared_ptr<const State> state;
  StateCursor from;
};

absl::StatusOr<StateCursor> CursorFromKey(absl::string_view key) {
  StateCursor cursor;
  if (key.size() != cursor.at.size()) return InvalidField("page_token", "is damaged");
  std::copy(key.begin(), key.end(), cursor.at.begin());
  return cursor;
}

absl::Status CheckListInstances(const v1::ListInstancesRequest& request) {
  if (absl::Status status = CheckView(request.view()); !status.ok()) return status;
  if (!v1::Instance::Status_IsValid(request.status())) {
    return InvalidField("status", absl::StrCat("no status has the number ", request.status()));
  }
  return CheckFilter(request.states_size(), "states");
}

void AddRecord(const CommittedRecord& record, bool raw, v1::ListRecordsResponse* response) {
  *response->add_records() = record.Whole();
  if (raw) response->add_raw(record.stored);
}

}  // namespace

Reader::Reader(std::function<std::shared_ptr<const State>()> committed, const ChangeFeed* feed,
               RootLeases* leases, std::string history_id)
    : committed_(std::move(committed)),
      feed_(feed),
      leases_(leases),
      history_id_(std::move(history_id)) {}

absl::Status Reader::GetInstance(const v1::GetInstanceRequest& request,
                                 v1::Instance* response) const {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  absl::Status status = CheckInstanceId(request.instance_id(), "instance_id");
  if (status.ok()) status = CheckView(request.view());
  if (!status.ok()) return status;

  const std::shared_ptr<const State> state = committed_();
  std::optional<Instance> instance;
  if (request.at_index() == 0) {
    instance = state->FindInstance(*ns, request.instance_id());
    if (!instance.has_value()) return NoInstance(*ns, request.instance_id());
  } else {
    status = feed_->CheckIndex(request.at_index());
    if (!status.ok()) return status;
    absl::StatusOr<Instance> past =
        InstanceAt(*feed_, *state, *ns, request.instance_id(), request.at_index(),
                   request.view() != v1::VIEW_BASIC);
    if (!past.ok()) return past.status();
    instance = *std::move(past);
  }
  const Machine* machine =
      state->machines().Find(*ns, instance->machine, instance->machine_version);
  SWOOSH_CHECK(machine != nullptr);
  ToProto(*instance, *machine, request.view(), response);
  return absl::OkStatus();
}

absl::Status Reader::GetMachine(const v1::GetMachineRequest& request, v1::Machine* response) const {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  if (absl::Status status = CheckMachineName(request.name(), "name"); !status.ok()) return status;
  const std::shared_ptr<const State> state = committed_();
  const Machine* machine = state->machines().Find(*ns, request.name(), request.version());
  if (machine == nullptr) {
    const std::string version =
        request.version() == 0 ? "" : absl::StrCat(" version ", request.version());
    return MakeError(
        absl::StatusCode::kNotFound, v1::MACHINE_NOT_FOUND,
        absl::StrCat("there is no machine ", request.name(), version, " in namespace ", *ns));
  }
  *response = machine->ToProto(/*with_root=*/true);
  return absl::OkStatus();
}

absl::Status Reader::GetState(const v1::GetStateRequest& request,
                              v1::StateSummary* response) const {
  if (auto ns = CheckNamespace(request.namespace_()); !ns.ok()) return ns.status();
  const std::shared_ptr<const State> state = committed_();
  response->set_index(state->index());
  if (state->index() != 0) *response->mutable_hlc() = ToProto(state->position().hlc);
  response->set_state_hash(std::string(AsBytes(state->hash())));
  response->set_instance_count(state->counts().instances);
  response->set_machine_count(state->counts().machines);
  response->set_timer_count(state->counts().timers);
  response->set_history_id(history_id_);
  return absl::OkStatus();
}

absl::Status Reader::ListMachines(const v1::ListMachinesRequest& request,
                                  v1::ListMachinesResponse* response) const {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  absl::StatusOr<int> page_size = CheckPageSize(request.page_size());
  if (!page_size.ok()) return page_size.status();
  std::string from;
  if (!request.page_token().empty()) {
    absl::StatusOr<PagePosition> position = DecodePageToken(request, request.page_token());
    if (!position.ok()) return position.status();
    from = std::move(position->key);
  }
  const std::shared_ptr<const State> state = committed_();
  size_t bytes = 0;
  state->machines().VisitLatest(*ns, from, [&](const Machine& machine) {
    if (response->machines_size() >= *page_size || bytes >= kPageBytesMax) {
      response->set_next_page_token(EncodePageToken(request, {0, machine.name()}));
      return false;
    }
    *response->add_machines() = machine.ToProto(/*with_root=*/false);
    bytes += response->machines().rbegin()->ByteSizeLong();
    return true;
  });
  return absl::OkStatus();
}

absl::Status Reader::ListInstances(const v1::ListInstancesRequest& request,
                                   v1::ListInstancesResponse* response) const {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  absl::StatusOr<int> page_size = CheckPageSize(request.page_size());
  if (!page_size.ok()) return page_size.status();
  if (absl::Status status = CheckListInstances(request); !status.ok()) return status;

  InstancePage page;
  if (request.page_token().empty()) {
    page.state = committed_();
  } else {
    absl::StatusOr<PagePosition> position = DecodePageToken(request, request.page_token());
    if (!position.ok()) return position.status();
    absl::StatusOr<StateCursor> from = CursorFromKey(position->key);
    if (!from.ok()) return from.status();
    absl::StatusOr<std::shared_ptr<const State>> held = leases_->Find(position->index);
    if (!held.ok()) return held.status();
    page = {*std::move(held), *from};
  }
  const ScanBounds bounds = {.entries_max = kPageScannedEntriesMax,
                             .instances_max = *page_size,
                             .bytes_max = kPageBytesMax};
  absl::StatusOr<ScanEnd> end =
      ScanInstances(*page.state, *ns, InstanceFilter(request), request.view(), page.from, bounds,
                    response->mutable_instances());
  if (!end.ok()) return end.status();
  response->set_index(page.state->index());
  if (!end->at_end) {
    response->set_next_page_token(
        EncodePageToken(request, {page.state->index(), std::string(AsBytes(end->next.at))}));
    if (request.page_token().empty()) leases_->Hold(std::move(page.state));
  }
  return absl::OkStatus();
}

absl::Status Reader::ListRecords(const v1::ListRecordsRequest& request,
                                 v1::ListRecordsResponse* response) const {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  absl::StatusOr<int> page_size = CheckPageSize(request.page_size());
  if (!page_size.ok()) return page_size.status();
  if (request.instance_id().empty()) return ListAllRecords(request, *ns, *page_size, response);
  if (absl::Status status = CheckInstanceId(request.instance_id(), "instance_id"); !status.ok()) {
    return status;
  }
  return ListHistory(request, *ns, *page_size, response);
}

absl::Status Reader::ListAllRecords(const v1::ListRecordsRequest& request, const std::string& ns,
                                    int page_size, v1::ListRecordsResponse* response) const {
  uint64_t next = request.from_index() != 0 ? request.from_index() : feed_->first_index();
  if (!request.page_token().empty()) {
    absl::StatusOr<PagePosition> position = DecodePageToken(request, request.page_token());
    if (!position.ok()) return position.status();
    next = position->index;
  }
  size_t scanned_records = 0;
  size_t scanned_bytes = 0;
  size_t page_bytes = 0;
  bool at_end = false;
  while (response->records_size() < page_size && page_bytes < kPageBytesMax &&
         scanned_records < kPageScannedRecordsMax && scanned_bytes < kPageScannedBytesMax) {
    const int wanted = page_size - response->records_size();
    absl::StatusOr<std::vector<CommittedRecordPtr>> read =
        feed_->Read(next, wanted, kPageBytesMax - page_bytes);
    if (!read.ok() && response->records_size() == 0) return read.status();
    if (!read.ok()) break;  // the next page is the error
    at_end = read->empty();
    if (at_end) break;
    for (const CommittedRecordPtr& record : *read) {
      ++scanned_records;
      scanned_bytes += record->stored.size();
      next = record->index() + 1;
      if (record->record.namespace_() != ns) continue;
      page_bytes += record->stored.size();
      AddRecord(*record, request.raw(), response);
    }
  }
  if (!at_end && next < feed_->next_index()) {
    response->set_next_page_token(EncodePageToken(request, {next, ""}));
  }
  return absl::OkStatus();
}

absl::Status Reader::ListHistory(const v1::ListRecordsRequest& request, const std::string& ns,
                                 int page_size, v1::ListRecordsResponse* response) const {
  uint64_t version = request.from_index();
  if (!request.page_token().empty()) {
    absl::StatusOr<PagePosition> position = DecodePageToken(request, request.page_token());
    if (!position.ok()) return position.status();
    version = position->index;
  } else if (version == 0) {
    const std::optional<Instance> instance = committed_()->FindInstance(ns, request.instance_id());
    if (!instance.has_value()) return NoInstance(ns, request.instance_id());
    version = instance->version;
  }
  absl::StatusOr<HistoryPage> page =
      ReadHistory(*feed_, ns, request.instance_id(), version, page_size, kPageBytesMax);
  if (!page.ok()) return page.status();
  for (const CommittedRecordPtr& record : page->records) {
    AddRecord(*record, request.raw(), response);
  }
  if (page->next_version != 0) {
    response->set_next_page_token(EncodePageToken(request, {page->next_version, ""}));
  }
  return absl::OkStatus();
}

}  // namespace swoosh
