// -- one step -----------------------------------------------------------------------------------------------

const slider = el("slider");
const held = { true: "held", false: "failed", null: "unknown" };
let at = 0;

function conditions(step) {
  const found = make("ul", "list conditions");
  for (const one of step.conditions) found.append(make("li", held[String(one.held)], one.text));
  return found;
}

function why(step) {
  if (step.conditions.some((one) => one.held === false)) return "Why it was refused";
  return step.conditions.some((one) => one.held === null) ? "What it asks for, once it arrives" : "Why it was allowed";
}

function olds(step) {
  const found = make("ul", "list olds");
  for (const one of step.stale) {
    const item = make("li", "old", `${one.text} `);
    if (one.read_at) {
      const back = make("button", "jump", `see step ${one.read_at}`);
      back.type = "button";
      back.addEventListener("click", () => show(one.read_at));
      item.append(back);
    }
    found.append(item);
  }
  return found;
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
  el("kind").hidden = !step;
  if (!step) {
    el("step-number").textContent = "Before the first step";
    el("step-title").textContent = "The beginning";
    el("did").textContent = "Nothing has happened yet.";
    el("came").textContent = "";
    return;
  }
  el("step-number").textContent = `Step ${step.number} of ${last}${step.when ? `, at ${step.when}` : ""}`;
  el("step-title").textContent = step.who;
  el("kind").className = `tag ${step.kind}`;
  el("kind").textContent = run.kinds[step.kind].split(/[:,]/)[0];
  el("did").textContent = step.did;
  el("came").textContent = step.came ? `Result: ${step.came}` : "";
  el("broke").textContent = step.broke ? `It broke here. ${step.broke}` : "";
  if (step.turn) section(details, "Not asyncio's own order", list([step.turn], "old"));
  if (step.stale.length) section(details, "It acts on old knowledge", olds(step));
  if (step.conditions.length) section(details, why(step), conditions(step));
  else if (step.kind === "write" && step.changes.length || step.unconditional) {
    section(details, "Why it was allowed", list(["It set no condition: it is applied, whatever happened before."], "bare"));
  }
  if (step.changes.length) section(details, "What it changed", changeTable(step.changes));
  if (step.intended.length) section(details, step.already ? "What it wrote, and was so already" : "What it was to change, and did not", list(step.intended, "bare"));
  if (step.says.length) section(details, "What it says", list(step.says, "bare"));
}

// -- moving -------------------------------------------------------------------------------------------------

function rail(number) {
  const part = (step) => `${last ? (100 * step) / last : 0}%`;
  const tick = broken ? `linear-gradient(90deg, transparent calc(${part(broken)} - 3px), var(--bad) 0 calc(${part(broken)} + 3px), transparent 0), ` : "";
  el("rail").style.setProperty("--rail", `${tick}linear-gradient(90deg, var(--accent) ${part(number)}, var(--line) 0)`);
  el("rail").classList.toggle("broken", Boolean(broken) && number === broken);
}

function show(number, { remember = true } = {}) {
  at = Math.min(Math.max(number, 0), last);
  slider.value = String(at);
  const step = at ? steps[at - 1] : null;
  slider.setAttribute("aria-valuetext", step ? `Step ${at} of ${last}: ${step.who} ${step.did}` : `Before the first of ${last} steps`);
  el("position").textContent = `${at} of ${last}`;
  el("previous").disabled = at === 0;
  el("next").disabled = at === last;
  rail(at);
  showStep(at);
  showWorld(at);
  markLanes(at);
  if (remember) history.replaceState(null, "", `#step-${at}`);
}

// The address names the step, so that a link can.
function fromAddress() {
  const found = /^#step-(\d{1,6})$/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

el("main").classList.remove("still");
el("story").open = false;
drawLanes();
alignRail();
new ResizeObserver(() => {
  alignRail();
  keepInView(at);
}).observe(el("lanes"));
el("to-broken").hidden = !broken;
el("to-broken").addEventListener("click", () => show(broken));
el("previous").addEventListener("click", () => show(at - 1));
el("next").addEventListener("click", () => show(at + 1));
slider.addEventListener("input", () => show(Number(slider.value)));
window.addEventListener("hashchange", () => show(fromAddress() ?? at, { remember: false }));
document.addEventListener("keydown", (event) => {
  if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  show(target);
});
show(fromAddress() ?? (broken || Math.min(1, last)), { remember: false });
