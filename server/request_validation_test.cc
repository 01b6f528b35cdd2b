#include "server/request_validation.h"

#include <string>

#include "core/errors.h"
#include "core/limits.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string FieldNamed(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  if (status.code() != absl::StatusCode::kInvalidArgument || !GetDetail(status, &bad_request)) {
    return "no violation: " + status.ToString();
  }
  return bad_request.field_violations(0).field();
}

v1::SubmitRequest GoodRequest() {
  v1::SubmitRequest request;
  request.set_request_id("order 17, first try");
  auto* send = request.add_transitions()->mutable_send_event();
  send->set_instance_id("i");
  send->set_event("e");
  return request;
}

absl::Status Check(v1::SubmitRequest request) { return PrepareProposal(&request); }

void AddUnknown(google::protobuf::Message* message) {
  message->GetReflection()->MutableUnknownFields(message)->AddVarint(99, 1);
}

TEST(RequestValidationTest, AGoodRequestPassesWithItsNamespaceFilledIn) {
  v1::SubmitRequest request = GoodRequest();
  EXPECT_TRUE(PrepareProposal(&request).ok());
  EXPECT_EQ(request.namespace_(), "default");
  request.set_namespace_("a b");
  EXPECT_EQ(FieldNamed(PrepareProposal(&request)), "namespace");
}

TEST(RequestValidationTest, TheEmptyNamespaceIsDefault) {
  EXPECT_EQ(CheckNamespace("").value(), "default");
  EXPECT_EQ(CheckNamespace("team-a").value(), "team-a");
  EXPECT_EQ(FieldNamed(CheckNamespace("a/b").status()), "namespace");
  EXPECT_EQ(FieldNamed(CheckNamespace(std::string(kNamespaceBytesMax + 1, 'n')).status()),
            "namespace");
}

TEST(RequestValidationTest, RequestIdIsBoundedPrintableAscii) {
  v1::SubmitRequest request = GoodRequest();
  request.set_request_id(std::string(kRequestIdBytesMax, 'r'));
  EXPECT_TRUE(Check(request).ok());
  request.set_request_id(std::string(kRequestIdBytesMax + 1, 'r'));
  EXPECT_EQ(ReasonOf(Check(request)), v1::TOO_LARGE);
  for (const char* bad : {"tab\t", "\x7f", "é"}) {
    request.set_request_id(bad);
    EXPECT_EQ(FieldNamed(Check(request)), "request_id");
  }
}

TEST(RequestValidationTest, TheNumberOfTransitionsIsBounded) {
  v1::SubmitRequest request = GoodRequest();
  const v1::Transition transition = request.transitions(0);
  request.clear_transitions();
  EXPECT_EQ(FieldNamed(Check(request)), "transitions");
  for (size_t i = 0; i < kTransitionsPerProposalMax; ++i) *request.add_transitions() = transition;
  EXPECT_TRUE(Check(request).ok());
  *request.add_transitions() = transition;
  EXPECT_EQ(ReasonOf(Check(request)), v1::TOO_LARGE);
  EXPECT_EQ(FieldNamed(Check(request)), "transitions");
}

TEST(RequestValidationTest, ATransitionNeedsAKindThatAClientMaySend) {
  v1::SubmitRequest request = GoodRequest();
  request.add_transitions();
  EXPECT_EQ(FieldNamed(Check(request)), "transitions[1]");
  request.mutable_transitions(1)->mutable_advance_time();
  EXPECT_EQ(FieldNamed(Check(request)), "transitions[1].advance_time");
}

TEST(RequestValidationTest, UnknownFieldsAreFoundAnywhereInAnEvent) {
  const google::protobuf::Descriptor& send = *v1::SendEvent::descriptor();
  int messages = 0;
  for (int i = 0; i < send.field_count(); ++i) messages += send.field(i)->message_type() != nullptr;
  ASSERT_EQ(messages, 1) << "HasUnknownFields(Transition) knows of data only";

  v1::SubmitRequest known;
  v1::SendEvent* event = known.add_transitions()->mutable_send_event();
  (*event->mutable_data()->mutable_fields())["n"].mutable_list_value()->add_values();
  EXPECT_TRUE(PrepareProposal(&known).ok());
  v1::SubmitRequest in_event = known;
  AddUnknown(in_event.mutable_transitions(0)->mutable_send_event());
  EXPECT_EQ(ReasonOf(PrepareProposal(&in_event)), v1::UNKNOWN_FIELD);
  v1::SubmitRequest in_data = known;
  google::protobuf::Struct* data =
      in_data.mutable_transitions(0)->mutable_send_event()->mutable_data();
  AddUnknown((*data->mutable_fields())["n"].mutable_list_value()->mutable_values(0));
  EXPECT_EQ(ReasonOf(PrepareProposal(&in_data)), v1::UNKNOWN_FIELD);
}

TEST(RequestValidationTest, UnknownFieldsAreFoundAnywhereInATransition) {
  v1::SubmitRequest request = GoodRequest();
  v1::Machine* machine = request.add_transitions()->mutable_register_machine()->mutable_machine();
  v1::StateNode* child = machine->mutable_root()->add_states();
  v1::Action* action = child->add_on()->add_actions();
  google::protobuf::Value* value =
      (*machine->mutable_context()->mutable_fields())["k"].mutable_list_value()->add_values();
  EXPECT_TRUE(Check(request).ok());

  v1::SubmitRequest in_transition = request;
  AddUnknown(in_transition.mutable_transitions(1));
  EXPECT_EQ(FieldNamed(Check(in_transition)), "transitions[1]");
  EXPECT_EQ(ReasonOf(Check(in_transition)), v1::UNKNOWN_FIELD);

  AddUnknown(action->mutable_emit());
  EXPECT_EQ(FieldNamed(Check(request)),
            "transitions[1].register_machine.machine.root.states[0].on[0].actions[0].emit");
  action->Clear();
  AddUnknown(value);
  EXPECT_EQ(FieldNamed(Check(request)), "transitions[1].register_machine.machine.context");
}

TEST(RequestValidationTest, PagesViewsAndFiltersAreBounded) {
  EXPECT_EQ(CheckPageSize(0).value(), kPageSizeDefault);
  EXPECT_EQ(CheckPageSize(kPageSizeMax).value(), kPageSizeMax);
  EXPECT_EQ(FieldNamed(CheckPageSize(-1).status()), "page_size");
  EXPECT_EQ(FieldNamed(CheckPageSize(kPageSizeMax + 1).status()), "page_size");
  EXPECT_TRUE(CheckView(v1::VIEW_FULL).ok());
  EXPECT_EQ(FieldNamed(CheckView(static_cast<v1::View>(9))), "view");
  EXPECT_TRUE(CheckFilter(kFilterValuesMax, "states").ok());
  EXPECT_EQ(FieldNamed(CheckFilter(kFilterValuesMax + 1, "states")), "states");
}

}  // namespace
}  // namespace swoosh
