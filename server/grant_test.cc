// The matrix of who may do what, and what a limit to machines means for each request and answer.
#include "server/grant.h"

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "core/errors.h"
#include "core/state.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

v1::Identity Named(v1::Role role) {
  v1::Identity identity;
  identity.set_name("ci");
  identity.set_role(role);
  return identity;
}

Grant Limited(absl::string_view machine) {
  v1::Identity identity = Named(v1::SUBMITTER);
  identity.add_machines(std::string(machine));
  return Grant(identity);
}

std::string Metadata(const absl::Status& status, const std::string& key) {
  google::rpc::ErrorInfo info;
  GetDetail(status, &info);
  const auto it = info.metadata().find(key);
  return it == info.metadata().end() ? "(none)" : it->second;
}

void ExpectDenied(const absl::Status& status, v1::ErrorReason reason, const std::string& key,
                  const std::string& value) {
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_EQ(ReasonOf(status), reason) << status;
  EXPECT_EQ(Metadata(status, key), value) << status;
  EXPECT_EQ(Metadata(status, "identity"), "ci");
}

TEST(GrantTest, EachRoleIncludesTheOnesBeforeIt) {
  const v1::Role roles[] = {v1::READER, v1::SUBMITTER, v1::OPERATOR};
  for (const v1::Role has : roles) {
    for (const v1::Role needed : roles) {
      const absl::Status status = Grant(Named(has)).CheckMethod("Method", needed);
      if (has >= needed) {
        EXPECT_TRUE(status.ok()) << status;
      } else {
        ExpectDenied(status, v1::ROLE_DENIED, "role", v1::Role_Name(needed));
      }
    }
  }
}

TEST(GrantTest, WithoutAuthorisationEverythingIsAllowedAndTheActorIsNobody) {
  const GrantPtr everything = Grant::OfEverything();
  EXPECT_EQ(everything->name(), "");
  EXPECT_TRUE(everything->CheckMethod("Backup", v1::OPERATOR).ok());
  EXPECT_TRUE(everything->CheckRequest(v1::ListMachinesRequest()).ok());
  EXPECT_TRUE(everything->CheckRequest(v1::WatchRequest()).ok());
  EXPECT_FALSE(everything->revoked());
}

TEST(GrantTest, ALimitToNamespacesHoldsForEveryRequestThatNamesOne) {
  v1::Identity identity = Named(v1::SUBMITTER);
  identity.add_namespaces("default");
  identity.add_namespaces("blue");
  const Grant grant(identity);
  const auto check = [&](auto request) {
    EXPECT_TRUE(grant.CheckRequest(request).ok()) << "\"\" is \"default\"";
    request.set_namespace_("blue");
    EXPECT_TRUE(grant.CheckRequest(request).ok());
    request.set_namespace_("red");
    ExpectDenied(grant.CheckRequest(request), v1::NAMESPACE_DENIED, "namespace", "red");
  };
  check(v1::SubmitRequest());
  check(v1::GetInstanceRequest());
  check(v1::ListInstancesRequest());
  check(v1::GetMachineRequest());
  check(v1::ListMachinesRequest());
  check(v1::ListRecordsRequest());
  check(v1::WatchRequest());
  // Its answer is of the whole store, and names nothing of any namespace.
  v1::GetStateRequest state;
  state.set_namespace_("red");
  EXPECT_TRUE(grant.CheckRequest(state).ok());
}

