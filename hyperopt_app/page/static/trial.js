// SPDX-License-Identifier: MIT
// The panel about a trial that a click on anything of it opens.
"use strict";

const panel = document.getElementById("trial");

function showTrial(number) {
  const row = rowOf.get(number);
  if (row === undefined) return;
  const body = panel.querySelector("div");
  body.replaceChildren(...contentOf(row));
  if (!panel.open) panel.show();
  panel.scrollTop = 0;
  history.replaceState(null, "", `#trial-${number}`);
  const drawing = body.querySelector(".curve");
  if (drawing) drawCurve(drawing, row);
}

function contentOf(row) {
  const facts = [];
  const add = (name, text) => { if (text !== "" && text !== null && text !== undefined) facts.push(element("dt", {}, name), element("dd", {}, text)); };
  report.metrics.forEach((metric, index) => add(metric.name, numberText(trials.values[index] && trials.values[index][row])));
  if (stateOf(row) !== "complete") add("last value", numberText(trials.last[row]));
  const start = trials.start[row];
  add("started", start === null ? "" : new Date(start * 1000).toLocaleString());
  add("took", duration(trials.length[row]));
  add("steps", trials.steps[row] || "");
  add("attempts", trials.attempts[row] > 1 ? trials.attempts[row] : "");
  add("worker", textAt("worker", row));
  add("seed", trials.seed[row]);
  add("not counted", textAt("aside", row));
  add("violates", textAt("infeasible", row));
  const parameters = report.parameters.filter((parameter) => parameter.values[row] !== null);
  const settings = parameters.flatMap((parameter) => [element("dt", {}, parameter.name), element("dd", {}, parameter.labels.length ? parameterText(parameter, row) : numberText(parameter.values[row]))]);
  return [
    element("h2", {}, `Trial ${trials.number[row]} `, element("span", { class: `state ${stateOf(row)}` }, stateOf(row))),
    element("dl", {}, ...facts),
    ...(settings.length ? [element("h3", {}, "Parameters"), element("dl", {}, ...settings)] : []),
    ...failureOf(row),
    ...(curves && curves.lengths[row] > 1 ? [element("h3", {}, "Learning curve"), element("div", { class: "curve" })] : []),
    ...linksOf(row),
    ...commandLines(row),
  ];
}

const numberText = (value) => (value === null || value === undefined ? "" : String(value));

function failureOf(row) {
  if (!textAt("error", row)) return [];
  const kind = textAt("kind", row);
  const parts = [element("h3", {}, kind ? `Failure: ${kind}` : "Failure"), element("pre", { class: "error" }, textAt("error", row))];
  if (textAt("trace", row)) parts.push(element("details", {}, element("summary", {}, "Traceback"), element("pre", {}, textAt("trace", row))));
  return parts;
}

function linksOf(row) {
  if (!linkOf(row)) return [];
  const links = [element("a", { href: linkOf(row) }, "directory")];
  if (logOf(row)) links.push(" ", element("a", { href: logOf(row) }, "log"));
  return [element("p", { class: "links" }, ...links)];
}

function commandLines(row) {
  const command = commandOf(row);
  if (!command) return [];
  const copy = element("button", { type: "button" }, "copy");
  copy.addEventListener("click", () => navigator.clipboard?.writeText(command));
  return [element("h3", {}, "Train it again ", copy), element("pre", { class: "command" }, command)];
}

function drawCurve(drawing, row) {
  const { steps, values } = curveOf(row);
  const trace = { type: "scatter", mode: steps.length > 60 ? "lines" : "lines+markers", x: steps, y: Array.from(values, drawable), line: { color: colour(stateOf(row)), width: 2 }, marker: { size: 4 }, hovertemplate: "step %{x}: %{y}<extra></extra>" };
  draw(drawing, [trace], layoutOf({ height: 180, margin: { l: 48, r: 8, t: 8, b: 36 }, xaxis: stepAxis(Math.max(...steps)), yaxis: axis("") }), ["toImage"]);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-trial]");
  if (!link) return;
  event.preventDefault();
  showTrial(Number(link.dataset.trial));
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && panel.open) panel.close(); });
panel.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
