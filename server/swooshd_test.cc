// The whole server as a process, over its real ports.
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "core/backup_format.h"
#include "core/errors.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/client_for_test.h"
#include "server/exit_codes.h"
#include "server/status_conversion.h"
#include "server/swooshd_for_test.h"
#include "storage/recovery_table.h"
#include "storage/temporary_directory.h"
#include "swoosh/v1/admin.grpc.pb.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"

namespace swoosh {
namespace {

// A server on a folder of the test's, with a client.
class SwooshdTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags = {}, uint64_t file_bytes_max = 0) {
    flags.push_back("--data_dir=" + data_dir_);
    client_.reset();
    server_.reset();
    server_ = std::make_unique<SwooshdProcess>(flags, file_bytes_max);
    ASSERT_TRUE(server_->AwaitServing()) << server_->Await().error;
    client_ = std::make_unique<Client>(server_->grpc_address());
  }
  v1::SubmitResponse Accept(const v1::SubmitRequest& request) {
    auto response = client_->Submit(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::SubmitResponse();
  }
  std::string StateHashHex() { return absl::BytesToHexString(client_->State().state_hash()); }

  TemporaryDirectory folder_;
  std::string data_dir_ = folder_ / "data";
  std::unique_ptr<SwooshdProcess> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(SwooshdTest, SaysWhereItServesAndIsHealthyAndReflected) {
  Start();
  EXPECT_EQ(server_->index(), "0");
  EXPECT_EQ(server_->state_hash(), StateHashHex());
  for (const char* service : {"", "swoosh.v1.Orchestrator", "swoosh.v1.Admin"}) {
    EXPECT_EQ(client_->Health(service), kHealthServing) << service;
  }
  const std::string services = client_->ReflectedServices();
  EXPECT_TRUE(absl::StrContains(services, "swoosh.v1.Orchestrator")) << services;
  EXPECT_TRUE(absl::StrContains(services, "swoosh.v1.Admin")) << services;
  EXPECT_TRUE(absl::StrContains(server_->HttpGet("/healthz"), "200 OK"));
  EXPECT_TRUE(absl::StrContains(server_->HttpGet("/readyz"), "200 OK"));
  const Ended ended = server_->Stop(SIGTERM);
  EXPECT_EQ(ended.exit_code, kExitOk) << ended.error;
  EXPECT_EQ(std::count(ended.output.begin(), ended.output.end(), '\n'), 1) << ended.output;
}

TEST_F(SwooshdTest, AnInstanceGoesItsWayAndItsHistoryIsKept) {
  Start();
  EXPECT_EQ(Accept(Register(Door())).results(0).machine().version(), 1u);
  Accept(CreateDoor("front"));
  const v1::SubmitResponse opened = Accept(Send("front", "open"));
  EXPECT_EQ(opened.index(), 3u);
  EXPECT_EQ(opened.record_hash().size(), 32u);
  EXPECT_EQ(opened.results(0).instance().configuration(1), "opened");
  EXPECT_FALSE(opened.results(0).instance().has_context());
  Accept(Send("front", "close"));

  const auto now = client_->Get("front");
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(now->version(), 4u);
  EXPECT_EQ(now->context().fields().at("count").number_value(), 1);
  EXPECT_EQ(client_->Get("front", 3)->configuration(1), "opened");

  v1::ListRecordsRequest history;
  history.set_instance_id("front");
  const auto records =
      Client::Call(history, &v1::Orchestrator::Stub::ListRecords, &client_->orchestrator());
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->records_size(), 3);
  EXPECT_EQ(records->records(0).changes(0).emitted(0).name(), "closed");
  EXPECT_TRUE(records->records(2).changes(0).created());

  const auto list = Client::Call(v1::ListInstancesRequest(), &v1::Orchestrator::Stub::ListInstances,
                                 &client_->orchestrator());
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->instances_size(), 1);
  EXPECT_EQ(list->index(), 4u);
}

