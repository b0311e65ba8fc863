"use strict";
// Everything that comes from the run is put in as text, never as markup.
const run = JSON.parse(document.getElementById("run").textContent);
const steps = run.steps;
const last = steps.length;
const el = (id) => document.getElementById(id);
const slider = el("slider");
let at = 0;

function make(tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  return found;
}

const worldAt = (number) => run.worlds[number === 0 ? run.start : steps[number - 1].world];

// -- lanes ------------------------------------------------------------------------------------------------

const columns = [];

function drawLanes() {
  const lanes = [...run.actors, run.outside, "in flight"];
  const grid = make("div", "grid");
  grid.style.gridTemplateColumns = `max-content repeat(${last}, minmax(26px, 1fr))`;
  grid.append(make("div", "name rule", ""));
  for (const step of steps) {
    const shown = step.number === 1 || step.number % 5 === 0 || step.broke;
    column(grid, step, make("div", "rule", shown ? String(step.number) : ""));
  }
  for (const lane of lanes) {
    grid.append(make("div", "name", lane));
    for (const step of steps) column(grid, step, cell(lane, step));
  }
  el("lanes").append(grid);
}

function column(grid, step, part) {
  if (step.broke) part.classList.add("broken");
  (columns[step.number] ||= []).push(part);
  grid.append(part);
}

function cell(lane, step) {
  const found = make("div", "cell");
  if (lane === step.who) {
    const mark = make("button", `mark ${step.kind}${step.broke ? " broke" : ""}`);
    mark.type = "button";
    mark.tabIndex = -1;
    mark.title = `${step.number}: ${step.who} ${step.did}`;
    mark.setAttribute("aria-label", `Step ${step.number}: ${step.who} ${step.did}${step.broke ? "; it broke here" : ""}`);
    mark.addEventListener("click", () => show(step.number));
    found.append(mark);
  } else if (lane === "in flight") {
    const flying = run.worlds[step.world].flight.length;
    if (flying) {
      found.classList.add("flying");
      found.textContent = String(flying);
    }
  }
  return found;
}

function markLanes(number) {
  columns.forEach((parts, step) => {
    for (const part of parts) {
      part.classList.toggle("now", step === number);
      part.classList.toggle("later", step > number);
    }
  });
  const lanes = el("lanes");
  const here = number && columns[number][0];
  if (!here) {
    lanes.scrollLeft = 0;
    return;
  }
  const label = lanes.querySelector(".name").offsetWidth;
  const middle = here.offsetLeft - label - (lanes.clientWidth - label) / 2 + here.offsetWidth / 2;
  lanes.scrollLeft = Math.max(0, middle);
}

// -- one step ---------------------------------------------------------------------------------------------

function section(parent, title, body) {
  parent.append(make("h3", "", title), body);
}

function list(items, className) {
  const found = make("ul", "list");
  for (const item of items) found.append(make("li", className, item));
  return found;
}

const marks = { true: "held", false: "failed", null: "unknown" };

function conditions(step) {
  const found = make("ul", "list conditions");
  for (const one of step.conditions) found.append(make("li", marks[String(one.held)], one.text));
  return found;
}

function why(step) {
  if (step.conditions.length) {
    if (step.conditions.some((one) => one.held === false)) return "Why it was refused";
    return step.conditions.some((one) => one.held === null) ? "What it asks for, once it arrives" : "Why it was allowed";
  }
  return "";
}

function changeTable(changes) {
  const table = make("table", "changes");
  for (const change of changes) {
    const row = make("tr");
    row.append(make("td", "mono what", change.what), make("td", "mono was", change.was));
    row.append(make("td", `mono is${change.now === "nothing" ? " gone" : ""}`, change.now));
    table.append(row);
  }
  return table;
}

function showStep(number) {
  const details = el("details");
  details.replaceChildren();
  const step = number ? steps[number - 1] : null;
  el("step").classList.toggle("broken", Boolean(step && step.broke));
  el("broke").hidden = !(step && step.broke);
  if (!step) {
    el("step-title").textContent = "Before the first step";
    el("did").textContent = "Nothing has happened yet.";
    el("came").textContent = "";
    return;
  }
  el("step-title").textContent = `Step ${step.number}: ${step.who}`;
  el("did").textContent = step.did;
  el("came").textContent = step.came ? `Result: ${step.came}` : "";
  el("broke").textContent = step.broke ? `It broke here. ${step.broke}` : "";
  if (step.conditions.length) section(details, why(step), conditions(step));
  else if (step.kind === "write" || step.unconditional) {
    section(details, "Why it was allowed", list(["It set no condition: it is applied, whatever happened before."], "bare"));
  }
  if (step.stale.length) section(details, "What it had read before, and is no longer so", list(step.stale, "old"));
  if (step.changes.length) section(details, "What it changed", changeTable(step.changes));
  if (step.intended.length) section(details, "What it was to change, and did not", list(step.intended, ""));
  if (step.says.length) section(details, "What it says", list(step.says, ""));
}

