// SPDX-License-Identifier: MIT
// The table of all trials, by DataTables.
"use strict";

let table = null;
let selected = null;

const textCell = (data, kind) => (kind === "display" ? escaped(clipped(String(data ?? ""), 60)) : data ?? "");
const numberCell = (data, kind) => (kind === "display" || kind === "filter" ? escaped(shortNumber(data, 6)) : sortable(data));

// Infinity comes as a text, and what is empty is no number.
function sortable(value) {
  if (typeof value === "number") return value;
  return { inf: Infinity, "-inf": -Infinity }[value] ?? NaN;
}

// Empty cells sort behind everything, upwards and downwards: a trial without a value is not the best.
const inOrder = (way) => (one, other) => Number.isNaN(one) - Number.isNaN(other) || way * (one - other) || 0;

function columnsOfTable() {
  const number = (title, read) => ({ title: escaped(clipped(title, 28)), data: read, render: numberCell, type: "measure", className: "number" });
  const text = (title, read) => ({ title: escaped(clipped(title, 28)), data: read, render: textCell, type: "string" });
  const columns = [
    { ...number("trial", (row) => trials.number[row]), className: "number trial" },
    { ...text("state", stateOf), render: (data, kind) => (kind === "display" ? `<span class="state ${data}">${data}</span>` : data) },
    ...report.metrics.map((metric, index) => number(metric.name, (row) => trials.values[index] && trials.values[index][row])),
    ...report.parameters.map((parameter) => (parameter.labels.length ? text(parameter.name, (row) => parameterText(parameter, row)) : number(parameter.name, (row) => parameter.values[row]))),
    ...(curves ? [number("last value", (row) => trials.last[row]), number("steps", (row) => trials.steps[row])] : []),
    { ...number("took, s", (row) => trials.length[row]) },
    number("attempts", (row) => trials.attempts[row]),
    text("worker", (row) => textAt("worker", row)),
  ];
  if (trials.error.some(Boolean)) columns.push(text("failure", (row) => textAt("kind", row)), text("error", (row) => textAt("error", row)));
  if (trials.aside.some(Boolean)) columns.push(text("not counted", (row) => textAt("aside", row)));
  if (trials.directory.some(Boolean)) columns.push({ title: "files", data: linkOf, render: linkCell, orderable: false, searchable: false });
  return columns;
}

function linkCell(_, kind, row) {
  if (kind !== "display" || !linkOf(row)) return "";
  const log = logOf(row) ? ` <a href="${escaped(logOf(row))}">log</a>` : "";
  return `<a href="${escaped(linkOf(row))}">directory</a>${log}`;
}

async function drawTable() {
  const place = document.getElementById("trials");
  if (!place) return;
  const source = document.getElementById("table-library").textContent;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { default: DataTable } = await import(address);
  URL.revokeObjectURL(address);
  DataTable.ext.type.order["measure-asc"] = inOrder(1);
  DataTable.ext.type.order["measure-desc"] = inOrder(-1);
  // DataTables reads cells by functions of the row, which here is only its place in the columns.
  const columns = columnsOfTable();
  const sign = report.metrics.length === 1 && trials.values[0]?.some((value) => value !== null);
  table = new DataTable(place, {
    data: trials.number.map((_, row) => [row]),
    columns: columns.map(({ data, render, ...rest }) => ({ ...rest, data: ([row]) => data(row), render: (value, kind, [row]) => render(value, kind, row) })),
    order: sign ? [[2, report.metrics[0].maximum ? "desc" : "asc"]] : [[0, "asc"]],
    columnControl: ["order", ["searchClear", "search"]],
    ordering: { indicators: false, handler: false },
    deferRender: true, autoWidth: false, scrollX: true, pageLength: 15, lengthMenu: [15, 50, 200],
    layout: { topStart: "pageLength", topEnd: "search", bottomStart: "info", bottomEnd: "paging" },
    language: { lengthMenu: "_MENU_ a page", search: "", searchPlaceholder: "search", info: "_START_ to _END_ of _TOTAL_ trials", infoFiltered: "(of _MAX_)" },
  });
  table.search.fixed("brush", (_, [row]) => selected === null || selected.has(trials.number[row]));
  place.addEventListener("click", (event) => {
    const line = event.target.closest("tbody tr");
    const data = line && table.row(line).data();
    if (data && !event.target.closest("a")) showTrial(trials.number[data[0]]);
  });
  const button = document.querySelector("#table .selected button");
  button.addEventListener("click", () => { clearBrushes(); });
}

// Show only these trials in the table; null shows all.
function selectTrials(numbers) {
  selected = numbers;
  const line = document.querySelector("#table .selected");
  if (!line) return;
  line.hidden = numbers === null;
  if (numbers) line.querySelector("span").textContent = `${numbers.size} trials are selected in the parallel coordinates;`;
  // After the drawing that this click has caused, so that the page answers between the two.
  setTimeout(() => table?.draw(), 0);
}
