// SPDX-License-Identifier: MIT
// The study as the page holds it: columns of trials, and small functions to read them.
"use strict";

const report = JSON.parse(document.getElementById("report-data").textContent);
const trials = report.trials;
const rowOf = new Map(trials.number.map((number, row) => [number, row]));
const isBest = new Set(report.best);
const stateOf = (row) => report.states[trials.state[row]];
const textAt = (column, row) => report.texts[trials[column][row]];

function unpacked(base64, Numbers) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Numbers(bytes.buffer);
}

const curves = report.curves && {
  lengths: unpacked(report.curves.lengths, Int32Array),
  steps: unpacked(report.curves.steps, Int32Array),
  values: unpacked(report.curves.values, Float32Array),
  starts: [],
};
if (curves) {
  let start = 0;
  for (const length of curves.lengths) {
    curves.starts.push(start);
    start += length;
  }
}

// The learning curve of a trial, with at most `most` points, the first and the last among them.
function curveOf(row, most = Infinity) {
  const steps = [];
  const values = [];
  const length = curves ? curves.lengths[row] : 0;
  const kept = Math.min(length, most);
  for (let place = 0; place < kept; place++) {
    const from = curves.starts[row] + (kept === 1 ? length - 1 : Math.round((place * (length - 1)) / (kept - 1)));
    steps.push(curves.steps[from]);
    values.push(curves.values[from]);
  }
  return { steps, values };
}

// Infinity comes as a text, because JSON has none; a drawing leaves it out.
const drawable = (value) => (typeof value === "number" ? value : null);

function shortNumber(value, digits = 4) {
  if (typeof value !== "number") return value === null || value === undefined ? "" : String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const text = Number(value.toPrecision(digits));
  const size = Math.abs(text);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? text.toExponential() : String(text);
}

// A parameter's value as text: a number, a choice, or nothing.
function parameterText(parameter, row) {
  const value = parameter.values[row];
  if (value === null) return "";
  return parameter.labels.length ? parameter.labels[value] : shortNumber(value, 6);
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${shortNumber(seconds, 3)} s`;
  const [large, small, unit, units] = seconds < 3600 ? [60, 1, "min", "s"] : [3600, 60, "h", "min"];
  const parts = Math.round(seconds / small);
  const whole = Math.floor((parts * small) / large);
  const rest = parts - (whole * large) / small;
  return rest ? `${whole} ${unit} ${rest} ${units}` : `${whole} ${unit}`;
}

const linkOf = (row) => trials.directory[row];
const logOf = (row) => (linkOf(row) && report.log ? linkOf(row) + encodeURIComponent(report.log) : "");
const commandOf = (row) => trials.retrain[row] && trials.retrain_head + trials.retrain[row];

// The value that stands for a trial in a figure: its own, or what it reported last.
function shownValue(row, metric = 0) {
  const value = trials.values[metric] && trials.values[metric][row];
  return drawable(value) ?? (report.metrics.length === 1 ? drawable(trials.last[row]) : null);
}

// What stands beside a point under the pointer; plotly takes some HTML in it, so it is escaped.
function hoverText(row) {
  const lines = [`<b>#${trials.number[row]}</b> ${stateOf(row)}`];
  report.metrics.forEach((metric, index) => {
    const value = trials.values[index] && trials.values[index][row];
    if (value !== null && value !== undefined) lines.push(`${escaped(metric.name)} ${shortNumber(value, 6)}`);
  });
  for (const parameter of report.parameters.slice(0, 12)) {
    if (parameter.values[row] !== null) {
      lines.push(`${escaped(clipped(parameter.name, 30))} ${escaped(clipped(parameterText(parameter, row), 30))}`);
    }
  }
  return lines.join("<br>");
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

const clipped = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// An element with a text and children; nothing is ever parsed as HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
