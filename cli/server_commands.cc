#include "cli/server_commands.h"

#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/exit_codes.h"
#include "cli/proto_text.h"

namespace swoosh {
namespace {

int State(Session& session) {
  const absl::StatusOr<v1::StateSummary> state = session.client()->GetState(v1::GetStateRequest());
  if (!state.ok()) return session.RpcFailed(state.status());
  if (session.json()) {
    session.PrintJson(*state);
    return kCliOk;
  }
  session.out() << RenderFields({{"index", absl::StrCat(state->index())},
                                 {"time", TimeText(state->hlc().time())},
                                 {"state hash", HexText(state->state_hash())},
                                 {"instances", absl::StrCat(state->instance_count())},
                                 {"machines", absl::StrCat(state->machine_count())},
                                 {"timers", absl::StrCat(state->timer_count())},
                                 {"history", state->history_id()}},
                                session.palette());
  return kCliOk;
}

int Status(Session& session) {
  const absl::StatusOr<v1::ServerStatus> status =
      session.client()->GetStatus(v1::GetStatusRequest());
  if (!status.ok()) return session.RpcFailed(status.status());
  if (session.json()) {
    session.PrintJson(*status);
    return kCliOk;
  }
  const uint64_t snapshot = status->last_snapshot_index();
  session.out() << RenderFields(
      {{"server", absl::StrCat("swooshd ", status->version(), " at ", session.options()->server)},
       {"started", TimeText(status->start_time())},
       {"records", absl::StrCat(status->first_index(), " to ", status->commit_index())},
       {"last snapshot", snapshot == 0 ? "none" : absl::StrCat("at index ", snapshot)},
       {"request ids", absl::StrCat("remembered over ", status->request_window(), " records")},
       {"fenced", status->fenced() ? "YES: a write failed; the server will exit" : "no"},
       {"verified", status->verified_index() == 0
                        ? "not since the start"
                        : absl::StrCat("at index ", status->verified_index(), ", ",
                                       TimeText(status->verified_time()))},
       {"recovery", status->recovery()}},
      session.palette());
  return kCliOk;
}

int Snapshot(Session& session) {
  const absl::StatusOr<v1::TakeSnapshotResponse> snapshot =
      session.client()->TakeSnapshot(v1::TakeSnapshotRequest());
  if (!snapshot.ok()) return session.RpcFailed(snapshot.status());
  if (session.json()) {
    session.PrintJson(*snapshot);
    return kCliOk;
  }
  session.out() << RenderFields({{"snapshot at index", absl::StrCat(snapshot->index())},
                                 {"state hash", HexText(snapshot->state_hash())}},
                                session.palette());
  return kCliOk;
}

int Verify(Session& session) {
  const absl::StatusOr<v1::VerifyResponse> verified = session.client()->Verify(v1::VerifyRequest());
  if (!verified.ok()) return session.RpcFailed(verified.status());
  if (session.json()) {
    session.PrintJson(*verified);
    return kCliOk;
  }
  session.out() << RenderFields({{"verified at index", absl::StrCat(verified->index())},
                                 {"state hash", HexText(verified->state_hash())},
                                 {"records replayed", absl::StrCat(verified->records())}},
                                session.palette());
  return kCliOk;
}

int Trim(Session& session, uint64_t first_kept) {
  v1::TrimLogRequest request;
  request.set_first_kept(first_kept);
  const absl::StatusOr<v1::TrimLogResponse> response = session.client()->TrimLog(request);
  if (!response.ok()) return session.RpcFailed(response.status());
  if (session.json()) {
    session.PrintJson(*response);
    return kCliOk;
  }
  session.out() << RenderFields({{"the log begins at", absl::StrCat(response->first_index())}},
                                session.palette());
  if (response->first_index() < first_kept) {
    session.out()
        << "  the rest is needed by a snapshot that is kept; take newer ones and trim again\n";
  }
  return kCliOk;
}

}  // namespace

void AddServerCommands(Commands* commands) {
  commands->Add(
      "state", "Show the committed index and the hash of the whole state, all namespaces included.",
      {{"swooshctl state", ""}, {"swooshctl state -o json | jq -r .stateHash", ""}}, State);
  commands->Add("status", "Show how the server is: its version, log, snapshots and last recovery.",
                {{"swooshctl status", ""}}, Status);
  commands->Add(
      "snapshot", "Write a snapshot of the state, and wait until it was read back and counts.",
      {{"swooshctl snapshot", ""}, {"swooshctl snapshot --timeout 10m", "of a large state"}},
      Snapshot);
  commands->Add("verify",
                "Prove that the state that is served is the one that the stored records lead to, "
                "by a second\n"
                "replay on the running server. It does so by itself every day, too; status tells "
                "of the last\n"
                "time. One that outlasts the timeout goes on.",
                {{"swooshctl verify", ""}, {"swooshctl verify --timeout 1h", "of a long log"}},
                Verify);
  auto first_kept = std::make_shared<uint64_t>(0);
  CLI::App* trim = commands->Add(
      "trim",
      "Remove the oldest records from the log. Record N is the first that is kept; never one is\n"
      "removed that the oldest kept snapshot needs. What is trimmed can't be read, watched or "
      "listed any more.",
      {{"swooshctl trim 100000", ""}},
      [first_kept](Session& session) { return Trim(session, *first_kept); });
  trim->add_option("N", *first_kept, "Index of the oldest record to keep")
      ->check(CLI::PositiveNumber)
      ->required();
}

}  // namespace swoosh
