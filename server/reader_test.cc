#include "server/reader.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/root_leases.h"
#include "storage/memory_log.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

std::string FieldNamed(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  if (status.code() != absl::StatusCode::kInvalidArgument || !GetDetail(status, &bad_request)) {
    return "no violation: " + status.ToString();
  }
  return bad_request.field_violations(0).field();
}

class ReaderTest : public testing::Test {
 protected:
  void Accept(v1::SubmitRequest request) {
    const Answer answer = under_test_.Call(std::move(request));
    ASSERT_TRUE(answer.ok()) << answer.status();
  }

  // The machine, and counters 0 to n - 1.
  void CreateCounters(int n) {
    Accept(RegisterCounter());
    for (int i = 0; i < n; ++i) Accept(CreateCounter(absl::StrCat("counter-", i)));
  }

  MemoryLog log_;
  ExecutorUnderTest under_test_{&log_};
  absl::Time now_ = absl::UnixEpoch();
  RootLeases leases_{[this] { return now_; }};
  Reader reader_{[this] { return under_test_.executor().committed(); }, &under_test_.feed(),
                 &leases_, kTestHistoryId};
};

TEST_F(ReaderTest, AnInstanceIsShownAsFarAsTheViewGoes) {
  CreateCounters(1);
  v1::GetInstanceRequest request;
  request.set_instance_id("counter-0");
  v1::Instance instance;
  ASSERT_TRUE(reader_.GetInstance(request, &instance).ok());
  EXPECT_EQ(instance.machine(), "counter");
  EXPECT_EQ(instance.version(), 2u);
  EXPECT_EQ(CountIn(instance), 0);
  EXPECT_EQ(instance.enabled_events_size(), 0);
  request.set_view(v1::VIEW_BASIC);
  instance.Clear();
  ASSERT_TRUE(reader_.GetInstance(request, &instance).ok());
  EXPECT_FALSE(instance.has_context());
  request.set_view(v1::VIEW_FULL);
  instance.Clear();
  ASSERT_TRUE(reader_.GetInstance(request, &instance).ok());
  EXPECT_EQ(instance.enabled_events_size(), 3);
}

TEST_F(ReaderTest, AnInstanceIsReadAsItWasAtEachIndex) {
  CreateCounters(1);
  for (int i = 0; i < 3; ++i) Accept(SendTo("counter-0", "inc"));
  for (uint64_t index = 2; index <= 5; ++index) {
    v1::GetInstanceRequest request;
    request.set_instance_id("counter-0");
    request.set_at_index(index);
    v1::Instance instance;
    ASSERT_TRUE(reader_.GetInstance(request, &instance).ok());
    EXPECT_EQ(instance.version(), index);
    EXPECT_EQ(CountIn(instance), static_cast<double>(index) - 2);
  }
  v1::GetInstanceRequest request;
  request.set_instance_id("counter-0");
  v1::Instance instance;
  request.set_at_index(1);
  EXPECT_EQ(ReasonOf(reader_.GetInstance(request, &instance)), v1::INSTANCE_NOT_FOUND);
  request.set_at_index(17);
  EXPECT_EQ(ReasonOf(reader_.GetInstance(request, &instance)), v1::INDEX_AHEAD);
  ASSERT_TRUE(log_.TrimPrefix(3).ok());
  request.set_at_index(2);
  EXPECT_EQ(ReasonOf(reader_.GetInstance(request, &instance)), v1::INDEX_TRIMMED);
}

TEST_F(ReaderTest, WhatIsNotThereIsNotFound) {
  CreateCounters(0);
  v1::GetInstanceRequest get;
  v1::Instance instance;
  get.set_instance_id("nobody");
  EXPECT_EQ(ReasonOf(reader_.GetInstance(get, &instance)), v1::INSTANCE_NOT_FOUND);
  get.set_namespace_("elsewhere");
  EXPECT_EQ(ReasonOf(reader_.GetInstance(get, &instance)), v1::INSTANCE_NOT_FOUND);
  v1::GetMachineRequest machine;
  v1::Machine found;
  machine.set_name("nothing");
  EXPECT_EQ(ReasonOf(reader_.GetMachine(machine, &found)), v1::MACHINE_NOT_FOUND);
  machine.set_name("counter");
  machine.set_version(2);
  EXPECT_EQ(ReasonOf(reader_.GetMachine(machine, &found)), v1::MACHINE_NOT_FOUND);
  machine.set_version(1);
  ASSERT_TRUE(reader_.GetMachine(machine, &found).ok());
  EXPECT_EQ(found.root().states_size(), 2);
}

