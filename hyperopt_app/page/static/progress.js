// SPDX-License-Identifier: MIT
// Figures of what the search reached: history, Pareto front, learning curves, agreement between steps.
"use strict";

const figures = {};

figures.history = (element) => {
  const counting = rowsWhere((row) => !textAt("aside", row));
  const complete = counting.filter((row) => stateOf(row) === "complete");
  const feasible = complete.filter((row) => textAt("infeasible", row) === "");
  const infeasible = complete.filter((row) => textAt("infeasible", row) !== "");
  const pruned = counting.filter((row) => stateOf(row) === "pruned" && drawable(trials.last[row]) !== null);
  const failed = counting.filter((row) => stateOf(row) === "failed");
  const place = (row) => [trials.number[row], shownValue(row)];
  const last = Math.max(0, ...counting.map((row) => trials.number[row]));
  const bests = [...report.bests, ...(report.bests.length ? [[last, report.bests.at(-1)[1]]] : [])];
  const many = trials.number.length > 2000;
  const traces = [
    pointsOf(pruned, place, { name: "pruned, last value", marker: { symbol: "triangle-down-open", size: many ? 5 : 7, color: colour("pruned"), opacity: opacityOf(pruned.length) } }),
    pointsOf(feasible, place, { name: "complete", marker: { size: many ? 5 : 7, color: colour("complete"), opacity: opacityOf(feasible.length) } }),
    pointsOf(infeasible, place, { name: "violates a constraint", marker: { symbol: "square-open", size: 7, color: colour("faint") } }),
    // Failed trials have no value: they stand on the lower edge.
    pointsOf(failed, (row) => [trials.number[row], 0.015], { name: "failed", yaxis: "y2", marker: { symbol: "x", size: 7, color: colour("failed") } }),
    {
      // Drawn as the points are, because what WebGL draws lies above the rest.
      type: scatter(feasible.length), mode: "lines", name: "best so far", x: bests.map(([x]) => x), y: bests.map(([, y]) => drawable(y)),
      line: { shape: "hv", width: 2, color: colour("ink") }, hoverinfo: "skip",
    },
  ].filter((trace) => trace.x.length);
  const values = [...feasible, ...infeasible].map((row) => shownValue(row));
  const layout = layoutOf({
    xaxis: axis("trial", { tickformat: "d", dtick: last < 8 ? 1 : undefined, range: last ? [-0.02 * last - 0.5, 1.02 * last + 0.5] : [-1, 1] }),
    yaxis: metricAxis(0, values.concat(bests.map(([, y]) => drawable(y)))),
    yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
  });
  return draw(element, traces, layout);
};

figures.front = (element, section) => {
  const names = report.metrics.map((metric) => metric.name);
  let [across, up] = [0, 1];
  if (names.length > 2) {
    const redraw = () => figures.front(element, section);
    across = menu(section, "across", names, redraw);
    up = menu(section, "up", [...names.slice(1), names[0]], redraw);
    up = (up + 1) % names.length;
  }
  const complete = rowsWhere((row) => stateOf(row) === "complete" && !textAt("aside", row));
  const place = (row) => [drawable(trials.values[across][row]), drawable(trials.values[up][row])];
  const onFront = complete.filter((row) => isBest.has(trials.number[row])).sort((a, b) => place(a)[0] - place(b)[0]);
  const others = complete.filter((row) => !isBest.has(trials.number[row]));
  const traces = [
    pointsOf(others, place, { name: "complete", marker: { size: 7, color: colour("complete"), opacity: 0.5 } }),
    pointsOf(onFront, place, {
      name: "Pareto front", mode: names.length > 2 ? "markers" : "lines+markers", type: "scatter",
      marker: { size: 10, symbol: "diamond", color: colour("pruned"), line: { width: 1, color: colour("ink") } }, line: { color: colour("pruned"), width: 1, dash: "dot" },
    }),
  ].filter((trace) => trace.x.length);
  const layout = layoutOf({
    xaxis: metricAxis(across, complete.map((row) => place(row)[0]), { title_text: names[across] }),
    yaxis: metricAxis(up, complete.map((row) => place(row)[1])),
  });
  return draw(element, traces, layout);
};

// Points of all curves together that are drawn; the curves are thinned to them.
const MOST_CURVE_POINTS = 120000;
const MOST_BRIGHT = 5;

// Several curves as one line with gaps: one trace is drawn at once, thousands are not.
function manyCurves(rows, most, extra) {
  const x = [];
  const y = [];
  for (const row of rows) {
    const { steps, values } = curveOf(row, most);
    x.push(...steps, null);
    y.push(...values, null);
  }
  const isLong = rows.some((row) => curves.lengths[row] > 1);
  return { type: scatter(x.length), mode: isLong ? "lines" : "markers", x, y, hoverinfo: "skip", ...extra };
}

function bestRows(rows) {
  const sign = report.metrics[0].maximum ? -1 : 1;
  const complete = rows.filter((row) => stateOf(row) === "complete" && drawable(trials.values[0][row]) !== null);
  return complete.sort((a, b) => sign * (trials.values[0][a] - trials.values[0][b])).slice(0, MOST_BRIGHT);
}