// -- the world --------------------------------------------------------------------------------------------

function rows(table, pairs, before) {
  const old = new Map(before);
  for (const [what, value] of pairs) {
    const row = make("tr", old.get(what) === value ? "" : "new");
    row.append(make("td", "mono", what), make("td", "mono", value));
    table.append(row);
  }
  for (const [what] of before) {
    if (pairs.some((pair) => pair[0] === what)) continue;
    const row = make("tr", "out");
    row.append(make("td", "mono", what), make("td", "mono", "deleted with this step"));
    table.append(row);
  }
}

function nameRow(name, before) {
  const old = before && before.names.find((one) => one.name === name.name);
  const same = old && JSON.stringify(old) === JSON.stringify(name);
  const empty = name.served === "NOTHING";
  const row = make("tr", empty ? "out" : same || !before ? "" : "new");
  row.dataset.name = name.name;
  row.append(make("td", "mono", name.name));
  const answer = make("td", "mono answer");
  for (const address of name.addresses) answer.append(make("span", "address", address));
  if (empty) answer.append(make("span", "empty", "NOTHING: no addresses"));
  else if (!name.addresses.length) answer.append(make("span", "retired", name.served));
  if (name.via) answer.append(make("span", "via", `alias of ${name.via}`));
  row.append(answer);
  return row;
}

function zonePart(parent, zone, before) {
  parent.append(make("h3", "", `What clients get from zone ${zone.zone}`));
  if (zone.fence) {
    const fence = make("p", "fence mono", zone.fence);
    fence.classList.toggle("new", Boolean(before) && before.fence !== zone.fence);
    parent.append(fence);
  }
  const table = make("table", "names");
  for (const name of zone.names) table.append(nameRow(name, before));
  parent.append(table);
  const details = make("details");
  details.open = open.has(zone.zone);
  details.addEventListener("toggle", () => open[details.open ? "add" : "delete"](zone.zone));
  details.append(make("summary", "", `All ${zone.records.length} RRsets of the zone`));
  const records = make("table", "records");
  rows(records, zone.records, before ? before.records : zone.records);
  details.append(records);
  parent.append(details);
}

const open = new Set();

function showWorld(number) {
  const observed = el("observed");
  observed.replaceChildren();
  el("world-title").textContent = number ? `The world after step ${number}` : "The world at the beginning";
  const now = worldAt(number);
  const before = number ? worldAt(number - 1) : now;
  now.zones.forEach((zone, i) => zonePart(observed, zone, before.zones[i]));
  observed.append(make("h3", "", "Messages in flight"));
  if (now.flight.length) observed.append(list(now.flight, "unknown"));
  else observed.append(make("p", "soft", "None."));
  observed.append(make("h3", "", "Documents in the store"));
  const documents = make("table", "documents");
  rows(documents, now.documents, before.documents);
  observed.append(documents);
}

// -- moving -----------------------------------------------------------------------------------------------

function show(number) {
  at = Math.min(Math.max(number, 0), last);
  slider.value = String(at);
  const step = at ? steps[at - 1] : null;
  slider.setAttribute("aria-valuetext", step ? `Step ${at} of ${last}: ${step.who} ${step.did}` : `Before the first of ${last} steps`);
  el("position").textContent = `${at} of ${last}`;
  el("previous").disabled = at === 0;
  el("next").disabled = at === last;
  showStep(at);
  showWorld(at);
  markLanes(at);
}

drawLanes();
const broken = steps.findIndex((step) => step.broke) + 1;
el("to-broken").hidden = !broken;
el("to-broken").addEventListener("click", () => show(broken));
el("previous").addEventListener("click", () => show(at - 1));
el("next").addEventListener("click", () => show(at + 1));
slider.addEventListener("input", () => show(Number(slider.value)));
document.addEventListener("keydown", (event) => {
  if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move) {
    event.preventDefault();
    show(at + move);
  }
});
show(broken || Math.min(1, last));