TEST_F(SwooshdTest, ADenialSaysWhyAndWhatIsEnabled) {
  Start();
  v1::Machine door = Door();
  (*door.mutable_context()->mutable_fields())["limit"].set_number_value(0);
  Accept(Register(door));
  Accept(CreateDoor("front"));
  const absl::Status denied = client_->Submit(Send("front", "open")).status();
  EXPECT_EQ(denied.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(denied), v1::GUARD_FALSE);
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(denied, &denial));
  ASSERT_EQ(denial.edges_size(), 1);
  EXPECT_EQ(denial.edges(0).edge(), "closed/on/0");
  EXPECT_TRUE(absl::StrContains(denial.edges(0).reason(), "0")) << denial.edges(0).reason();
  EXPECT_EQ(denial.enabled_events(0), "open");
}

struct BadInput {
  const char* name;
  std::function<void(v1::SubmitRequest*)> spoil;  // spoils an event sent to "front"
  absl::StatusCode code;
  v1::ErrorReason reason;
  const char* field;  // "" where no field is to blame
};

v1::Machine* Machine(v1::SubmitRequest* request) {
  *request = Register(Door());
  return request->mutable_transitions(0)->mutable_register_machine()->mutable_machine();
}

void SetData(v1::SubmitRequest* request, double number) {
  auto* data = request->mutable_transitions(0)->mutable_send_event()->mutable_data();
  (*data->mutable_fields())["n"].set_number_value(number);
}

