// SPDX-License-Identifier: MIT
// Figures over the search space: importances, slices with what the forest expects, contours.
"use strict";

const MOST_PANELS = 12;
const modelOf = (index) => (report.models ?? [])[index] ?? { shares: {}, among_best: {}, curves: {}, pairs: [] };

// The parameters, those that matter most first.
function byImportance(index = 0) {
  const { shares, among_best: amongBest } = modelOf(index);
  const weight = (parameter) => (shares[parameter.name] ?? amongBest[parameter.name] ?? [0])[0];
  return report.parameters.filter((parameter) => parameter.values.some((value) => value !== null)).sort((a, b) => weight(b) - weight(a));
}

figures.importances = (element, section) => {
  const model = modelOf(metricMenu(section, () => figures.importances(element, section)));
  const names = [...new Set([...Object.keys(model.shares), ...Object.keys(model.among_best)])];
  const weight = (name) => (model.shares[name] ?? model.among_best[name])[0];
  names.sort((a, b) => weight(a) - weight(b));
  const shown = names.slice(-25);
  const deviation = (share) => (share ?? [0, 0])[1];
  const bars = (shares, name, tint) => Object.keys(shares).length > 0 && {
    type: "bar", orientation: "h", name, y: shown.map((label) => escaped(clipped(label, 40))), x: shown.map((label) => (shares[label] ?? [null])[0]),
    error_x: {
      type: "data", symmetric: false, color: colour("ink"), thickness: 1, width: 3, array: shown.map((label) => deviation(shares[label])),
      arrayminus: shown.map((label) => Math.min(deviation(shares[label]), (shares[label] ?? [0])[0])),
    },
    marker: { color: colour(tint) }, hovertemplate: "%{y}: %{x:.0%}<extra></extra>",
  };
  const traces = [bars(model.among_best, "for being in the best quarter (PED-ANOVA)", "pruned"), bars(model.shares, "for the value (permutation in a forest)", "complete")].filter(Boolean);
  const layout = layoutOf({
    xaxis: axis("share, with its standard deviation", { tickformat: ".0%", range: [0, 1] }),
    yaxis: axis("", { type: "category" }), height: 130 + 34 * shown.length, barmode: "group", bargap: 0.25,
    legend: { orientation: "h", traceorder: "reversed", y: 1.02, yanchor: "bottom", x: isNarrow() ? -0.2 : 0, font: { color: colour("ink") } },
  });
  return draw(element, traces, layout, ["toImage"]);
};

// The horizontal place of a row among choices is spread a little, so that equal ones do not hide each other.
const spreadOut = (row) => (((row * 2654435761) % 1000) / 1000 - 0.5) * 0.5;

function parameterAxis(parameter, title, extra = {}) {
  if (!parameter.labels.length) return axis(title, { type: parameter.log ? "log" : "linear", nticks: 5, ...(parameter.log ? logTicks(parameter) : {}), ...extra });
  return axis(title, {
    tickvals: parameter.labels.map((_, place) => place), ticktext: parameter.labels.map((label) => escaped(clipped(label, 12))),
    range: [-0.6, parameter.labels.length - 0.4], ...extra,
  });
}

function logTicks(parameter) {
  const given = parameter.values.filter((value) => value !== null);
  const ticks = ticksOf(Math.log10(Math.min(...given)), Math.log10(Math.max(...given)), true);
  return { tickvals: ticks.map(([at]) => 10 ** at), ticktext: ticks.map(([, text]) => text) };
}