TEST_F(ReaderTest, BadArgumentsAreNamed) {
  v1::GetInstanceRequest get;
  v1::Instance instance;
  EXPECT_EQ(FieldNamed(reader_.GetInstance(get, &instance)), "instance_id");
  get.set_instance_id("x");
  get.set_namespace_("a b");
  EXPECT_EQ(FieldNamed(reader_.GetInstance(get, &instance)), "namespace");
  v1::ListInstancesRequest list;
  v1::ListInstancesResponse page;
  list.set_page_size(-1);
  EXPECT_EQ(FieldNamed(reader_.ListInstances(list, &page)), "page_size");
  list.set_page_size(0);
  list.set_page_token("?");
  EXPECT_EQ(FieldNamed(reader_.ListInstances(list, &page)), "page_token");
  list.clear_page_token();
  list.set_status(static_cast<v1::Instance::Status>(77));
  EXPECT_EQ(FieldNamed(reader_.ListInstances(list, &page)), "status");
  v1::ListRecordsRequest records;
  v1::ListRecordsResponse some;
  records.set_instance_id("/");
  EXPECT_EQ(FieldNamed(reader_.ListRecords(records, &some)), "instance_id");
}

TEST_F(ReaderTest, GetStateTellsTheCommittedIndexAndHash) {
  v1::StateSummary empty;
  ASSERT_TRUE(reader_.GetState({}, &empty).ok());
  EXPECT_EQ(empty.index(), 0u);
  EXPECT_FALSE(empty.has_hlc());
  EXPECT_EQ(empty.history_id(), kTestHistoryId);
  CreateCounters(2);
  v1::StateSummary summary;
  ASSERT_TRUE(reader_.GetState({}, &summary).ok());
  EXPECT_EQ(summary.index(), 3u);
  EXPECT_EQ(summary.instance_count(), 2u);
  EXPECT_EQ(summary.machine_count(), 1u);
  EXPECT_EQ(summary.state_hash(), AsBytes(under_test_.executor().committed()->hash()));
}

TEST_F(ReaderTest, AllPagesOfInstancesAreOfOneIndex) {
  CreateCounters(10);
  v1::ListInstancesRequest request;
  request.set_page_size(3);
  std::set<std::string> seen;
  uint64_t index = 0;
  for (int pages = 0; pages == 0 || !request.page_token().empty(); ++pages) {
    v1::ListInstancesResponse page;
    ASSERT_TRUE(reader_.ListInstances(request, &page).ok());
    if (pages == 0) index = page.index();
    EXPECT_EQ(page.index(), index);
    EXPECT_LE(page.instances_size(), 3);
    for (const v1::Instance& instance : page.instances()) {
      EXPECT_TRUE(seen.insert(instance.id()).second) << instance.id();
      EXPECT_LE(instance.version(), index);
    }
    request.set_page_token(page.next_page_token());
    // What comes meanwhile is not seen by the pages after it.
    Accept(CreateCounter(absl::StrCat("late-", pages)));
    Accept(SendTo("counter-0", "inc"));
  }
  EXPECT_EQ(seen.size(), 10u);
}

TEST_F(ReaderTest, APageTokenIsBoundToItsArgumentsAndExpires) {
  CreateCounters(5);
  v1::ListInstancesRequest request;
  request.set_page_size(2);
  v1::ListInstancesResponse page;
  ASSERT_TRUE(reader_.ListInstances(request, &page).ok());
  request.set_page_token(page.next_page_token());
  request.set_machine("counter");
  EXPECT_EQ(FieldNamed(reader_.ListInstances(request, &page)), "page_token");
  request.clear_machine();
  now_ += 2 * kRootLeaseDuration;
  EXPECT_EQ(ReasonOf(reader_.ListInstances(request, &page)), v1::PAGE_EXPIRED);
}

TEST_F(ReaderTest, FiltersHoldTogether) {
  CreateCounters(12);
  Accept(SendTo("counter-1", "end"));
  Accept(SendTo("counter-11", "end"));
  const auto ids = [&](v1::ListInstancesRequest request) {
    v1::ListInstancesResponse page;
    EXPECT_TRUE(reader_.ListInstances(request, &page).ok());
    std::set<std::string> found;
    for (const v1::Instance& instance : page.instances()) found.insert(instance.id());
    return found;
  };
  using Ids = std::set<std::string>;
  v1::ListInstancesRequest request;
  EXPECT_EQ(ids(request).size(), 12u);
  request.set_id_prefix("counter-1");
  EXPECT_EQ(ids(request), (Ids{"counter-1", "counter-10", "counter-11"}));
  request.set_status(v1::Instance::DONE);
  EXPECT_EQ(ids(request), (Ids{"counter-1", "counter-11"}));
  request.add_states("counting");
  EXPECT_EQ(ids(request), Ids{});
  request.add_states("ended");
  EXPECT_EQ(ids(request).size(), 2u);
  request.set_machine("other");
  EXPECT_EQ(ids(request), Ids{});
  v1::ListInstancesRequest elsewhere;
  elsewhere.set_namespace_("elsewhere");
  EXPECT_EQ(ids(elsewhere), Ids{});
}

