#ifndef SWOOSH_SERVER_HTTP_EVENT_STREAM_H_
#define SWOOSH_SERVER_HTTP_EVENT_STREAM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

// A watch as server-sent events (WHATWG HTML, "Server-sent events"). Thread-safe.
namespace swoosh {

inline constexpr char kEventStreamType[] = "text/event-stream";
// A comment is sent when there was nothing to send for so long.
inline constexpr absl::Duration kEventStreamSilence = absl::Seconds(10);

// What a stream begins with: how long EventSource waits before it connects again.
inline constexpr char kEventStreamBegin[] = "retry: 1000\n\n";
inline constexpr char kEventStreamKeepAlive[] = ": keep-alive\n\n";

// Lets the watch go on behind the event that the header Last-Event-ID names: the initial instances,
// if any were asked for, are known then. kInvalidArgument: it is no index.
absl::Status ResumeBehind(absl::string_view last_event_id, v1::WatchRequest* request);

// The response, and each of those that follow in it, as an event: its data is the response as JSON.
// Its id, if it has one, is the index from behind which the watch may be resumed; those before the
// end of the initial instances have none. `in_initial`: whether that is still to come, before and
// after. kInternal: as ToJson.
absl::StatusOr<std::string> WatchEvents(v1::WatchResponse response, bool* in_initial);

// The last event of a watch that the server ends: of type "status", with the error as JSON.
std::string StatusEvent(const google::rpc::Status& error);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_EVENT_STREAM_H_