figures.slices = (element, section) => {
  const index = metricMenu(section, () => figures.slices(element, section));
  const shown = byImportance(index).slice(0, MOST_PANELS);
  const across = Math.max(1, Math.min(shown.length, Math.floor(element.clientWidth / 260), 4));
  const down = Math.ceil(shown.length / across);
  const rows = sampleRows();
  const values = rows.map((row) => drawable(trials.values[index][row]));
  const layout = layoutOf({ height: 30 + 230 * down, showlegend: false, hovermode: "closest" });
  const kind = scatter(rows.length * shown.length);
  const traces = [];
  shown.forEach((parameter, place) => {
    const number = place ? String(place + 1) : "";
    const [column, line] = [place % across, Math.floor(place / across)];
    const width = 1 / across;
    const height = 1 / down;
    const room = { x: across > 1 ? 0.04 * width : 0, y: Math.min(0.3 * height, 62 / (230 * down)) };
    const domain = [column * width + (column ? room.x : 0), (column + 1) * width - room.x];
    layout[`xaxis${number}`] = parameterAxis(parameter, clipped(parameter.name, 34), { domain, anchor: `y${number}`, automargin: false });
    layout[`yaxis${number}`] = metricAxis(index, values, {
      title_text: column ? "" : report.metrics[index].name, domain: [1 - (line + 1) * height + room.y, 1 - line * height], anchor: `x${number}`,
      showticklabels: column === 0, automargin: column === 0, ...(place ? { matches: "y" } : {}), nticks: 5,
    });
    const axes = { xaxis: `x${number}`, yaxis: `y${number}` };
    const some = rows.filter((row) => parameter.values[row] !== null);
    const at = (row) => [parameter.values[row] + (parameter.labels.length ? spreadOut(row) : 0), drawable(trials.values[index][row])];
    traces.push(pointsOf(some, at, { ...axes, type: kind, marker: { size: some.length > 500 ? 4 : 5, color: colour("complete"), opacity: Math.min(0.6, opacityOf(some.length)) } }));
    traces.push(...expected(modelOf(index).curves[parameter.name], parameter, { ...axes, type: kind }));
  });
  return draw(element, traces, layout, ["toImage", "zoom2d", "resetScale2d"]);
};

// What the forest expects, with the spread between its trees: a line with a band, or a mark for each choice.
function expected(curve, parameter, axes) {
  if (!curve) return [];
  const tint = colour("failed");
  if (parameter.labels.length) {
    const up = curve.high.map((high, place) => high - curve.means[place]);
    const down = curve.means.map((mean, place) => mean - curve.low[place]);
    return [{ ...axes, mode: "markers", x: curve.points, y: curve.means, hoverinfo: "skip", marker: { symbol: "line-ew-open", size: 22, color: tint, line: { width: 3, color: tint } }, error_y: { type: "data", symmetric: false, array: up, arrayminus: down, color: tint, thickness: 1 } }];
  }
  const band = { ...axes, mode: "lines", x: curve.points, hoverinfo: "skip", line: { width: 0, color: tint } };
  return [
    { ...band, y: curve.low },
    { ...band, y: curve.high, fill: "tonexty", fillcolor: `${tint}33` },
    { ...band, y: curve.means, line: { width: 2, color: tint } },
  ];
}

figures.contours = (element, section) => {
  const redraw = () => figures.contours(element, section);
  const index = metricMenu(section, () => { section.querySelector("select[name=pair]")?.remove(); redraw(); });
  const pairs = modelOf(index).pairs;
  const pair = pairs[menu(section, "pair", pairs.map(({ x, y }) => `${x} and ${y}`), redraw)];
  if (!pair) return Promise.resolve();
  const byName = new Map(report.parameters.map((parameter) => [parameter.name, parameter]));
  const [across, up] = [byName.get(pair.x), byName.get(pair.y)];
  const rows = sampleRows().filter((row) => across.values[row] !== null && up.values[row] !== null).slice(-500);
  const at = (row) => [across, up].map((parameter) => parameter.values[row] + (parameter.labels.length ? spreadOut(row) : 0));
  const isLog = report.metrics[index].scale === "log";
  const scale = goodnessScale();
  const grid = {
    type: across.labels.length || up.labels.length ? "heatmap" : "contour", x: pair.across, y: pair.up,
    z: isLog ? pair.means.map((line) => line.map(Math.log10)) : pair.means,
    colorscale: report.metrics[index].maximum ? scale : scale.map(([place], number) => [place, scale[scale.length - 1 - number][1]]),
    contours: { coloring: "heatmap" }, line: { width: 0.5 }, hoverinfo: "skip", ncontours: 16,
    colorbar: { thickness: 10, title: { text: escaped(clipped(report.metrics[index].name, 30)) + (isLog ? ", log10" : ""), side: "right" } },
  };
  const points = pointsOf(rows, at, { type: "scatter", marker: { size: 6, color: colour("card"), line: { width: 1.2, color: colour("ink") } } });
  const layout = layoutOf({ xaxis: parameterAxis(across, pair.x), yaxis: parameterAxis(up, pair.y), height: 440, showlegend: false });
  return draw(element, [grid, points], layout);
};
