// /metrics, in Prometheus' text format, and what two readings of it tell.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The samples as [{name, labels, value}]. */
export function parse(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const match = line.startsWith("#") ? null : SAMPLE.exec(line);
    if (match === null) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) labels[name] = value;
    samples.push({ name: match[1], labels, value: Number(match[3].replace("Inf", "Infinity")) });
  }
  return samples;
}

/** One reading, taken at `time` in seconds. */
export class Reading {
  constructor(text, time) {
    this.time = time;
    this.samples = new Map();
    for (const sample of parse(text)) {
      if (!this.samples.has(sample.name)) this.samples.set(sample.name, []);
      this.samples.get(sample.name).push(sample);
    }
  }

  /** The sum of a metric's samples, of those with the labels given; NaN if there are none. */
  value(name, labels = {}) {
    const wanted = Object.entries(labels);
    const found = (this.samples.get(name) ?? []).filter((each) =>
      wanted.every(([label, value]) => each.labels[label] === value),
    );
    return found.length === 0 ? NaN : found.reduce((sum, each) => sum + each.value, 0);
  }

  /** A histogram's buckets as [upper bound, cumulative count], ascending. */
  buckets(name) {
    return (this.samples.get(`${name}_bucket`) ?? [])
      .map(({ labels, value }) => [Number(labels.le.replace("+Inf", "Infinity")), value])
      .sort(([a], [b]) => a - b);
  }
}

/** How fast a counter went up between two readings; NaN over a restart, when it began anew. */
export function rate(before, after, name, labels) {
  const risen = after.value(name, labels) - before.value(name, labels);
  return risen >= 0 ? risen / (after.time - before.time) : NaN;
}

/**
 * The quantile of what a histogram observed between two readings, as Prometheus' own
 * histogram_quantile() estimates it: linear within a bucket. NaN where nothing was observed.
 */
export function quantile(before, after, name, wanted) {
  const old = new Map(before.buckets(name));
  const buckets = after
    .buckets(name)
    .map(([bound, total]) => [bound, total - (old.get(bound) ?? 0)]);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return NaN;
  const rank = wanted * total;
  const at = buckets.findIndex(([, cumulative]) => cumulative >= rank);
  const [lower, below] = at === 0 ? [0, 0] : buckets[at - 1];
  const [upper, through] = buckets[at];
  if (!Number.isFinite(upper)) return lower;
  return lower + (upper - lower) * ((rank - below) / (through - below));
}
