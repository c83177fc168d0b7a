// SPDX-License-Identifier: MIT
// Parallel coordinates; what is brushed there is what the table shows.
"use strict";

// The axis of a parameter or a metric: numbers for plotly, with the marks that people read.
function dimensionOf(name, values, { labels = [], log = false, scale = "linear" }) {
  const label = escaped(clipped(name, 22));
  const given = values.filter((value) => value !== null);
  const isLog = log || scale === "log";
  const position = (value) => (isLog ? Math.log10(value) : value);
  let [low, high] = [Math.min(...given.map(position)), Math.max(...given.map(position))];
  if (labels.length) [low, high] = [0, Math.max(1, labels.length - 1)];
  if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
  const hasGaps = given.length < values.length;
  const below = low - 0.12 * (high - low);
  const dimension = { label, range: [hasGaps ? below : low, high], values: values.map((value) => (value === null ? below : position(value))) };
  const marks = labels.length ? labels.map((text, place) => [place, escaped(clipped(text, 14))]) : ticksOf(low, high, isLog);
  if (hasGaps) marks.push([below, "not set"]);
  return { ...dimension, tickvals: marks.map(([place]) => place), ticktext: marks.map(([, text]) => text) };
}

// About five round numbers between two, or powers of ten if the axis is logarithmic and long enough.
function ticksOf(low, high, isLog) {
  if (isLog) {
    const powers = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, place) => Math.ceil(low) + place);
    if (powers.length >= 2) {
      const every = Math.ceil(powers.length / 6);
      return ended(powers.filter((_, place) => place % every === 0), low, high).map((power) => [power, shortNumber(10 ** power, 2)]);
    }
    return Array.from({ length: 4 }, (_, place) => low + (place * (high - low)) / 3).map((at) => [at, shortNumber(10 ** at, 2)]);
  }
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const ticks = [];
  for (let place = Math.ceil(low / step); place * step <= high + 1e-9 * step; place++) ticks.push(Number((place * step).toPrecision(10)));
  return ended(ticks, low, high).map((at) => [at, shortNumber(at, 3)]);
}

// The marks and the two ends, so that the axis is as long as what lies on it; marks next to an end give way.
function ended(marks, low, high) {
  const room = 0.06 * (high - low);
  return [low, ...marks.filter((at) => at > low + room && at < high - room), high];
}

// Lines that are drawn without a GPU.
const MOST_SLOW_LINES = 300;

figures.parallel = (element) => {
  if (!hasWebGL) {
    element.textContent = "This browser has no WebGL, which this figure needs; the table below can be filtered instead.";
    return Promise.resolve();
  }
  const rows = isSlow ? sampleRows().filter((_, place, all) => place % Math.ceil(all.length / MOST_SLOW_LINES) === 0) : sampleRows();
  if (rows.length < sampleRows().length) note(element, `Without a GPU ${rows.length} of them are drawn.`);
  const shown = byImportance();
  const of = (column) => rows.map((row) => drawable(column[row]));
  const dimensions = [
    ...shown.map((parameter) => dimensionOf(parameter.name, of(parameter.values), parameter)),
    ...report.metrics.map((metric, index) => dimensionOf(metric.name, of(trials.values[index]), metric)),
  ];
  const last = dimensions[shown.length];
  const sorted = [...last.values].sort((a, b) => a - b);
  const ends = [sorted[0], sorted[Math.floor(0.9 * (sorted.length - 1))]];
  const scale = goodnessScale();
  const isMaximum = report.metrics[0].maximum;
  const trace = {
    type: "parcoords", dimensions,
    line: {
      color: last.values, cmin: isMaximum ? sorted[Math.floor(0.1 * (sorted.length - 1))] : ends[0], cmax: isMaximum ? sorted.at(-1) : ends[1],
      colorscale: isMaximum ? scale : scale.map(([place], number) => [place, scale[scale.length - 1 - number][1]]),
    },
    unselected: { line: { color: colour("faint"), opacity: 0.12 } },
    labelangle: dimensions.length > 6 ? -20 : 0, labelside: "top",
    labelfont: { size: 12 }, tickfont: { size: 11, color: colour("ink") }, rangefont: { size: 1, color: "rgba(0,0,0,0)" },
  };
  // Narrower axes cannot be read: the figure is scrolled then.
  const width = Math.max(element.parentElement.clientWidth, 96 * dimensions.length + 80);
  element.style.width = `${width}px`;
  const layout = layoutOf({ height: 440, width, margin: { l: 64, r: 64, t: dimensions.length > 6 ? 90 : 48, b: 24 } });
  const drawn = draw(element, [trace], layout, ["toImage"]);
  listen(element, rows);
  return drawn;
};

function note(drawing, text) {
  drawing.closest("section").querySelector(".tools").textContent = text;
}

function listen(element, rows) {
  if (element.opensTrials) return;
  element.opensTrials = true;
  let hovered = null;
  element.on("plotly_hover", (event) => { hovered = rows[event.curveNumber] ?? null; });
  element.on("plotly_unhover", () => { hovered = null; });
  element.addEventListener("click", () => { if (hovered !== null) showTrial(trials.number[hovered]); });
  element.on("plotly_restyle", () => {
    const brushed = element.data[0].dimensions.filter((dimension) => dimension.constraintrange);
    if (!brushed.length) return selectTrials(null);
    const isInside = (value, range) => (Array.isArray(range[0]) ? range : [range]).some(([low, high]) => low <= value && value <= high);
    const kept = rows.filter((_, place) => brushed.every((dimension) => isInside(dimension.values[place], dimension.constraintrange)));
    return selectTrials(new Set(kept.map((row) => trials.number[row])));
  });
}

function clearBrushes() {
  const element = document.querySelector("[data-figure=parallel] .drawing");
  if (!element?.data) return Promise.resolve();
  const brushed = element.data[0].dimensions.flatMap((dimension, place) => (dimension.constraintrange ? [place] : []));
  return Plotly.restyle(element, Object.fromEntries(brushed.map((place) => [`dimensions[${place}].constraintrange`, null])));
}