figures.curves = (element) => {
  const rows = rowsWhere((row) => curves.lengths[row] > 0);
  const most = Math.max(4, Math.floor(MOST_CURVE_POINTS / rows.length));
  const kind = scatter(curves.values.length);
  const bright = bestRows(rows);
  const faint = Math.max(0.06, Math.min(0.6, 120 / rows.length));
  const groups = ["pruned", "failed", "complete", "running"].map((state) => {
    const some = rows.filter((row) => stateOf(row) === state);
    return some.length && manyCurves(some, most, { name: state, type: kind, opacity: faint, line: { width: 1, color: colour(state) }, marker: { size: 5, color: colour(state) } });
  });
  const ends = rows.filter((row) => stateOf(row) === "pruned").slice(0, MOST_SVG_POINTS);
  const ended = ends.map((row) => curveOf(row));
  const traces = [
    ...groups.filter(Boolean),
    {
      type: kind, mode: "markers", name: "end of a pruned one", hoverinfo: "skip",
      x: ended.map((curve) => curve.steps.at(-1)), y: ended.map((curve) => drawable(curve.values.at(-1))),
      marker: { symbol: "x-thin-open", size: 6, opacity: opacityOf(ends.length), color: colour("pruned"), line: { width: 1.2, color: colour("pruned") } },
    },
    bright.length && manyCurves(bright, 500, { name: bright.length > 1 ? `best ${bright.length}` : "best", type: kind, line: { width: 1.8, color: colour("ink") }, marker: { color: colour("ink") } }),
  ].filter((trace) => trace && trace.x.length);
  const values = Array.from(curves.values, (value) => (Number.isFinite(value) ? value : null));
  const positive = values.filter((value) => value !== null && value <= 0).length === 0;
  const settings = metricAxis(0, values, { title_text: report.metrics.length === 1 ? report.metrics[0].name : "reported value" });
  const spread = values.reduce((most_, value) => Math.max(most_, value ?? 0), 0) / values.reduce((least, value) => Math.min(least, value ?? Infinity), Infinity);
  if (positive && spread > 100) Object.assign(settings, { type: "log", range: undefined, autorange: true });
  else if (settings.type === "log") Object.assign(settings, { type: "linear" });
  openNearestCurve(element, rows);
  return draw(element, traces, layoutOf({ xaxis: stepAxis(Math.max(...curves.steps.slice(0, 1e5))), yaxis: settings }));
};

// Steps are whole numbers.
const stepAxis = (last) => axis("step", { tickformat: "d", dtick: last < 8 ? 1 : undefined });

// A click opens the trial whose curve passes nearest; one look through all curves takes a few milliseconds.
function openNearestCurve(element, rows) {
  if (element.opensTrials) return;
  element.opensTrials = true;
  let pressed = null;
  element.addEventListener("pointerdown", (event) => { pressed = [event.clientX, event.clientY]; }, true);
  element.addEventListener("click", (event) => {
    const { xaxis, yaxis } = element._fullLayout;
    const box = element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - xaxis._offset, event.clientY - box.top - yaxis._offset];
    const isDrag = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4;
    if (isDrag || x < 0 || y < 0 || x > xaxis._length || y > yaxis._length) return;
    let nearest = [20, null];
    for (const row of rows) {
      const { steps, values } = curveOf(row);
      for (let place = 0; place < steps.length; place++) {
        const right = xaxis.d2p(steps[place]);
        if (place && right < x - 20) continue;
        const before = place ? xaxis.d2p(steps[place - 1]) : right;
        const share = right > before ? Math.min(1, Math.max(0, (x - before) / (right - before))) : 1;
        const from = yaxis.d2p(values[Math.max(0, place - 1)]);
        const distance = Math.hypot(x - before - share * (right - before), y - from - share * (yaxis.d2p(values[place]) - from));
        if (distance < nearest[0]) nearest = [distance, row];
        if (before > x + 20) break;
      }
    }
    if (nearest[1] !== null) showTrial(trials.number[nearest[1]]);
  }, true);
}

figures.agreement = (element) => {
  const { steps, matrix } = report.agreement;
  const names = steps.map((step) => `step ${step}`);
  const trace = {
    type: "heatmap", x: names, y: names, z: matrix, zmin: 0, zmax: 1, colorscale: "Cividis", xgap: 1, ygap: 1,
    text: matrix.map((row) => row.map((value) => (value === null ? "" : value.toFixed(2)))),
    texttemplate: steps.length > 8 && isNarrow() ? "" : "%{text}", textfont: { size: 10 },
    hovertemplate: "%{y} and %{x}: %{z:.2f}<extra></extra>", colorbar: { thickness: 10, title: { text: "rank correlation", side: "right" } },
  };
  return draw(element, [trace], layoutOf({ xaxis: axis(""), yaxis: axis("", { autorange: "reversed" }), height: 420 }));
};
