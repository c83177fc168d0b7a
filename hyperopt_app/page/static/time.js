// SPDX-License-Identifier: MIT
// Figures of time: which worker did what and when, and what the hours went into.
"use strict";

// More bars than this are drawn as lines by WebGL, which finds a bar under the pointer by its middle.
const MOST_BARS = 1500;

figures.timeline = (element) => {
  const { rows, first, row, begun, length, number, outcome } = report.timeline;
  const date = (seconds) => new Date((first + seconds) * 1000);
  const label = (name) => escaped(clipped(name, isNarrow() ? 18 : 40));
  const traces = report.outcomes.map((word, place) => {
    const some = outcome.map((_, at) => at).filter((at) => outcome[at] === place);
    if (!some.length) return null;
    const text = some.map((at) => `<b>#${number[at]}</b> ${word}<br>${duration(length[at])}<br>${escaped(rows[row[at]])}`);
    const common = { name: word, customdata: some.map((at) => number[at]), text, hovertemplate: "%{text}<extra></extra>" };
    if (begun.length <= MOST_BARS || !hasWebGL) {
      return {
        ...common, type: "bar", orientation: "h", base: some.map((at) => date(begun[at])), x: some.map((at) => 1000 * Math.max(length[at], 0.01)),
        y: some.map((at) => row[at]), width: 0.7, marker: { color: colour(word), line: { width: 0.5, color: colour("page") } }, textposition: "none",
      };
    }
    const gaps = (values) => some.flatMap((at) => [...values(at), null]);
    return {
      type: "scattergl", mode: "lines", name: word, x: gaps((at) => [date(begun[at]), date(begun[at] + length[at] / 2), date(begun[at] + length[at])]), y: gaps((at) => [row[at], row[at], row[at]]),
      customdata: some.flatMap((at) => [number[at], number[at], number[at], null]), hovertemplate: "#%{customdata}<extra></extra>", line: { width: 7, color: colour(word) },
    };
  });
  traces.unshift(atWork(date), cameBack(date));
  const layout = layoutOf({
    xaxis: axis("", { type: "date", nticks: isNarrow() ? 4 : 10, tickangle: 0 }),
    yaxis: axis("", { tickvals: rows.map((_, place) => place), ticktext: rows.map(label), range: [rows.length - 0.4, -0.6], fixedrange: rows.length < 30 }),
    height: Math.min(900, 130 + 26 * rows.length), barmode: "overlay",
  });
  return draw(element, traces.filter(Boolean), layout);
};

// Behind the bars of the trials: when each worker was there. Where it is pale, it had no trial; where it is empty, no worker.
function atWork(date) {
  const { row, begun, length, job } = report.timeline.work;
  if (!row.length) return null;
  const { rows } = report.timeline;
  return {
    type: "bar", orientation: "h", name: "at work", base: begun.map(date), x: length.map((seconds) => 1000 * Math.max(seconds, 0.01)), y: row, width: 0.92,
    marker: { color: colour("idle"), line: { width: 0 } }, opacity: 0.35, textposition: "none",
    text: row.map((place, at) => `${escaped(rows[place])}${job[at] ? `<br>job ${escaped(job[at])}` : ""}<br>at work for ${duration(length[at])}`),
    hovertemplate: "%{text}<extra></extra>",
  };
}

// Where a worker came after another one in its row: its job was requeued, or the command was given again.
function cameBack(date) {
  const { row, begun, job, again } = report.timeline.work;
  const some = again.map((_, at) => at).filter((at) => again[at]);
  if (!some.length) return null;
  return {
    type: "scatter", mode: "markers", name: "came back", x: some.map((at) => date(begun[at])), y: some.map((at) => row[at]),
    marker: { symbol: "triangle-right", size: 11, color: colour("ink"), line: { width: 1, color: colour("page") } },
    text: some.map((at) => `requeued or begun again${job[at] ? `<br>job ${escaped(job[at])}` : ""}`), hovertemplate: "%{text}<extra></extra>",
  };
}

figures.hours = (element) => {
  const total = Object.values(report.hours).reduce((sum, spent) => sum + spent, 0);
  const traces = Object.entries(report.hours).map(([word, spent]) => ({
    type: "bar", orientation: "h", name: word, x: [spent * 3600], y: [""], width: 0.6, marker: { color: colour(word), line: { width: 1, color: colour("page") } },
    text: [spent / total > 0.06 ? `${word} ${Math.round((100 * spent) / total)} %` : ""], textposition: "inside", insidetextanchor: "middle",
    hovertemplate: `${word}: ${duration(spent * 3600)}<extra></extra>`,
  }));
  const steps = [1, 10, 60, 600, 3600, 6 * 3600, 86400, 10 * 86400, 100 * 86400];
  const step = steps.find((candidate) => (total * 3600) / candidate <= 6 * (candidate ? 10 : 1)) ?? 100 * 86400;
  const wide = Math.max(1, Math.ceil((total * 3600) / step / (isNarrow() ? 3 : 6))) * step;
  const ticks = Array.from({ length: Math.floor((total * 3600) / wide) + 1 }, (_, place) => place * wide);
  const layout = layoutOf({
    xaxis: axis(`${report.unit} time`, { tickangle: 0, tickvals: ticks, ticktext: ticks.map(duration) }), yaxis: axis("", { showticklabels: false }), barmode: "stack", height: 190,
  });
  return draw(element, traces, layout, ["toImage"]);
};
