// What changes, as it happens: /v1/watch, over every loss of the connection without a gap.

import { ApiError, open } from "./api.js";
import { eventsOf } from "./event_stream.js";

const RETRY_MS = [250, 500, 1000, 2000];
// The server says something every second, so this much silence is a connection that died.
const SILENCE_MS_MAX = 10_000;

const CANT_BE_RESUMED = [
  "HISTORY_MISMATCH",
  "INDEX_AHEAD",
  "INDEX_TRIMMED",
  "MACHINE_DENIED",
  "NAMESPACE_DENIED",
];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Watches with the parameters of a WatchRequest, until the server says that this can't be resumed:
 * another history, records that were trimmed, or other machines that may be seen. Then it returns,
 * and what is shown has to be read anew.
 *
 *   onResponse(response)    a WatchResponse
 *   onState(state, reason)  "live", or "reconnecting" and why
 */
export async function watch(parameters, { onResponse, onState }) {
  let last_id = null;
  for (let failures = 0; ; failures += 1) {
    const stop = new AbortController();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE_MS_MAX);
    };
    try {
      heard();
      const headers = last_id === null ? {} : { "Last-Event-ID": last_id };
      const response = await open("/v1/watch", parameters, { headers, signal: stop.signal });
      for await (const event of eventsOf(response.body, heard)) {
        if (event.type === "status") throw new ApiError(503, JSON.parse(event.data).message);
        if (failures >= 0) onState("live", "");
        failures = -1;
        last_id = event.id ?? last_id;
        onResponse(JSON.parse(event.data));
      }
      onState("reconnecting", "the connection ended");
    } catch (error) {
      if (CANT_BE_RESUMED.includes(error.reason)) return;
      onState("reconnecting", stop.signal.aborted ? "nothing came any more" : error.message);
    } finally {
      clearTimeout(silence);
      stop.abort();
    }
    await pause(RETRY_MS[Math.min(Math.max(failures, 0), RETRY_MS.length - 1)]);
  }
}