const std::vector<BadInput>& BadInputs() {
  using absl::StatusCode;
  using Request = v1::SubmitRequest;
  static const auto* inputs = new std::vector<BadInput>{
      {"unknown target",
       [](Request* r) {
         Machine(r)->mutable_root()->mutable_states(0)->mutable_on(0)->set_target(0, "nowhere");
       },
       StatusCode::kInvalidArgument, v1::INVALID_DEFINITION,
       "transitions[0].register_machine.machine.root.states[0].on[0].target"},
      {"bad expression",
       [](Request* r) {
         Machine(r)->mutable_root()->mutable_states(0)->mutable_on(0)->set_guard("1 +");
       },
       StatusCode::kInvalidArgument, v1::INVALID_EXPRESSION,
       "transitions[0].register_machine.machine.root.states[0].on[0].guard"},
      {"after edge without a delay",
       [](Request* r) {
         Machine(r)->mutable_root()->mutable_states(0)->add_after()->set_guard("true");
       },
       StatusCode::kInvalidArgument, v1::INVALID_DEFINITION,
       "transitions[0].register_machine.machine.root.states[0].after[0].delay"},
      {"unknown field",
       [](Request* r) {
         auto* send = r->mutable_transitions(0)->mutable_send_event();
         send->GetReflection()->MutableUnknownFields(send)->AddVarint(99, 1);
       },
       StatusCode::kInvalidArgument, v1::UNKNOWN_FIELD, "transitions[0].send_event"},
      {"number beyond 2^53", [](Request* r) { SetData(r, std::ldexp(1.0, 53) + 2); },
       StatusCode::kInvalidArgument, v1::NUMBER_INEXACT, "transitions[0].send_event.data"},
      {"NaN", [](Request* r) { SetData(r, std::nan("")); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "transitions[0].send_event.data"},
      {"context over its bound",
       [](Request* r) {
         *r = CreateDoor("big");
         auto* context = r->mutable_transitions(0)->mutable_create_instance()->mutable_context();
         (*context->mutable_fields())["s"].set_string_value(std::string(70'000, 'x'));
       },
       StatusCode::kInvalidArgument, v1::TOO_LARGE, "transitions[0].create_instance.context"},
      {"empty id", [](Request* r) { *r = CreateDoor(""); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "transitions[0].create_instance.instance_id"},
      {"bad namespace", [](Request* r) { r->set_namespace_("a/b"); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "namespace"},
      {"bad request_id", [](Request* r) { r->set_request_id("\t"); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "request_id"},
      {"no transitions", [](Request* r) { r->clear_transitions(); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "transitions"},
      {"no kind", [](Request* r) { r->add_transitions(); }, StatusCode::kInvalidArgument,
       v1::INVALID_FIELD, "transitions[1]"},
      {"the server's own kind",
       [](Request* r) { r->mutable_transitions(0)->mutable_advance_time(); },
       StatusCode::kInvalidArgument, v1::INVALID_FIELD, "transitions[0].advance_time"},
      {"unknown view", [](Request* r) { r->set_view(static_cast<v1::View>(12)); },
       StatusCode::kInvalidArgument, v1::INVALID_FIELD, "view"},
      {"stale version", [](Request* r) { r->mutable_transitions(0)->set_expected_version(1); },
       StatusCode::kAborted, v1::VERSION_MISMATCH, ""},
      {"unknown machine",
       [](Request* r) {
         *r = CreateDoor("new");
         r->mutable_transitions(0)->mutable_create_instance()->set_machine("window");
       },
       StatusCode::kNotFound, v1::MACHINE_NOT_FOUND, ""},
      {"unknown instance", [](Request* r) { *r = Send("back", "open"); }, StatusCode::kNotFound,
       v1::INSTANCE_NOT_FOUND, ""},
      {"existing instance", [](Request* r) { *r = CreateDoor("front"); },
       StatusCode::kAlreadyExists, v1::INSTANCE_EXISTS, ""},
      {"event not enabled", [](Request* r) { *r = Send("front", "close"); },
       StatusCode::kFailedPrecondition, v1::EVENT_NOT_ENABLED, ""},
  };
  return *inputs;
}

TEST_F(SwooshdTest, BadInputGetsItsCodeAndChangesNothing) {
  Start();
  Accept(Register(Door()));
  Accept(CreateDoor("front"));
  const v1::StateSummary before = client_->State();
  for (const BadInput& input : BadInputs()) {
    SCOPED_TRACE(input.name);
    v1::SubmitRequest request = Send("front", "open");
    input.spoil(&request);
    const absl::Status status = client_->Submit(request).status();
    EXPECT_EQ(status.code(), input.code) << status;
    EXPECT_EQ(ReasonOf(status), input.reason) << status;
    if (*input.field != '\0') {
      EXPECT_TRUE(absl::StartsWith(FieldNamed(status), input.field)) << FieldNamed(status);
    }
  }
  const v1::StateSummary after = client_->State();
  EXPECT_EQ(after.index(), before.index());
  EXPECT_EQ(after.state_hash(), before.state_hash());
}

TEST_F(SwooshdTest, BytesThatAreNoRequestAreRefusedWithAReason) {
  Start();
  v1::SubmitRequest request = Send("front", "EVENT");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("EVENT"), 5, "EV\xff\xfeT");
  const absl::Status not_utf8 = client_->CallRaw("/swoosh.v1.Orchestrator/Submit", bytes).status();
  EXPECT_EQ(not_utf8.code(), absl::StatusCode::kInvalidArgument) << not_utf8;
  EXPECT_EQ(FieldNamed(not_utf8), "transitions[0].send_event.event");
  const absl::Status garbage =
      client_->CallRaw("/swoosh.v1.Orchestrator/GetInstance", "\xff\xff").status();
  EXPECT_EQ(ReasonOf(garbage), v1::INVALID_FIELD) << garbage;
  const absl::Status too_large =
      client_->CallRaw("/swoosh.v1.Orchestrator/Submit", std::string(5 * 1'024 * 1'024, 'x'))
          .status();
  EXPECT_EQ(too_large.code(), absl::StatusCode::kResourceExhausted) << too_large;
  EXPECT_EQ(client_->State().index(), 0u);
}

TEST_F(SwooshdTest, ARepeatedRequestGetsTheFirstAnswerAlsoAfterAKill) {
  Start();
  Accept(Register(Door()));
  Accept(CreateDoor("front"));
  const v1::SubmitResponse first = Accept(WithId(Send("front", "open"), "once"));
  const std::string hash = StateHashHex();
  server_->Stop(SIGKILL);
  Start();
  EXPECT_EQ(server_->index(), "3");
  EXPECT_EQ(server_->state_hash(), hash);
  const v1::SubmitResponse again = Accept(WithId(Send("front", "open"), "once"));
  EXPECT_TRUE(again.duplicate());
  EXPECT_EQ(again.index(), first.index());
  EXPECT_EQ(again.record_hash(), first.record_hash());
  EXPECT_EQ(ReasonOf(client_->Submit(WithId(Send("front", "close"), "once")).status()),
            v1::REQUEST_ID_REUSED);
}

TEST_F(SwooshdTest, ValidateOnlyLeavesNoTrace) {
  Start();
  Accept(Register(Door()));
  v1::SubmitRequest request = CreateDoor("front");
  request.set_validate_only(true);
  const v1::SubmitResponse response = Accept(request);
  EXPECT_EQ(response.index(), 0u);
  EXPECT_EQ(response.results(0).instance().configuration(1), "closed");
  EXPECT_EQ(client_->Get("front").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(client_->State().index(), 1u);
}

TEST_F(SwooshdTest, AStreamIsAppliedAndAnsweredInTheOrderSent) {
  Start();
  Accept(Register(Door()));
  constexpr int kDoors = 3'000;  // more than a stream may have in flight
  grpc::ClientContext context;
  const auto stream = client_->orchestrator().SubmitStream(&context);
  std::thread writer([&stream] {
    for (int i = 0; i < kDoors; ++i) {
      EXPECT_TRUE(stream->Write(WithId(CreateDoor(absl::StrCat("door", i)), absl::StrCat("r", i))));
      // Refused, as the door does not take it; answered in its place.
      EXPECT_TRUE(stream->Write(WithId(Send(absl::StrCat("door", i), "close"), "refused")));
    }
    v1::SubmitRequest validated = Send("door0", "open");
    validated.set_validate_only(true);
    EXPECT_TRUE(stream->Write(validated));
    EXPECT_TRUE(stream->Write(v1::SubmitRequest()));
    EXPECT_TRUE(stream->WritesDone());
  });
  v1::SubmitResponse response;
  for (int i = 0; i < kDoors; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.request_id(), absl::StrCat("r", i));
    ASSERT_FALSE(response.has_status()) << response.status().message();
    ASSERT_EQ(response.index(), static_cast<uint64_t>(i) + 2);
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.request_id(), "refused");
    ASSERT_EQ(ReasonOf(FromRpcStatus(response.status())), v1::EVENT_NOT_ENABLED);
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(response.has_status());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(FieldNamed(FromRpcStatus(response.status())), "transitions");
  EXPECT_FALSE(stream->Read(&response));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

// The responses of a watch up to `index`, bookmarks apart.
std::vector<v1::WatchResponse> ReadUntil(grpc::ClientReader<v1::WatchResponse>* watch,
                                         uint64_t index) {
  std::vector<v1::WatchResponse> responses;
  v1::WatchResponse response;
  while (watch->Read(&response)) {
    const bool bookmark = response.changes_size() == 0 && response.initial_size() == 0 &&
                          !response.initial_complete();
    if (!bookmark) responses.push_back(response);
    if (response.index() >= index) break;
  }
  return responses;
}

TEST_F(SwooshdTest, AWatchResumesAcrossARestartWithoutAGapOrARepeat) {
  Start();
  Accept(Register(Door()));
  Accept(CreateDoor("front"));
  std::vector<uint64_t> indexes;
  std::string history_id;
  {
    grpc::ClientContext context;
    v1::WatchRequest request;
    request.set_from_index(1);
    const auto watch = client_->orchestrator().Watch(&context, request);
    Accept(Send("front", "open"));
    for (const v1::WatchResponse& response : ReadUntil(watch.get(), 3)) {
      indexes.push_back(response.index());
      history_id = response.history_id();
    }
    Accept(Send("front", "close"));
    server_->Stop(SIGKILL);
  }
  Start();
  Accept(Send("front", "open"));
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_from_index(indexes.back() + 1);
  request.set_history_id(history_id);
  const auto watch = client_->orchestrator().Watch(&context, request);
  for (const v1::WatchResponse& response : ReadUntil(watch.get(), 5)) {
    indexes.push_back(response.index());
  }
  EXPECT_EQ(indexes, (std::vector<uint64_t>{2, 3, 4, 5}));
  context.TryCancel();
}

TEST_F(SwooshdTest, AWatchWithInitialInstancesGoesOnRightBehindThem) {
  Start();
  Accept(Register(Door()));
  for (int i = 0; i < 20; ++i) Accept(CreateDoor(absl::StrCat("door", i)));
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_initial(true);
  const auto watch = client_->orchestrator().Watch(&context, request);
  watch->WaitForInitialMetadata();
  Accept(Send("door7", "open"));
  int initial = 0;
  std::vector<uint64_t> changed;
  for (const v1::WatchResponse& response : ReadUntil(watch.get(), 22)) {
    initial += response.initial_size();
    if (response.changes_size() > 0) changed.push_back(response.index());
  }
  EXPECT_EQ(initial, 20);
  EXPECT_EQ(changed, (std::vector<uint64_t>{22}));
  context.TryCancel();
}

TEST_F(SwooshdTest, BookmarksComeWhileNothingHappens) {
  Start();
  grpc::ClientContext context;
  const auto watch = client_->orchestrator().Watch(&context, v1::WatchRequest());
  v1::WatchResponse response;
  ASSERT_TRUE(watch->Read(&response));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.changes_size(), 0);
  context.TryCancel();
}

TEST_F(SwooshdTest, AWatchThatCannotBeIsRefusedWithTheRange) {
  Start();
  Accept(Register(Door()));
  const auto refusal = [this](const v1::WatchRequest& request) {
    grpc::ClientContext context;
    const auto watch = client_->orchestrator().Watch(&context, request);
    v1::WatchResponse response;
    EXPECT_FALSE(watch->Read(&response));
    return FromGrpcStatus(watch->Finish());
  };
  v1::WatchRequest ahead;
  ahead.set_from_index(100);
  const absl::Status out_of_range = refusal(ahead);
  EXPECT_EQ(out_of_range.code(), absl::StatusCode::kOutOfRange);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(GetDetail(out_of_range, &info));
  EXPECT_EQ(info.reason(), "INDEX_AHEAD");
  EXPECT_EQ(info.metadata().at("commit_index"), "1");
  v1::WatchRequest elsewhere;
  elsewhere.set_history_id("another");
  EXPECT_EQ(ReasonOf(refusal(elsewhere)), v1::HISTORY_MISMATCH);
}

TEST_F(SwooshdTest, SigtermEndsWatchesAndStreamsAnswersWhatWasReadAndExitsWithZero) {
  Start();
  Accept(Register(Door()));
  grpc::ClientContext watch_context;
  const auto watch = client_->orchestrator().Watch(&watch_context, v1::WatchRequest());
  v1::WatchResponse bookmark;
  ASSERT_TRUE(watch->Read(&bookmark));
  grpc::ClientContext stream_context;
  const auto stream = client_->orchestrator().SubmitStream(&stream_context);
  ASSERT_TRUE(stream->Write(CreateDoor("front")));
  v1::SubmitResponse response;
  ASSERT_TRUE(stream->Read(&response));

  server_->Signal(SIGTERM);
  while (watch->Read(&bookmark)) {
  }
  EXPECT_EQ(ReasonOf(FromGrpcStatus(watch->Finish())), v1::DRAINING);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(FromGrpcStatus(stream->Finish())), v1::DRAINING);
  const Ended ended = server_->Await();
  EXPECT_EQ(ended.exit_code, kExitOk) << ended.error;

  // The final snapshot leaves nothing to replay.
  Start();
  EXPECT_EQ(server_->index(), "2");
  const auto status =
      Client::Call(v1::GetStatusRequest(), &v1::Admin::Stub::GetStatus, &client_->admin());
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->last_snapshot_index(), 2u);
  EXPECT_TRUE(absl::StrContains(status->recovery(), "replayed 0 records")) << status->recovery();
}

// A server with a watch on which far more is to be sent than its client reads.
class SwooshdWithStalledClientTest : public SwooshdTest {
 protected:
  void SetUp() override {
    Start();
    Accept(Register(Door()));
    for (int i = 0; i < 100; ++i) {
      v1::SubmitRequest create = CreateDoor(absl::StrCat("door", i));
      auto* fields = create.mutable_transitions(0)->mutable_create_instance()->mutable_context();
      (*fields->mutable_fields())["note"].set_string_value(std::string(50'000, 'x'));
      Accept(create);
    }
    v1::WatchRequest request;
    request.set_from_index(1);
    watch_ = client_->orchestrator().Watch(&context_, request);
    watch_->WaitForInitialMetadata();
    absl::SleepFor(absl::Milliseconds(300));
  }
  void TearDown() override {
    context_.TryCancel();
    watch_.reset();
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> watch_;
};

TEST_F(SwooshdWithStalledClientTest, AClientThatDoesNotReadCannotHoldTheExitUp) {
  EXPECT_EQ(server_->Stop(SIGTERM).exit_code, kExitOk);
}

TEST_F(SwooshdWithStalledClientTest, ASecondSignalEndsItAtOnce) {
  server_->Signal(SIGINT);
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(server_->Stop(SIGTERM).exit_code, 128 + SIGTERM);
}

TEST_F(SwooshdTest, AFailedWriteFencesItAndNothingAcknowledgedIsLost) {
  constexpr uint64_t kFileBytesMax = 512 * 1'024;
  Start({}, kFileBytesMax);
  Accept(Register(Door()));
  uint64_t acknowledged = 1;
  absl::Status failure;
  for (int i = 0; failure.ok(); ++i) {
    v1::SubmitRequest request = CreateDoor(absl::StrCat("door", i));
    auto* context = request.mutable_transitions(0)->mutable_create_instance()->mutable_context();
    (*context->mutable_fields())["note"].set_string_value(std::string(20'000, 'x'));
    const auto response = client_->Submit(request);
    failure = response.status();
    if (response.ok()) acknowledged = response->index();
  }
  EXPECT_EQ(failure.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(failure), v1::OUTCOME_UNKNOWN) << failure;
  EXPECT_EQ(ReasonOf(client_->Submit(Send("door0", "open")).status()), v1::FENCED);
  EXPECT_EQ(client_->State().index(), acknowledged) << "reads go on";
  EXPECT_EQ(client_->Health(""), kHealthNotServing);
  EXPECT_TRUE(absl::StrContains(server_->HttpGet("/healthz"), " 503 "));
  EXPECT_TRUE(absl::StrContains(server_->HttpGet("/readyz"), " 503 "));
  const Ended ended = server_->Await();
  EXPECT_EQ(ended.exit_code, kExitFenced) << ended.error;

  Start();
  EXPECT_GE(client_->State().index(), acknowledged);
  EXPECT_TRUE(client_->Get(absl::StrCat("door", acknowledged - 2)).ok());
  Accept(Send("door0", "open"));
}

TEST_F(SwooshdTest, ASecondServerOnTheSameFolderIsRefused) {
  Start();
  Accept(Register(Door()));
  const Ended second =
      RunSwooshd({"--data_dir=" + data_dir_, "--listen=127.0.0.1:0", "--http=127.0.0.1:0"});
  EXPECT_EQ(second.exit_code, static_cast<int>(Refusal::kInUse));
  EXPECT_EQ(second.output, "");
  EXPECT_TRUE(absl::StrContains(second.error, data_dir_)) << second.error;
  Accept(CreateDoor("front"));
}

TEST_F(SwooshdTest, AnAddressInUseIsRefused) {
  Start();
  const TemporaryDirectory other;
  const Ended grpc = RunSwooshd({"--data_dir=" + (other / "data"),
                                 "--listen=" + server_->grpc_address(), "--http=127.0.0.1:0"});
  EXPECT_EQ(grpc.exit_code, kExitFailed);
  EXPECT_TRUE(absl::StrContains(grpc.error, server_->grpc_address())) << grpc.error;
  const Ended http = RunSwooshd({"--data_dir=" + (other / "data"), "--listen=127.0.0.1:0",
                                 "--http=" + server_->http_address()});
  EXPECT_EQ(http.exit_code, kExitFailed);
  EXPECT_TRUE(absl::StrContains(http.error, server_->http_address())) << http.error;
}

TEST_F(SwooshdTest, VerifyAgreesWithTheServer) {
  Start();
  Accept(Register(Door()));
  for (int i = 0; i < 10; ++i) Accept(CreateDoor(absl::StrCat("door", i)));
  const std::string hash = StateHashHex();
  EXPECT_EQ(RunSwooshd({"verify", "--data_dir=" + data_dir_}).exit_code,
            static_cast<int>(Refusal::kInUse));
  server_->Stop(SIGKILL);
  const Ended verified = RunSwooshd({"verify", "--data_dir=" + data_dir_});
  EXPECT_EQ(verified.exit_code, kExitOk) << verified.error;
  EXPECT_EQ(verified.output, absl::StrCat("verified index=11 state_hash=", hash, " records=11\n"));
  const Ended nothing = RunSwooshd({"verify", "--data_dir=" + (folder_ / "nothing")});
  EXPECT_NE(nothing.exit_code, kExitOk);
  EXPECT_NE(nothing.error, "");
}

TEST_F(SwooshdTest, TheOperatorsCallsWork) {
  Start({"--clock=manual", "--retain_records=5"});
  Accept(Register(Door()));
  for (int i = 0; i < 20; ++i) Accept(CreateDoor(absl::StrCat("door", i)));
  v1::Admin::Stub* admin = &client_->admin();
  const auto snapshot =
      Client::Call(v1::TakeSnapshotRequest(), &v1::Admin::Stub::TakeSnapshot, admin);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->index(), 21u);
  EXPECT_EQ(snapshot->state_hash(), client_->State().state_hash());

  v1::TrimLogRequest trim;
  trim.set_first_kept(1'000);
  const auto trimmed = Client::Call(trim, &v1::Admin::Stub::TrimLog, admin);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  EXPECT_EQ(trimmed->first_index(), 17u);
  EXPECT_EQ(ReasonOf(client_->Get("door0", 3).status()), v1::INDEX_TRIMMED);

  v1::AdvanceClockRequest advance;
  EXPECT_EQ(FieldNamed(Client::Call(advance, &v1::Admin::Stub::AdvanceClock, admin).status()),
            "to");
  advance.mutable_to()->set_seconds(1'000);
  ASSERT_TRUE(Client::Call(advance, &v1::Admin::Stub::AdvanceClock, admin).ok());
  EXPECT_EQ(Accept(CreateDoor("late")).hlc().time().seconds(), 1'000);
  advance.mutable_to()->set_seconds(999);
  EXPECT_EQ(FieldNamed(Client::Call(advance, &v1::Admin::Stub::AdvanceClock, admin).status()),
            "to");

  grpc::ClientContext context;
  const auto backup = admin->Backup(&context, v1::BackupRequest());
  v1::BackupChunk chunk;
  ASSERT_TRUE(backup->Read(&chunk));
  EXPECT_TRUE(absl::StartsWith(chunk.data(), kBackupMagic));
  while (backup->Read(&chunk)) {
  }
  EXPECT_TRUE(backup->Finish().ok());
}

TEST_F(SwooshdTest, TheSystemClockCannotBeSet) {
  Start();
  v1::AdvanceClockRequest advance;
  advance.mutable_to()->set_seconds(1);
  EXPECT_EQ(
      ReasonOf(Client::Call(advance, &v1::Admin::Stub::AdvanceClock, &client_->admin()).status()),
      v1::CLOCK_NOT_MANUAL);
}

TEST_F(SwooshdTest, MetricsAreThereAndMove) {
  Start();
  Accept(Register(Door()));
  Accept(CreateDoor("front"));
  EXPECT_FALSE(client_->Submit(Send("front", "close")).ok());
  const std::string metrics = server_->HttpGet("/metrics");
  for (const char* line : {
           "\nswoosh_commit_index 2",
           "\nswoosh_instances 1",
           "\nswoosh_fenced 0",
           "\nswoosh_proposals_total{result=\"accepted\"} 2",
           "\nswoosh_wal_fsync_duration_seconds_count 2",
       }) {
    EXPECT_TRUE(absl::StrContains(metrics, line)) << line << " is not in\n" << metrics;
  }
  const auto handled = [&metrics](const char* code, int times) {
    for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
      if (absl::StartsWith(line, "grpc_server_handled_total{") &&
          absl::StrContains(line, "grpc_method=\"Submit\"") &&
          absl::StrContains(line, absl::StrCat("grpc_code=\"", code, "\"")) &&
          absl::EndsWith(line, absl::StrCat(" ", times))) {
        return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(handled("OK", 2)) << metrics;
  EXPECT_TRUE(handled("FailedPrecondition", 1) || handled("FAILED_PRECONDITION", 1)) << metrics;
  for (const char* name :
       {"swoosh_build_info", "swoosh_disk_free_bytes", "swoosh_wal_size_bytes", "swoosh_watchers",
        "swoosh_queue_depth", "grpc_server_handling_seconds"}) {
    EXPECT_TRUE(absl::StrContains(metrics, name)) << name;
  }
}

}  // namespace
}  // namespace swoosh
