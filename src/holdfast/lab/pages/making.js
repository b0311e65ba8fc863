"use strict";
// Everything that comes from the run is put in as text, never as markup.
const run = JSON.parse(document.getElementById("run").textContent);
const steps = run.steps;
const last = steps.length;
const broken = steps.findIndex((step) => step.broke) + 1;
const el = (id) => document.getElementById(id);

function make(tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  return found;
}

function list(items, className) {
  const found = make("ul", "list");
  for (const item of items) found.append(make("li", className, item));
  return found;
}

function section(parent, title, body) {
  parent.append(make("h3", "", title), body);
}

const worldAt = (number) => run.worlds[number === 0 ? 0 : steps[number - 1].world];

