// Proposals as they come over gRPC: parsed, checked, and carried out on a small state.
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "core/reducer.h"
#include "core/state.h"
#include "google/protobuf/util/json_util.h"
#include "server/request_parsing.h"
#include "server/request_validation.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace swoosh {
namespace {

constexpr char kOrigin[] = "0123456789abcdef0123456789abcdef";
constexpr Hlc kTime = {1'700'000'000'000'000, 0};

// A machine with a bit of everything, and an instance of it.
constexpr char kState[] = R"({"transitions":[
  {"registerMachine":{"machine":{"name":"m","context":{"n":0,"all":[]},"root":{"id":"m",
    "initial":["a"],"states":[
      {"id":"a","on":[
        {"event":"go","guard":"event.data.n > context.n","target":["b"],"actions":[
          {"assign":{"location":"context.n","value":"event.data.n"}},
          {"emit":{"name":"went","data":"{'n': context.n, 'by': event.actor}"}}]},
        {"event":"add","actions":[
          {"assign":{"location":"context.all","value":"context.all + [event.data]"}}]}],
       "after":[{"delay":"5s","target":["b"]}]},
      {"id":"b","on":[{"event":"back","target":["a"]},{"event":"end","target":["c"]}]},
      {"id":"c","type":"FINAL","output":"context.n"}]}}}},
  {"createInstance":{"instanceId":"i","machine":"m"}}]})";

absl::StatusOr<Reduction> Carry(const StateView& state, const v1::SubmitRequest& request) {
  Proposal proposal;
  proposal.ns = request.namespace_();
  proposal.actor = "somebody";
  proposal.transitions = &request.transitions();
  return Reduce(state, proposal, kTime);
}

// The same again each time: what one input leaves must not be seen by the next.
StateWriter SmallState() {
  StateWriter writer(kOrigin);
  v1::SubmitRequest request;
  SWOOSH_CHECK(google::protobuf::util::JsonStringToMessage(kState, &request).ok());
  SWOOSH_CHECK(PrepareProposal(&request).ok());
  const absl::StatusOr<Reduction> reduction = Carry(writer.view(), request);
  SWOOSH_CHECK(reduction.ok());
  writer.Apply(reduction->effect, kReducerVersion, kTime);
  return writer;
}

void CheckRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return;
    default:
      SWOOSH_CHECK(false);
  }
}

// Two that start with the same come to the same, or refuse it for the same reason.
void CheckReducing(const v1::SubmitRequest& request) {
  StateWriter one = SmallState();
  StateWriter two = SmallState();
  const Digest before = one.Hash();
  const absl::StatusOr<Reduction> reduction = Carry(one.view(), request);
  const absl::StatusOr<Reduction> again = Carry(two.view(), request);
  SWOOSH_CHECK(reduction.status() == again.status());
  SWOOSH_CHECK(one.Hash() == before);
  if (!reduction.ok()) {
    CheckRefusal(reduction.status());
    return;
  }
  SWOOSH_CHECK(reduction->changes == again->changes);
  SWOOSH_CHECK(reduction->outcomes.size() == static_cast<size_t>(request.transitions_size()));
  one.Apply(reduction->effect, kReducerVersion, kTime);
  two.Apply(again->effect, kReducerVersion, kTime);
  SWOOSH_CHECK(one.Hash() == two.Hash());
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::KeepProtobufQuiet();
  const absl::string_view bytes = swoosh::FuzzInput(data, size);
  swoosh::v1::SubmitRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) {
    SWOOSH_CHECK(absl::IsInvalidArgument(
        swoosh::ExplainParseFailure(bytes, *swoosh::v1::SubmitRequest::descriptor())));
    return 0;
  }
  const absl::Status status = swoosh::PrepareProposal(&request);
  SWOOSH_CHECK(status.ok() || absl::IsInvalidArgument(status));
  if (status.ok()) swoosh::CheckReducing(request);
  return 0;
}
