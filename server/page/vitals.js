// How the server is: the state's index and hash, and what its metrics tell, read every 2 seconds.

import { get, getText } from "./api.js";
import { quantile, rate, Reading } from "./metrics.js";

const INTERVAL_MS = 2000;
export const SAMPLES_MAX = 150; // 5 minutes

const SYNC = "swoosh_wal_fsync_duration_seconds";
const PROPOSALS = "swoosh_proposals_total";

export class Vitals {
  constructor() {
    this.state = {}; // a StateSummary
    this.status = {}; // a ServerStatus
    this.reading = null; // the last Reading
    // One entry a sample in each; null where there is nothing to tell.
    this.series = { time: [], accepted: [], refused: [], sync_p50: [], sync_p99: [] };
    this.samples = 0; // how many there were
    this.error = "";
  }

  /** Reads for as long as the page is open, and calls `onRead` each time. */
  async run(onRead) {
    while (true) {
      try {
        await this.read();
        this.error = "";
      } catch (error) {
        this.error = error.message;
      }
      onRead();
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  async read() {
    this.state = await get("/v1/state");
    // Who may read the state need not be an operator: each of these may be refused by itself.
    const [status, text] = await Promise.allSettled([get("/v1/status"), getText("/metrics")]);
    if (status.status === "fulfilled") this.status = status.value;
    if (text.status === "rejected") throw text.reason;
    const before = this.reading;
    this.reading = new Reading(text.value, Date.now() / 1000);
    if (before !== null) this.sample(before, this.reading);
  }

  sample(before, after) {
    const values = {
      time: after.time,
      accepted: rate(before, after, PROPOSALS, { result: "accepted" }),
      refused: rate(before, after, PROPOSALS, { result: "refused" }),
      sync_p50: quantile(before, after, SYNC, 0.5),
      sync_p99: quantile(before, after, SYNC, 0.99),
    };
    this.samples += 1;
    for (const [name, list] of Object.entries(this.series)) {
      list.push(Number.isFinite(values[name]) ? values[name] : null);
      if (list.length > SAMPLES_MAX) list.shift();
    }
  }

  /** The newest value of a series; NaN if there is none. */
  latest(name) {
    return this.series[name].at(-1) ?? NaN;
  }

  metric(name, labels) {
    return this.reading?.value(name, labels) ?? NaN;
  }
}
