"use strict";
// Everything that comes from the map is put in as text, never as markup.
const map = JSON.parse(document.getElementById("map").textContent);
const services = map.services;
const needs = map.needs.map(([of, on, atLeast, hard, phase, basis, says]) => ({ of, on, atLeast, hard, phase, basis, says }));
const el = (id) => document.getElementById(id);
const LISTED = 300;
const SHOWN = 120;
const WAVE_SHOWN = 10;
const LISTED_MAX = 2000;

function make(tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  return found;
}

function duration(seconds) {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const byName = new Map(services.map((service, at) => [service.name, at]));
const ranking = (a, b) => services[b].blast - services[a].blast || services[a].name.localeCompare(services[b].name);
const ranked = services.map((_, at) => at).sort(ranking);
const most = Math.max(1, ...services.map((service) => service.blast));

// The failure closure: a service is down when a hard need of it has too few members up while it serves.
const counting = needs.filter((need) => need.hard && need.phase !== "boot");
const memberships = services.map(() => []);
for (const need of counting) for (const on of need.on) memberships[on].push(need);
const needsOf = services.map(() => []);
const neededBy = services.map(() => []);
for (const need of needs) {
  needsOf[need.of].push(need);
  for (const on of need.on) neededBy[on].push(need);
}

// Waves: the services that have failed, then those that fall with them, and so on.
function closure(failed) {
  const down = new Set(failed);
  const left = new Map();
  const waves = [];
  let wave = [...down];
  while (wave.length) {
    const next = [];
    for (const one of wave) {
      for (const need of memberships[one]) {
        const rest = (left.has(need) ? left.get(need) : need.on.length - need.atLeast + 1) - 1;
        left.set(need, rest);
        if (rest === 0 && !down.has(need.of)) {
          down.add(need.of);
          next.push(need.of);
        }
      }
    }
    if (next.length) waves.push(next);
    wave = next;
  }
  return { down, waves };
}

let failed = [];
let chosen = null;

function chip(at, kind) {
  const found = make("button", `chip ${kind || ""}`.trim(), services[at].name);
  found.type = "button";
  found.addEventListener("click", () => choose(at));
  return found;
}

function choose(at) {
  failed = [at];
  chosen = at;
  history.replaceState(null, "", `#${encodeURIComponent(services[at].name)}`);
  draw();
}

function toggle(at) {
  failed = failed.includes(at) ? failed.filter((one) => one !== at) : [...failed, at];
  draw();
}

// -- the list ---------------------------------------------------------------------------------------------

function matches(at, words) {
  const service = services[at];
  const text = `${service.name} ${Object.values(service.about).join(" ")}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function drawList() {
  const words = el("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ranked.filter((at) => matches(at, words));
  const shown = found.slice(0, LISTED);
  el("found").textContent = found.length > shown.length
    ? `${found.length.toLocaleString("en")} found, the first ${LISTED} shown, by what falls with them`
    : `${plural(found.length, "service", "services")}, by what falls with them`;
  el("list").replaceChildren(...shown.map((at) => {
    const item = make("li");
    const button = make("button");
    button.type = "button";
    button.setAttribute("aria-current", String(at === chosen));
    button.append(make("span", "name", services[at].name));
    button.append(make("span", "blast", services[at].blast ? services[at].blast.toLocaleString("en") : "–"));
    if (services[at].blast) {
      const bar = make("span", "bar");
      bar.style.width = `${(100 * services[at].blast) / most}%`;
      button.append(bar);
    }
    button.addEventListener("click", () => choose(at));
    item.append(button);
    return item;
  }));
}

// -- what falls -------------------------------------------------------------------------------------------

function waveList(wave) {
  const list = make("ul");
  const add = (from, to) => {
    for (const at of wave.slice(from, to)) {
      const item = make("li");
      item.append(chip(at, "down"));
      list.append(item);
    }
  };
  add(0, WAVE_SHOWN);
  if (wave.length > WAVE_SHOWN) {
    const item = make("li");
    const more = make("button", "action", `and ${(wave.length - WAVE_SHOWN).toLocaleString("en")} more`);
    more.type = "button";
    more.addEventListener("click", () => {
      item.remove();
      add(WAVE_SHOWN, LISTED_MAX);
      if (wave.length > LISTED_MAX) list.append(make("li", "soft", `${(wave.length - LISTED_MAX).toLocaleString("en")} more are not shown`));
    });
    item.append(more);
    list.append(item);
  }
  return list;
}

function drawFallen() {
  const { down, waves } = closure(failed);
  const fallen = down.size - failed.length;
  el("failed").replaceChildren(make("span", "soft", failed.length ? "If these fail:" : "Nothing has failed. Choose a service."));
  for (const at of failed) {
    const found = make("button", "chip gone", `${services[at].name} ×`);
    found.type = "button";
    found.setAttribute("aria-label", `${services[at].name}: take back its failure`);
    found.addEventListener("click", () => toggle(at));
    el("failed").append(found);
  }
  el("count").textContent = fallen.toLocaleString("en");
  el("count").parentElement.classList.toggle("some", fallen > 0);
  el("counted").textContent = `of ${services.length.toLocaleString("en")} services ${fallen === 1 ? "falls" : "fall"} with ${failed.length === 1 ? "it" : "them"}`;
  let weight = 0;
  for (const at of down) if (!failed.includes(at)) weight += services[at].weight;
  el("weight").textContent = weight !== fallen ? `Weight ${weight.toLocaleString("en")}` : "";
  el("waves").replaceChildren(...waves.map((wave, number) => {
    const column = make("div", "wave");
    column.append(make("h3", "", `${number === 0 ? "First" : `Then, ${number + 1}`}: ${plural(wave.length, "service", "services")}`));
    column.append(waveList([...wave].sort(ranking)));
    return column;
  }));
  return down;
}

// -- one service ------------------------------------------------------------------------------------------

function row(need, who) {
  const line = make("tr");
  const names = make("td");
  for (const at of who) names.append(chip(at));
  if (need.on.length > 1) names.append(make("span", "soft", ` ${need.atLeast} of ${need.on.length}`));
  const how = make("td");
  how.append(make("span", `tag ${need.hard ? "hard" : ""}`, need.hard ? "hard" : "soft"), " ");
  if (need.phase !== "run") how.append(make("span", "tag", need.phase === "boot" ? "to start" : "to start and run"), " ");
  how.append(make("span", `tag ${need.basis}`, need.basis));
  line.append(names, how, make("td", "why", need.says.join("; ")));
  return line;
}

function needsTable(title, rows) {
  const box = make("div", "tablebox");
  box.append(make("h3", "", title));
  const body = make("table");
  const head = make("tr");
  for (const text of ["service", "how", "who says so"]) head.append(make("th", "", text));
  body.append(head, ...rows.slice(0, SHOWN));
  box.append(body);
  if (rows.length > SHOWN) box.append(make("p", "soft", `and ${(rows.length - SHOWN).toLocaleString("en")} more`));
  return box;
}

function drawOne() {
  const at = chosen;
  const service = services[at];
  const parts = [];
  const head = make("div", "head");
  head.append(make("h2", "", service.name));
  const also = make("button", "action", failed.includes(at) ? "Take back its failure" : "Let it fail too");
  also.type = "button";
  also.id = "also";
  also.addEventListener("click", () => toggle(at));
  head.append(also);
  parts.push(head);
  const facts = make("dl", "facts");
  const say = (key, value) => {
    const term = make("div");
    term.append(make("dt", "", key), make("dd", "", value));
    facts.append(term);
  };
  for (const [key, value] of Object.entries(service.about)) say(key, value);
  say("falls with any of", service.points ? plural(service.points, "single failure", "single failures") : "no other single failure");
  say("up from nothing", service.serves === null ? "never" : `after ${duration(service.serves)}`);
  parts.push(facts);
  if (needsOf[at].length) parts.push(needsTable("Needs", needsOf[at].map((need) => row(need, need.on))));
  if (neededBy[at].length) parts.push(needsTable("Needed by", neededBy[at].map((need) => row(need, [need.of]))));
  el("one").replaceChildren(...parts);
}

function drawFindings() {
  const parts = [make("h2", "", plural(map.findings.length, "finding", "findings"))];
  for (const finding of map.findings) {
    const line = make("div", "finding");
    line.append(make("span", "tag", finding.kind), make("span", "", finding.says));
    parts.push(line);
  }
  el("findings").replaceChildren(...parts);
}

function draw() {
  drawList();
  drawFallen();
  drawOne();
}

el("search").addEventListener("input", drawList);
el("search").addEventListener("keydown", (event) => {
  const first = el("list").querySelector("button");
  if (event.key === "Enter" && first) first.click();
});
window.addEventListener("hashchange", fromHash);

function fromHash() {
  const named = byName.get(decodeURIComponent(location.hash.slice(1)));
  const at = named === undefined ? ranked[0] : named;
  if (at === undefined) return;
  failed = [at];
  chosen = at;
  draw();
}

drawFindings();
fromHash();
