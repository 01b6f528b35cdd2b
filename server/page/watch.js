// What changes, as it happens: /v1/watch, over every loss of the connection without a gap.

import { ApiError, open } from "./api.js";
import { eventsOf } from "./event_stream.js";

const RETRY_MS = [250, 500, 1000, 2000];
// The server says something every second, so this much silence is a connection that died.
const SILENCE_MS_MAX = 10_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Watches from an index of a history on, until the server says that this can't be resumed: another
 * history, or records that were trimmed. Then it returns, and what is shown has to be read anew.
 *
 *   onResponse(response)    a WatchResponse
 *   onState(state, reason)  "live", or "reconnecting" and why
 */
export async function watch({ from_index, history_id }, { onResponse, onState }) {
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
      const response = await open(
        "/v1/watch",
        { from_index, history_id },
        { headers, signal: stop.signal },
      );
      for await (const event of eventsOf(response.body, heard)) {
        if (event.type === "status") throw new ApiError(503, JSON.parse(event.data).message);
        if (failures >= 0) onState("live", "");
        failures = -1;
        last_id = event.id ?? last_id;
        onResponse(JSON.parse(event.data));
      }
      onState("reconnecting", "the connection ended");
    } catch (error) {
      if (["HISTORY_MISMATCH", "INDEX_AHEAD", "INDEX_TRIMMED"].includes(error.reason)) return;
      onState("reconnecting", stop.signal.aborted ? "nothing came any more" : error.message);
    } finally {
      clearTimeout(silence);
      stop.abort();
    }
    await pause(RETRY_MS[Math.min(Math.max(failures, 0), RETRY_MS.length - 1)]);
  }
}
