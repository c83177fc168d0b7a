// SPDX-License-Identifier: MIT
// What all figures share: colours for light and dark, axes, and how plotly is called.
"use strict";

const darkness = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const context = document.createElement("canvas").getContext("webgl");
const hasWebGL = Boolean(context);
// Without a GPU, as on a remote desktop, the processor draws every pixel: then each is drawn once, not four times.
const renderer = hasWebGL ? String(context.getParameter(context.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER)) : "";
const isSlow = /swiftshader|llvmpipe|software/i.test(renderer);
// Above so many points SVG is slow; without WebGL nothing else is left.
const MOST_SVG_POINTS = 3000;
const scatter = (points) => (hasWebGL && points > MOST_SVG_POINTS ? "scattergl" : "scatter");
const isNarrow = () => document.documentElement.clientWidth < 600;

// From poor to good; every reader can tell the ends apart, and the good end stands out from the background.
function goodnessScale() {
  const steps = ["#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154"];
  const ordered = darkness.matches ? [...steps].reverse() : steps;
  return ordered.map((tint, place) => [place / (steps.length - 1), tint]);
}

function layoutOf(extra = {}) {
  const ink = colour("ink");
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: "system-ui, sans-serif", size: 12 },
    margin: { l: isNarrow() ? 48 : 64, r: 12, t: 12, b: 48 },
    height: 380,
    hovermode: "closest",
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: ink }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("faint"), activecolor: ink },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: ink } },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    ...extra,
  };
}

function axis(title, extra = {}) {
  return {
    title: { text: escaped(clipped(title, 60)), standoff: 8 },
    gridcolor: colour("grid"),
    linecolor: colour("line"),
    zeroline: false,
    automargin: true,
    exponentformat: "e",
    ...extra,
  };
}

// The axis of a metric. A few values far away would press all others onto a line, so they are left outside of it.
function metricAxis(index, values, extra = {}) {
  const metric = report.metrics[index];
  const shown = values.filter((value) => value !== null).sort((a, b) => a - b);
  const settings = { type: metric.scale, ...extra };
  if (metric.scale === "log") settings.dtick = shown.length && shown.at(-1) / shown[0] > 1e5 ? undefined : 1;
  if (shown.length > 20 && metric.scale === "linear") {
    const at = (share) => shown[Math.round(share * (shown.length - 1))];
    const width = at(0.95) - at(0.05) || 1;
    const low = Math.max(shown[0], at(0.05) - 1.5 * width);
    const high = Math.min(shown.at(-1), at(0.95) + 1.5 * width);
    const room = 0.06 * (high - low || 1);
    settings.range = metric.maximum ? [low - room, shown.at(-1) + room] : [shown[0] - room, high + room];
  }
  return axis(extra.title_text ?? metric.name, settings);
}

function draw(element, traces, layout, buttons = ["toImage", "zoom2d", "pan2d", "resetScale2d"]) {
  const options = {
    displaylogo: false,
    modeBarButtons: [buttons],
    plotGlPixelRatio: isSlow ? 1 : 2,
    responsive: true,
    scrollZoom: false,
    showTips: false,
    displayModeBar: isNarrow() ? false : "hover",
  };
  return Plotly.react(element, traces, layout, options);
}

// A click on a point shows its trial; `customdata` holds the numbers.
function openOnClick(element) {
  if (element.opensTrials) return;
  element.opensTrials = true;
  element.on("plotly_click", (event) => {
    const point = event.points.find((candidate) => candidate.customdata !== undefined && candidate.customdata !== null);
    if (point) showTrial(Number(point.customdata));
  });
}

// How opaque so many marks are, so that where many lie still differs from where few do.
const opacityOf = (count) => Math.max(0.25, Math.min(0.75, 900 / count));

// Points of some trials; `places` gives x and y of a row.
function pointsOf(rows, places, extra) {
  const at = rows.map(places);
  return {
    type: scatter(rows.length),
    mode: "markers",
    x: at.map(([x]) => x),
    y: at.map(([, y]) => y),
    customdata: rows.map((row) => trials.number[row]),
    text: rows.map(hoverText),
    hovertemplate: "%{text}<extra></extra>",
    ...extra,
  };
}

const rowsWhere = (holds) => trials.number.map((_, row) => row).filter(holds);
const sampleRows = () => (report.parallel ?? []).map((number) => rowOf.get(number));

// A menu above a figure that draws it anew; kept when the figure is drawn again.
function menu(section, name, labels, redraw) {
  const tools = section.querySelector(".tools");
  let select = tools.querySelector(`select[name=${name}]`);
  if (!select) {
    select = element("select", { name, "aria-label": name });
    labels.forEach((label, place) => select.append(element("option", { value: place }, label)));
    select.addEventListener("change", redraw);
    tools.append(select);
  }
  return Number(select.value);
}

function metricMenu(section, redraw) {
  if (report.metrics.length < 2) return 0;
  return menu(section, "metric", report.metrics.map((metric) => metric.name), redraw);
}
