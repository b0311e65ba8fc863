// -- lanes: a column for the beginning and for each step, a row for each actor -------------------------------

const FLIGHT = "in flight";
const flies = run.worlds.some((world) => world.flight && world.flight.length);
const acting = new Set(steps.map((step) => step.who));
const OUTSIDE = run.lanes[run.lanes.length - 1];
const lanes = run.lanes.filter((lane) => lane !== OUTSIDE || acting.has(lane)).concat(flies ? [FLIGHT] : []);
const grid = make("div", "grid");
const names = new Map();
const moving = { now: make("div", "band now"), pill: make("div", "pill"), veil: make("div", "veil") };
let believed = [];

const rowOf = (lane) => lanes.indexOf(lane) + 2;

function put(part, row, column) {
  part.style.gridRow = row;
  part.style.gridColumn = column;
  grid.append(part);
  return part;
}

function drawLanes() {
  grid.style.gridTemplateColumns = `max-content repeat(${last + 1}, minmax(28px, 1fr))`;
  const rows = `1 / ${lanes.length + 2}`;
  if (broken) put(make("div", "band broken"), rows, broken + 2);
  put(moving.now, rows, 2);
  put(make("div", "name", ""), 1, 1);
  for (const step of steps) {
    if (step.number === 1 || step.number % 5 === 0) put(make("div", "tick", String(step.number)), 1, step.number + 2);
  }
  if (broken) put(make("div", "pill broken", String(broken)), 1, broken + 2);
  put(moving.pill, 1, 2);
  for (const lane of lanes) {
    const name = make("div", acting.has(lane) || lane === FLIGHT ? "name" : "name idle", lane);
    name.title = lane;
    names.set(lane, put(name, rowOf(lane), 1));
    put(make("div", "track"), rowOf(lane), "2 / -1");
  }
  for (const step of steps) {
    put(markOf(step), rowOf(step.who), step.number + 2);
    const flying = flies ? run.worlds[step.world].flight.length : 0;
    if (flying) put(make("div", "flying", String(flying)), rowOf(FLIGHT), step.number + 2);
  }
  put(moving.veil, `2 / ${lanes.length + 2}`, "3 / -1");
  grid.addEventListener("click", jump);
  el("lanes").append(grid);
  drawLegend();
}

function markOf(step) {
  const mark = make("button", `mark ${step.kind}${step.broke ? " broke" : ""}${step.stale.length ? " stale" : ""}`);
  mark.type = "button";
  mark.tabIndex = -1;
  mark.dataset.step = step.number;
  mark.title = `${step.number}: ${step.who} ${step.did}`;
  mark.setAttribute("aria-label", `Step ${step.number}: ${step.who} ${step.did}${step.broke ? "; it broke here" : ""}`);
  return mark;
}

function drawLegend() {
  const kinds = new Set(steps.filter((step) => !step.broke).map((step) => step.kind));
  const found = Object.entries(run.kinds).filter(([kind]) => kinds.has(kind));
  if (steps.some((step) => step.stale.length)) found.push(["stale", "on old knowledge"]);
  if (broken) found.push(["broke", "here it broke"]);
  for (const [kind, said] of found) {
    const item = make("li");
    item.append(make("span", `key ${kind}`), make("span", "", said));
    el("legend").append(item);
  }
}

function jump(event) {
  const track = grid.querySelector(".track").getBoundingClientRect();
  const x = event.clientX - track.left;
  if (x >= 0) show(Math.floor((x / track.width) * (last + 1)));
}

function markLanes(number) {
  const step = number ? steps[number - 1] : null;
  const isBroken = Boolean(number) && number === broken;
  moving.now.style.gridColumn = moving.pill.style.gridColumn = number + 2;
  moving.now.classList.toggle("broken", isBroken);
  moving.pill.classList.toggle("broken", isBroken);
  moving.pill.textContent = String(number);
  moving.veil.style.gridColumn = `${number + 3} / -1`;
  moving.veil.hidden = number === last;
  for (const [lane, name] of names) {
    name.classList.toggle("acts", Boolean(step) && step.who === lane);
    name.classList.toggle("broken", isBroken && step.who === lane);
  }
  markBeliefs(step);
  keepInView(number);
}

// What the step's actor had read, from the step it read it at, and who has changed it since.
function markBeliefs(step) {
  for (const part of believed) part.remove();
  believed = [];
  for (const old of step ? step.stale : []) {
    const bar = make("div", "belief");
    bar.style.setProperty("--span", String(step.number - old.read_at + 1));
    believed.push(put(bar, rowOf(step.who), `${old.read_at + 2} / ${step.number + 3}`));
    if (!old.changed_at) continue;
    believed.push(put(make("div", "changer"), rowOf(steps[old.changed_at - 1].who), old.changed_at + 2));
  }
}

function keepInView(number) {
  const view = el("lanes");
  const label = names.size ? names.values().next().value.offsetWidth : 0;
  const width = (grid.offsetWidth - label) / (last + 1);
  view.scrollLeft = Math.max(0, (number + 0.5) * width - (view.clientWidth - label) / 2);
}

// The slider stands over the columns where all of them are seen, and takes the whole width where they scroll.
function alignRail() {
  const rail = el("rail");
  const view = el("lanes");
  rail.style.setProperty("--label", `${names.size ? names.values().next().value.offsetWidth : 0}px`);
  rail.style.setProperty("--steps", String(last));
  rail.classList.toggle("aligned", view.scrollWidth <= view.clientWidth);
}

