// SPDX-License-Identifier: MIT
// Draw one figure after the other, so that the page can be read meanwhile; and anew when the colours change.
"use strict";

const pause = () => new Promise((resolve) => { setTimeout(resolve, 0); });

async function drawFigures() {
  document.documentElement.classList.toggle("dark", darkness.matches);
  // The parallel coordinates come last: without a GPU they take as long as everything else together.
  const sections = [...document.querySelectorAll("[data-figure]")];
  sections.sort((a, b) => (a.id === "parallel") - (b.id === "parallel"));
  for (const section of sections) {
    const drawing = section.querySelector(".drawing");
    await figures[section.dataset.figure](drawing, section);
    if (drawing.on) openOnClick(drawing);
    await pause();
  }
}

function fillNavigation() {
  const sections = document.querySelectorAll("main > section[id]");
  const links = [...sections].filter((section) => section.querySelector("h2") && section.id !== "summary");
  document.querySelector("nav").append(...links.map((section) => element("a", { href: `#${section.id}` }, section.querySelector("h2").textContent)));
}

async function start() {
  fillNavigation();
  const wanted = /^#trial-(\d+)$/.exec(location.hash);
  await drawTable();
  await drawFigures();
  if (wanted) showTrial(Number(wanted[1]));
  darkness.addEventListener("change", drawFigures);
  let width = document.documentElement.clientWidth;
  let timer = null;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (document.documentElement.clientWidth !== width) drawFigures();
      width = document.documentElement.clientWidth;
    }, 200);
  });
  // For who waits until all is drawn.
  document.documentElement.dataset.ready = "yes";
}

start();
