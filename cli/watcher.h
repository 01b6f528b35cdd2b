#ifndef SWOOSH_CLI_WATCHER_H_
#define SWOOSH_CLI_WATCHER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// Watches, over any number of connections, as if it were one: without a gap and without a repeat.
// One thread.
class Watcher {
 public:
  struct Events {
    // What the watch tells, without its bookmarks. With `initial`, all initial instances come
    // before anything else. False ends the run.
    std::function<bool(const v1::WatchResponse& response)> told;
    // The connection broke, and will be made anew.
    std::function<void(const absl::Status& why)> broken;
  };

  // `request` as for the RPC. `client` must outlive it. `retry_for`: how long to do without a
  // server.
  Watcher(Client* client, v1::WatchRequest request, absl::Duration retry_for, Events events);

  // OK when `told` ended it. Once. Errors: kUnavailable when no server can be had for `retry_for`;
  // kOutOfRange when the log was trimmed past what comes next; kAborted when the server came back
  // with another history; kInvalidArgument and others of the RPC.
  absl::Status Run();

 private:
  // OK: ended by `told`.
  absl::Status WatchOnce();
  // Where "from now" is, told once, so that a connection that breaks at once leaves no gap.
  absl::Status FixStart();
  // False: `told` ended it.
  bool Take(v1::WatchResponse response);
  bool TakeInitial(v1::WatchResponse response);

  Client* const client_;
  v1::WatchRequest request_;  // always what to ask for next
  const absl::Duration retry_for_;
  const Events events_;
  // Until they are complete: a connection that breaks before begins them anew, at a later index.
  std::vector<v1::WatchResponse> initial_;
  bool heard_ = false;  // since the connection was made
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_WATCHER_H_