TEST_F(ReaderTest, MachinesAreListedByNameWithoutRoot) {
  for (const char* name : {"b", "a", "c"}) {
    v1::SubmitRequest request = RegisterCounter();
    request.mutable_transitions(0)->mutable_register_machine()->mutable_machine()->set_name(name);
    Accept(std::move(request));
  }
  v1::ListMachinesRequest request;
  request.set_page_size(2);
  v1::ListMachinesResponse page;
  ASSERT_TRUE(reader_.ListMachines(request, &page).ok());
  ASSERT_EQ(page.machines_size(), 2);
  EXPECT_EQ(page.machines(0).name(), "a");
  EXPECT_EQ(page.machines(1).name(), "b");
  EXPECT_FALSE(page.machines(0).has_root());
  request.set_page_token(page.next_page_token());
  v1::ListMachinesResponse last;
  ASSERT_TRUE(reader_.ListMachines(request, &last).ok());
  ASSERT_EQ(last.machines_size(), 1);
  EXPECT_EQ(last.machines(0).name(), "c");
  EXPECT_EQ(last.next_page_token(), "");
}

TEST_F(ReaderTest, RecordsAreListedAscendingOverPages) {
  CreateCounters(6);
  v1::ListRecordsRequest request;
  request.set_page_size(4);
  request.set_raw(true);
  std::vector<uint64_t> indexes;
  std::string previous_hash;
  do {
    v1::ListRecordsResponse page;
    ASSERT_TRUE(reader_.ListRecords(request, &page).ok());
    ASSERT_EQ(page.raw_size(), page.records_size());
    for (int i = 0; i < page.records_size(); ++i) {
      indexes.push_back(page.records(i).index());
      if (!previous_hash.empty()) {
        EXPECT_EQ(page.records(i).previous_hash(), previous_hash);
      }
      previous_hash = std::string(AsBytes(Sha256(page.raw(i))));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(indexes, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7}));

  v1::ListRecordsRequest elsewhere;
  elsewhere.set_namespace_("elsewhere");
  v1::ListRecordsResponse none;
  ASSERT_TRUE(reader_.ListRecords(elsewhere, &none).ok());
  EXPECT_EQ(none.records_size(), 0);
  EXPECT_EQ(none.next_page_token(), "");
}

TEST_F(ReaderTest, RecordsBeginWhereAskedOrSayWhatRangeThereIs) {
  CreateCounters(3);
  v1::ListRecordsRequest request;
  v1::ListRecordsResponse page;
  request.set_from_index(5);
  ASSERT_TRUE(reader_.ListRecords(request, &page).ok());
  EXPECT_EQ(page.records_size(), 0);
  request.set_from_index(6);
  const absl::Status ahead = reader_.ListRecords(request, &page);
  EXPECT_EQ(ReasonOf(ahead), v1::INDEX_AHEAD);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(GetDetail(ahead, &info));
  EXPECT_EQ(info.metadata().at("first_index"), "1");
  EXPECT_EQ(info.metadata().at("commit_index"), "4");
  ASSERT_TRUE(log_.TrimPrefix(3).ok());
  request.set_from_index(2);
  EXPECT_EQ(ReasonOf(reader_.ListRecords(request, &page)), v1::INDEX_TRIMMED);
  request.set_from_index(0);
  ASSERT_TRUE(reader_.ListRecords(request, &page).ok());
  EXPECT_EQ(page.records(0).index(), 3u);
}

TEST_F(ReaderTest, AnInstancesHistoryIsNewestFirst) {
  CreateCounters(2);
  for (int i = 0; i < 4; ++i) {
    Accept(SendTo("counter-0", "inc"));
    Accept(SendTo("counter-1", "inc"));
  }
  v1::ListRecordsRequest request;
  request.set_instance_id("counter-0");
  request.set_page_size(2);
  std::vector<uint64_t> indexes;
  do {
    v1::ListRecordsResponse page;
    ASSERT_TRUE(reader_.ListRecords(request, &page).ok());
    for (const v1::Record& record : page.records()) indexes.push_back(record.index());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(indexes, (std::vector<uint64_t>{10, 8, 6, 4, 2}));
  v1::ListRecordsResponse page;
  request.set_from_index(5);
  EXPECT_EQ(ReasonOf(reader_.ListRecords(request, &page)), v1::RECORD_NOT_FOUND);
  request.set_instance_id("nobody");
  request.set_from_index(0);
  EXPECT_EQ(ReasonOf(reader_.ListRecords(request, &page)), v1::INSTANCE_NOT_FOUND);
}

}  // namespace
}  // namespace swoosh
