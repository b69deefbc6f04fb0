// What htmx does not do: a bounded feed, a chart, a key for the search. Every page works without this file.
"use strict";

const KEEP = 200;

document.addEventListener("htmx:sse:after:message", (event) => {
  const list = event.target;
  while (list.children.length > KEEP) list.lastElementChild.remove();
});

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  const search = document.querySelector("header.top input[type=search]");
  if (event.key === "/" && !typing && search) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === "Escape") document.getElementById("found")?.replaceChildren();
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
});

function colour(name) {
  const probe = document.createElement("span");
  probe.className = `badge ${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

async function draw(place) {
  const answer = await fetch(place.dataset.from, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  const times = told.points.map((one) => Date.parse(one.at) / 1000);
  const line = (name) => told.points.map((one) => one[name]);
  const grid = { stroke: colour("line"), width: 0.3 };
  const axis = { stroke: getComputedStyle(document.body).color, grid, ticks: grid };
  const options = {
    width: place.clientWidth,
    height: 260,
    scales: { y: { range: (_u, _low, high) => [0, Math.max(100, high * 1.1)] } },
    axes: [axis, { ...axis, label: "seconds" }],
    series: [
      {},
      { label: "half within", stroke: colour("good"), width: 2 },
      { label: "95 % within", stroke: colour("news"), width: 2 },
      { label: "99 % within", stroke: colour("watch"), width: 1, dash: [4, 3] },
      { label: "promise", stroke: colour("bad"), width: 1.5, dash: [8, 4], points: { show: false } },
    ],
  };
  const promise = times.map(() => told.promise_seconds);
  const plot = new uPlot(options, [times, line("p50_seconds"), line("p95_seconds"), line("p99_seconds"), promise], place);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 260 })).observe(place);
}

for (const place of document.querySelectorAll("[data-chart]")) if (window.uPlot) draw(place);
