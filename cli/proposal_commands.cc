#include "cli/proposal_commands.h"

#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/error_text.h"
#include "cli/exit_codes.h"
#include "cli/proto_text.h"
#include "cli/rpc_status.h"
#include "cli/step_text.h"
#include "core/errors.h"

namespace swoosh {
namespace {

// Enough never to meet another in a namespace.
constexpr size_t kInstanceIdRandomBytes = 10;
constexpr size_t kRequestIdRandomBytes = 16;

struct CreateOptions {
  std::string machine;
  std::string id;
  std::string context;
  uint32_t machine_version = 0;
  bool allow_existing = false;
  std::string request_id;
};

struct SendOptions {
  std::string id;
  std::string event;
  std::string data;
  std::optional<uint64_t> expected_version;
  std::string request_id;
};

struct DeleteOptions {
  std::string id;
  std::optional<uint64_t> expected_version;
  bool allow_missing = false;
};

v1::SubmitRequest NewRequest(const Session& session, const std::string& request_id) {
  v1::SubmitRequest request;
  request.set_namespace_(session.ns());
  request.set_request_id(request_id.empty() ? RandomHex(kRequestIdRandomBytes) : request_id);
  request.set_view(v1::VIEW_FULL);
  return request;
}

// An error after which nobody knows whether the proposal was carried out says how to find out.
int SubmitFailed(Session& session, const absl::Status& status, const v1::SubmitRequest& request,
                 absl::string_view event) {
  const int exit_code = session.RpcFailed(status, event);
  const v1::ErrorReason reason = ReasonOf(status);
  const bool told = reason != v1::ERROR_REASON_UNSPECIFIED && reason != v1::OUTCOME_UNKNOWN;
  if (IsTransient(status) && !told && !session.json()) {
    session.err() << "  it may have been applied or not; the same command with --request-id "
                  << request.request_id() << " applies it once\n";
  }
  return exit_code;
}

// What the record at `index` did to the instance, and where the one before it had left it ("" = it
// is new, "?" = not known).
struct RecordedStep {
  v1::Change change;
  std::string before;
};

const v1::Change* FindChange(const v1::Record& record, const std::string& id) {
  for (const v1::Change& change : record.changes()) {
    if (change.instance_id() == id) return &change;
  }
  return nullptr;
}

// nullopt when the log can't tell, as after a trim.
std::optional<RecordedStep> ReadStep(Session& session, const std::string& id, uint64_t index) {
  v1::ListRecordsRequest request;
  request.set_namespace_(session.ns());
  request.set_instance_id(id);
  request.set_from_index(index);
  request.set_page_size(2);
  const absl::StatusOr<v1::ListRecordsResponse> page = session.client()->ListRecords(request);
  if (!page.ok() || page->records().empty()) return std::nullopt;
  const v1::Change* change = FindChange(page->records(0), id);
  if (change == nullptr) return std::nullopt;
  RecordedStep step;
  step.change = *change;
  if (!change->created()) step.before = "?";
  if (!change->created() && page->records_size() > 1) {
    const v1::Change* previous = FindChange(page->records(1), id);
    if (previous != nullptr) step.before = ConfigurationText(previous->configuration());
  }
  return step;
}

void ShowStep(Session& session, const v1::SubmitResponse& response, absl::string_view verb) {
  const v1::Instance& instance = response.results(0).instance();
  const std::optional<RecordedStep> step = ReadStep(session, instance.id(), response.index());
  const std::string subject = absl::StrCat(verb, instance.id());
  if (step.has_value()) {
    session.out() << StepText(subject, step->before, step->change, instance, session.palette());
  } else {
    v1::Change change;
    *change.mutable_configuration() = instance.configuration();
    change.set_status(instance.status());
    session.out() << StepText(subject, "?", change, instance, session.palette());
  }
  session.out() << RenderFields(
      {{"  version",
        absl::StrCat(response.index(), response.duplicate() ? " (applied before)" : "")}},
      session.palette());
}

int Create(Session& session, const CreateOptions& options) {
  absl::StatusOr<google::protobuf::Struct> context =
      ReadStructArgument(options.context, "--context");
  if (!context.ok()) return session.UsageFailed(context.status().message());
  v1::SubmitRequest request = NewRequest(session, options.request_id);
  v1::CreateInstance* create = request.add_transitions()->mutable_create_instance();
  create->set_instance_id(options.id.empty() ? RandomHex(kInstanceIdRandomBytes) : options.id);
  create->set_machine(options.machine);
  create->set_machine_version(options.machine_version);
  create->set_allow_existing(options.allow_existing);
  if (!options.context.empty()) *create->mutable_context() = *std::move(context);

  const absl::StatusOr<v1::SubmitResponse> response = session.client()->Submit(request);
  if (!response.ok()) return SubmitFailed(session, response.status(), request, "");
  if (session.json()) {
    session.PrintJson(*response);
  } else if (response->results(0).instance().version() != response->index()) {
    session.out() << Printable(create->instance_id()) << "  exists already, as "
                  << Printable(ConfigurationText(response->results(0).instance().configuration()))
                  << "\n";
  } else {
    ShowStep(session, *response, "created ");
  }
  return kCliOk;
}

int Send(Session& session, const SendOptions& options) {
  absl::StatusOr<google::protobuf::Struct> data = ReadStructArgument(options.data, "--data");
  if (!data.ok()) return session.UsageFailed(data.status().message());
  v1::SubmitRequest request = NewRequest(session, options.request_id);
  v1::Transition* transition = request.add_transitions();
  if (options.expected_version.has_value()) {
    transition->set_expected_version(*options.expected_version);
  }
  transition->mutable_send_event()->set_instance_id(options.id);
  transition->mutable_send_event()->set_event(options.event);
  if (!options.data.empty()) *transition->mutable_send_event()->mutable_data() = *std::move(data);

  const absl::StatusOr<v1::SubmitResponse> response = session.client()->Submit(request);
  if (!response.ok()) return SubmitFailed(session, response.status(), request, options.event);
  if (session.json()) {
    session.PrintJson(*response);
  } else {
    ShowStep(session, *response, "");
  }
  return kCliOk;
}

int Delete(Session& session, const DeleteOptions& options) {
  v1::SubmitRequest request = NewRequest(session, "");
  v1::Transition* transition = request.add_transitions();
  if (options.expected_version.has_value()) {
    transition->set_expected_version(*options.expected_version);
  }
  transition->mutable_delete_instance()->set_instance_id(options.id);
  transition->mutable_delete_instance()->set_allow_missing(options.allow_missing);
  const absl::StatusOr<v1::SubmitResponse> response = session.client()->Submit(request);
  if (!response.ok()) return SubmitFailed(session, response.status(), request, "");
  if (session.json()) {
    session.PrintJson(*response);
  } else {
    session.out() << "deleted " << Printable(options.id) << "\n";
  }
  return kCliOk;
}

void AddCreate(Commands* commands) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* app = commands->Add(
      "create", "Create an instance of a machine, and run it up to where it waits for an event.",
      {{"swooshctl create order o-1", ""},
       {"swooshctl create order o-1 --context '{\"sku\": \"A7\", \"total\": 250}'", ""},
       {"swooshctl create order --context @order.json", "with a random id, which is printed"},
       {"swooshctl create order o-1 --allow-existing", "no error when it is there already"}},
      [options](Session& session) { return Create(session, *options); });
  app->add_option("MACHINE", options->machine, "The machine's name")->required();
  app->add_option("ID", options->id, "The new instance's id (default: a random one)");
  app->add_option("--context", options->context,
                  "Replaces keys of the machine's context: JSON, or @FILE")
      ->type_name("JSON");
  app->add_option("--machine-version", options->machine_version,
                  "Version of the machine (default: the latest)")
      ->type_name("N");
  app->add_flag("--allow-existing", options->allow_existing,
                "Leave an instance that exists as it is");
  app->add_option("--request-id", options->request_id,
                  "Sent again with the same id, it is applied once (default: a random one)")
      ->type_name("ID");
}

void AddSend(Commands* commands) {
  auto options = std::make_shared<SendOptions>();
  CLI::App* app = commands->Add(
      "send",
      "Send an event to an instance. Shows the states before and after, the edges taken, what was\n"
      "emitted and what is enabled next; or why it was denied, with the guards' values.",
      {{"swooshctl send o-1 stock.reserved --data '{\"id\": \"r-17\"}'", ""},
       {"swooshctl send o-1 cancel --expected-version 12", "only if nothing changed since"},
       {"swooshctl send o-1 cancel --request-id cancel-o-1", "safe to repeat: it is applied once"}},
      [options](Session& session) { return Send(session, *options); });
  app->add_option("ID", options->id, "The instance's id")->required();
  app->add_option("EVENT", options->event, "The event's name")->required();
  app->add_option("--data", options->data, "What comes with it, event.data: JSON, or @FILE")
      ->type_name("JSON");
  app->add_option("--expected-version", options->expected_version,
                  "Refuse it unless the instance has this version")
      ->type_name("N");
  app->add_option("--request-id", options->request_id,
                  "Sent again with the same id, it is applied once (default: a random one)")
      ->type_name("ID");
}

void AddDelete(Commands* commands) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* app = commands->Add(
      "delete", "Delete an instance. No exit actions are run; its records stay in the log.",
      {{"swooshctl delete o-1", ""}, {"swooshctl delete o-1 --allow-missing", ""}},
      [options](Session& session) { return Delete(session, *options); });
  app->add_option("ID", options->id, "The instance's id")->required();
  app->add_option("--expected-version", options->expected_version,
                  "Refuse it unless the instance has this version")
      ->type_name("N");
  app->add_flag("--allow-missing", options->allow_missing,
                "No error when there is no such instance");
}

}  // namespace

void AddProposalCommands(Commands* commands) {
  AddCreate(commands);
  AddSend(commands);
  AddDelete(commands);
}

}  // namespace swoosh
