// How numbers, times and the API's values are written.

const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value) => NUMBERS.format(value);

/** 3 significant digits: 0.123, 4.56, 789. */
export function figure(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return value >= 100 ? count(value) : String(Number(value.toPrecision(3)));
}

export function seconds(value) {
  if (!Number.isFinite(value)) return "–";
  if (value < 0.001) return `${figure(value * 1e6)} µs`;
  return value < 1 ? `${figure(value * 1e3)} ms` : `${figure(value)} s`;
}

export const perSecond = (value) => (Number.isFinite(value) ? `${figure(value)} /s` : "–");

/** "1 instance", "2 instances". */
export const counted = (value, what) => `${count(value)} ${what}${value === 1 ? "" : "s"}`;

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return Number.isFinite(value) ? `${figure(value)} ${units[unit]}` : "–";
}

/** A timestamp of the API in this browser's time zone, to the millisecond: "14:03:59.120". */
export function clockTime(timestamp) {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return "";
  const two = (number, digits = 2) => String(number).padStart(digits, "0");
  return (
    `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}` +
    `.${two(time.getMilliseconds(), 3)}`
  );
}

export function dateTime(timestamp) {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return "–";
  return `${time.toLocaleDateString("sv")} ${clockTime(timestamp)}`;
}

/** Bytes, which JSON has in base64, as hexadecimal digits. */
export function hex(base64) {
  return Array.from(atob(base64 ?? ""), (each) =>
    each.charCodeAt(0).toString(16).padStart(2, "0"),
  ).join("");
}

/** A configuration without its root, which is always active. */
export const configurationText = (configuration = []) =>
  configuration.length > 1 ? configuration.slice(1).join(" › ") : configuration.join("");

/** Where the page shows things. */
export const machineLink = (name, state) =>
  `#/machine/${encodeURIComponent(name)}` + (state ? `?state=${encodeURIComponent(state)}` : "");
export const instanceLink = (id) => `#/instance/${encodeURIComponent(id)}`;
