#include "cli/watcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/rpc_status.h"

namespace swoosh {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kPauseMax = absl::Seconds(2);
constexpr absl::Duration kConnectAttempt = absl::Seconds(2);
// A server sends a bookmark at least once a second; this much silence means that it is gone.
constexpr absl::Duration kSilenceMax = absl::Seconds(15);

}  // namespace

Watcher::Watcher(Client* client, v1::WatchRequest request, absl::Duration retry_for, Events events)
    : client_(client),
      request_(std::move(request)),
      retry_for_(retry_for),
      events_(std::move(events)) {}

absl::Status Watcher::Run() {
  absl::Time outage_start = absl::Now();
  absl::Duration pause = kPauseMin;
  while (true) {
    heard_ = false;
    const absl::Status status = WatchOnce();
    if (status.ok() || !IsTransient(status)) return status;
    if (heard_) {
      outage_start = absl::Now();
      pause = kPauseMin;
    }
    if (absl::Now() - outage_start + pause > retry_for_) return status;
    events_.broken(status);
    absl::SleepFor(pause);
    pause = std::min(2 * pause, kPauseMax);
  }
}

absl::Status Watcher::WatchOnce() {
  if (absl::Status status = client_->WaitForConnection(kConnectAttempt); !status.ok()) {
    return status;
  }
  if (absl::Status status = FixStart(); !status.ok()) return status;
  initial_.clear();
  const std::unique_ptr<WatchCall> call = client_->Watch(request_);
  while (true) {
    absl::StatusOr<v1::WatchResponse> response = call->Read(kSilenceMax);
    if (!response.ok()) return response.status();
    heard_ = true;
    if (!Take(*std::move(response))) return absl::OkStatus();
  }
}

absl::Status Watcher::FixStart() {
  if (request_.initial() || request_.from_index() != 0) return absl::OkStatus();
  const absl::StatusOr<v1::StateSummary> state = client_->GetState(v1::GetStateRequest());
  if (!state.ok()) return state.status();
  request_.set_from_index(state->index() + 1);
  request_.set_history_id(state->history_id());
  return absl::OkStatus();
}

bool Watcher::Take(v1::WatchResponse response) {
  if (request_.initial()) return TakeInitial(std::move(response));
  // A bookmark may be as of where it already is.
  request_.set_from_index(std::max(request_.from_index(), response.index() + 1));
  request_.set_history_id(response.history_id());
  return response.changes().empty() || events_.told(response);
}

bool Watcher::TakeInitial(v1::WatchResponse response) {
  const bool complete = response.initial_complete();
  if (complete) {
    request_.set_initial(false);
    request_.set_from_index(response.index() + 1);
    request_.set_history_id(response.history_id());
  }
  initial_.push_back(std::move(response));
  if (!complete) return true;
  const std::vector<v1::WatchResponse> initial = std::move(initial_);
  return std::all_of(initial.begin(), initial.end(),
                     [this](const v1::WatchResponse& part) { return events_.told(part); });
}

}  // namespace swoosh
