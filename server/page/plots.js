// Small plots over time, by uPlot where it was built in.

import { h } from "./dom.js";
import { files } from "./packages.js";

const HEIGHT = 150;
const WIDTH_MIN = 200;
const WINDOW_SECONDS_MIN = 60;
const WINDOW_SECONDS_MAX = 300;
const dark = matchMedia("(prefers-color-scheme: dark)");

let loading = null;

function loadUplot() {
  loading ??= import("./uPlot.esm.js");
  if (!document.querySelector("link[href='/page/uPlot.min.css']")) {
    document.head.append(h("link", { rel: "stylesheet", href: "/page/uPlot.min.css" }));
  }
  return loading;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const two = (number) => String(number).padStart(2, "0");

function timeOfDay(time) {
  const date = new Date(time * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/** Up to the newest sample; up to now while there is none. */
function timeRange(_plot, first, last) {
  const end = last ?? Date.now() / 1000;
  const begin = Math.min(first ?? end, end - WINDOW_SECONDS_MIN);
  return [Math.max(end - WINDOW_SECONDS_MAX, begin), end];
}

function options({ lines, text, floor }, width) {
  const grid = { stroke: color("--line"), width: 1 };
  const axis = { stroke: color("--quiet"), grid, ticks: grid, font: "11px system-ui" };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: timeRange },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, floor)] },
    },
    axes: [
      { ...axis, space: 90, incrs: [10, 30, 60], values: (_plot, times) => times.map(timeOfDay) },
      { ...axis, size: 62, values: (_plot, values) => values.map(text) },
    ],
    series: [
      {},
      ...lines.map(({ color: name, label }) => ({
        label,
        stroke: color(name),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

/**
 * A plot of `lines`, [{label, color, values()}], over times(): {element, update(), close()}.
 * `color` is a custom property of the style sheet, `text` writes a value of the y axis, which reaches up to
 * `floor` at least.
 */
export function plot({ title, lines, times, text, floor }) {
  const keys = lines.map((line) => h("span", { class: `key ${line.color.slice(2)}` }, line.label));
  const place = h("div", { class: "plot" });
  const element = h("figure", {}, h("figcaption", {}, h("b", {}, title), " ", ...keys), place);
  if (!files.includes("uPlot.esm.js")) {
    place.replaceWith(h("p", { class: "notice" }, "No plot: built without the npm packages."));
    return { element, update() {}, close() {} };
  }
  const data = () => [times(), ...lines.map((line) => line.values())];
  const width = () => Math.max(WIDTH_MIN, Math.floor(place.clientWidth));
  let drawn = null;
  let closed = false;
  const draw = async () => {
    const { default: Uplot } = await loadUplot();
    drawn?.destroy();
    drawn = closed ? null : new Uplot(options({ lines, text, floor }, width()), data(), place);
  };
  const resized = new ResizeObserver(() => drawn?.setSize({ width: width(), height: HEIGHT }));
  resized.observe(place);
  dark.addEventListener("change", draw);
  draw();
  return {
    element,
    update: () => drawn?.setData(data()),
    close() {
      closed = true;
      resized.disconnect();
      dark.removeEventListener("change", draw);
      drawn?.destroy();
    },
  };
}