TEST(GrantTest, WhoIsLimitedIsToldToWhatUnlessItIsMuch) {
  v1::Identity identity = Named(v1::READER);
  identity.add_namespaces("red");
  identity.add_namespaces("blue");
  v1::ListMachinesRequest green;
  green.set_namespace_("green");
  EXPECT_EQ(Metadata(Grant(identity).CheckRequest(green), "namespaces"), "red blue");
  identity.clear_namespaces();
  for (int i = 0; i < 1'000; ++i) identity.add_machines(absl::StrCat("machine-", i));
  const absl::Status status = Grant(identity).CheckRequest(v1::ListMachinesRequest());
  ExpectDenied(status, v1::MACHINE_DENIED, "machine", "");
  EXPECT_EQ(Metadata(status, "machines"), "(none)");
}

TEST(GrantTest, WhoIsLimitedToMachinesMustNameThem) {
  const Grant grant = Limited("door");
  v1::ListInstancesRequest list;
  ExpectDenied(grant.CheckRequest(list), v1::MACHINE_DENIED, "machine", "");
  EXPECT_EQ(Metadata(grant.CheckRequest(list), "machines"), "door");
  list.set_machine("safe");
  ExpectDenied(grant.CheckRequest(list), v1::MACHINE_DENIED, "machine", "safe");
  list.set_machine("door");
  EXPECT_TRUE(grant.CheckRequest(list).ok());

  v1::WatchRequest watch;
  ExpectDenied(grant.CheckRequest(watch), v1::MACHINE_DENIED, "machine", "");
  watch.add_machines("door");
  EXPECT_TRUE(grant.CheckRequest(watch).ok());
  watch.add_machines("safe");
  ExpectDenied(grant.CheckRequest(watch), v1::MACHINE_DENIED, "machine", "safe");

  v1::GetMachineRequest machine;
  machine.set_name("safe");
  ExpectDenied(grant.CheckRequest(machine), v1::MACHINE_DENIED, "machine", "safe");
  machine.set_name("door");
  EXPECT_TRUE(grant.CheckRequest(machine).ok());
  ExpectDenied(grant.CheckRequest(v1::ListMachinesRequest()), v1::MACHINE_DENIED, "machine", "");

  v1::ListRecordsRequest records;
  ExpectDenied(grant.CheckRequest(records), v1::MACHINE_DENIED, "machine", "");
  records.set_instance_id("a");
  EXPECT_TRUE(grant.CheckRequest(records).ok()) << "each record is looked at instead";
}

TEST(GrantTest, AnInstanceOfAnotherMachineIsNotShown) {
  v1::Instance instance;
  instance.set_machine("door");
  EXPECT_TRUE(Limited("door").CheckAnswer(instance).ok());
  ExpectDenied(Limited("safe").CheckAnswer(instance), v1::MACHINE_DENIED, "machine", "door");
}

TEST(GrantTest, ARecordIsShownOnlyWhenAllOfItIsOfMachinesThatMayBeUsed) {
  const Grant grant = Limited("door");
  v1::Record record;
  EXPECT_TRUE(grant.CheckRecord(record).ok());
  v1::Change& change = *record.add_changes();
  change.set_instance_id("a");
  change.set_machine("door");
  record.add_transitions()->mutable_send_event()->set_instance_id("a");
  EXPECT_TRUE(grant.CheckRecord(record).ok());

  v1::Record with_another_change = record;
  with_another_change.add_changes()->set_machine("safe");
  ExpectDenied(grant.CheckRecord(with_another_change), v1::MACHINE_DENIED, "machine", "safe");
  v1::ListRecordsResponse page;
  *page.add_records() = record;
  EXPECT_TRUE(grant.CheckAnswer(page).ok());
  *page.add_records() = with_another_change;
  EXPECT_FALSE(grant.CheckAnswer(page).ok());

  v1::Record registering = record;
  registering.add_transitions()->mutable_register_machine()->mutable_machine()->set_name("safe");
  ExpectDenied(grant.CheckRecord(registering), v1::MACHINE_DENIED, "machine", "safe");

  v1::Record untold = record;
  untold.add_transitions()->mutable_send_event()->set_instance_id("b");
  ExpectDenied(grant.CheckRecord(untold), v1::MACHINE_DENIED, "machine", "");
  v1::Record passing = record;  // an instance that lived within the record only
  passing.add_transitions()->mutable_create_instance()->set_instance_id("b");
  passing.mutable_transitions(1)->mutable_create_instance()->set_machine("door");
  passing.add_transitions()->mutable_send_event()->set_instance_id("b");
  EXPECT_TRUE(grant.CheckRecord(passing).ok());
}

// On a state with the machine "counter" and its instance "a".
class GrantOnStateTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Call(RegisterCounter()).ok());
    ASSERT_TRUE(server_.Call(CreateCounter("a")).ok());
  }
  absl::Status Check(const Grant& grant, const v1::SubmitRequest& request) {
    return grant.CheckProposal(request, server_.executor().committed()->view());
  }
  static v1::SubmitRequest Both(v1::SubmitRequest first, const v1::SubmitRequest& second) {
    first.mutable_transitions()->MergeFrom(second.transitions());
    return first;
  }
  static v1::SubmitRequest Create(const char* id, const char* machine, bool allow_existing) {
    v1::SubmitRequest request = CreateCounter(id);
    v1::CreateInstance& create = *request.mutable_transitions(0)->mutable_create_instance();
    create.set_machine(machine);
    create.set_allow_existing(allow_existing);
    return request;
  }

  MemoryLog memory_log_;
  GatedLog log_{&memory_log_};
  ExecutorUnderTest server_{&log_};
};

