// -- the world after a step ---------------------------------------------------------------------------------

const open = new Set();

function rows(table, pairs, before) {
  const old = new Map(before);
  const now = new Set();
  for (const [what, value] of pairs) {
    now.add(what);
    const row = make("tr", old.get(what) === value ? "" : "new");
    row.append(make("td", "mono", what), make("td", "mono", value));
    table.append(row);
  }
  for (const [what] of before) {
    if (now.has(what)) continue;
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

function pairsPart(parent, title, className, pairs, before) {
  const table = make("table", className);
  rows(table, pairs, before);
  section(parent, title, pairs.length || before.length ? table : make("p", "soft", "None."));
}

// Where each task stands: what it did last. Callbacks have no lane of their own, and stand nowhere.
function standing(number) {
  const stand = new Map(run.tasks.map((task) => [task, "has not run yet"]));
  for (const step of steps.slice(0, number)) if (stand.has(step.who)) stand.set(step.who, step.did);
  return [...stand];
}

function showWorld(number) {
  const observed = el("observed");
  observed.replaceChildren();
  el("world-title").textContent = number ? `The world after step ${number}` : "The world at the beginning";
  if (run.tasks) {
    pairsPart(observed, "Where each task stands", "tasks", standing(number), standing(Math.max(0, number - 1)));
    return;
  }
  const now = worldAt(number);
  const before = number ? worldAt(number - 1) : now;
  now.zones.forEach((zone, i) => zonePart(observed, zone, before.zones[i]));
  if (flies) section(observed, "Messages in flight", now.flight.length ? list(now.flight, "unknown") : make("p", "soft", "None."));
  pairsPart(observed, "Documents in the store", "documents", now.documents, before.documents);
}