TEST_F(GrantOnStateTest, AnEventIsOfItsInstancesMachine) {
  EXPECT_TRUE(Check(Limited("counter"), SendTo("a", "inc")).ok());
  ExpectDenied(Check(Limited("other"), SendTo("a", "inc")), v1::MACHINE_DENIED, "machine",
               "counter");
}

TEST_F(GrantOnStateTest, AnInstanceThatDoesNotExistIsLeftToTheReducer) {
  EXPECT_TRUE(Check(Limited("other"), SendTo("nobody", "inc")).ok());
}

TEST_F(GrantOnStateTest, AnInstanceThatTheProposalItselfCreatesIsKnown) {
  EXPECT_TRUE(Check(Limited("counter"), Both(CreateCounter("b"), SendTo("b", "inc"))).ok());
  EXPECT_FALSE(Check(Limited("other"), Both(CreateCounter("b"), SendTo("b", "inc"))).ok());
}

TEST_F(GrantOnStateTest, RegisteringAndCreatingNameTheirMachine) {
  EXPECT_TRUE(Check(Limited("counter"), RegisterCounter()).ok());
  ExpectDenied(Check(Limited("other"), RegisterCounter()), v1::MACHINE_DENIED, "machine",
               "counter");
  ExpectDenied(Check(Limited("other"), CreateCounter("b")), v1::MACHINE_DENIED, "machine",
               "counter");
}

TEST_F(GrantOnStateTest, AllowExistingShowsNoInstanceOfAnotherMachine) {
  ExpectDenied(Check(Limited("other"), Create("a", "other", /*allow_existing=*/true)),
               v1::MACHINE_DENIED, "machine", "counter");
  EXPECT_TRUE(Check(Limited("other"), Create("b", "other", /*allow_existing=*/true)).ok());
}

TEST_F(GrantOnStateTest, DeletingIsLimitedToo) {
  v1::SubmitRequest request;
  request.set_namespace_("default");
  request.add_transitions()->mutable_delete_instance()->set_instance_id("a");
  EXPECT_TRUE(Check(Limited("counter"), request).ok());
  EXPECT_FALSE(Check(Limited("other"), request).ok());
}

TEST_F(GrantOnStateTest, TheExecutorDecidesOnTheStateThatTheProposalMeets) {
  const auto grant = std::make_shared<Grant>(Named(v1::SUBMITTER));
  const auto submit = [&](GrantPtr of, v1::SubmitRequest request) {
    Submission submission;
    *submission.request = std::move(request);
    submission.grant = std::move(of);
    submission.actor = "ci";
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    submission.done = [promise](Answer given) { promise->set_value(std::move(given)); };
    EXPECT_TRUE(server_.executor().TrySubmit(&submission).ok());
    return answer;
  };
  v1::Identity limited = Named(v1::SUBMITTER);
  limited.add_machines("other");
  const auto other = std::make_shared<Grant>(limited);

  // The second is decided while the first, which makes its instance, is not durable yet.
  log_.Close();
  auto created = submit(grant, CreateCounter("c"));
  auto denied = submit(other, SendTo("c", "inc"));
  auto repeated = submit(grant, WithRequestId(SendTo("c", "inc"), "once"));
  log_.Open();
  EXPECT_TRUE(created.get().ok());
  EXPECT_EQ(ReasonOf(denied.get().status()), v1::MACHINE_DENIED);
  EXPECT_TRUE(repeated.get().ok());

  // Nor is the first answer to a request shown to who may not see its record, once its instance is
  // gone.
  v1::SubmitRequest deletion;
  deletion.set_namespace_("default");
  deletion.add_transitions()->mutable_delete_instance()->set_instance_id("c");
  EXPECT_TRUE(submit(grant, deletion).get().ok());
  EXPECT_EQ(ReasonOf(submit(other, WithRequestId(SendTo("c", "inc"), "once")).get().status()),
            v1::MACHINE_DENIED);
  EXPECT_TRUE(submit(grant, WithRequestId(SendTo("c", "inc"), "once")).get()->duplicate());
}

}  // namespace
}  // namespace swoosh
