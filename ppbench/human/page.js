// Shows one comparison after another and posts what is chosen. Everything it is given goes into the page as text, never as
// markup; it keeps no verdicts but those that the server has not taken yet, and knows neither methods nor which side is whose.
"use strict";

const CHOICES = [["a", "A is better", "1"], ["tie", "Tie", "2"], ["b", "B is better", "3"]];
const $ = (id) => document.getElementById(id);
const main = document.querySelector("main");

const state = { annotator: "", criteria: [], answered: [], number: 0, chosen: {}, current: 0 };
const unsaved = new Map(); // "number criterion" -> what is to be posted; the last choice alone counts
let working = Promise.resolve();
let problem = null; // what to do when somebody presses "Try again"

// One thing after another: a choice that is on its way arrives before the next comparison is fetched.
function queue(task) {
  main.setAttribute("aria-busy", "true");
  const mine = working.then(task).then(() => show_problem(null), (error) => show_problem(error, task));
  working = mine;
  mine.then(() => { if (working === mine) main.setAttribute("aria-busy", "false"); });
  return mine;
}

function show_problem(error, task) {
  problem = error ? task : null;
  $("problem").hidden = !error;
  $("what").textContent = error ? error.message : "";
}

async function ask(path, said) {
  const options = said === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said),
  };
  let answer, body;
  try {
    answer = await fetch(path, options);
    body = await answer.json();
  } catch {
    const kept = unsaved.size ? `${unsaved.size} of your choices are not stored yet; keep this page open. ` : "";
    throw new Error(`${kept}The page cannot reach ppbench. Is it still running in the terminal?`);
  }
  if (!answer.ok) throw new Error(body.error);
  return body;
}

const query = (values) => new URLSearchParams(values).toString();

async function begin(name) {
  const found = await ask(`overview?${query({ annotator: name })}`);
  state.annotator = found.annotator;
  state.criteria = Object.entries(found.criteria);
  state.answered = found.answered;
  sessionStorage.setItem("annotator", state.annotator);
  build_criteria();
  $("who").hidden = true;
  const asked = Number.parseInt(location.hash.slice(1), 10) - 1;
  await go(asked >= 0 && asked < state.answered.length ? asked : Math.max(0, next_open(-1)));
}

// The first comparison after this one, round the end, that is not wholly answered; -1 if there is none.
function next_open(number) {
  const count = state.answered.length;
  for (let step = 1; step <= count; step++) {
    const place = (number + step + count) % count;
    if (state.answered[place] < state.criteria.length) return place;
  }
  return -1;
}

async function go(number) {
  await save();
  const found = await ask(`comparison?${query({ annotator: state.annotator, number })}`);
  state.number = number;
  state.chosen = found.chosen;
  history.replaceState(null, "", `#${number + 1}`);
  for (const id of ["prompt", "a", "b"]) put(id, found[id], found.language);
  $("work").hidden = false;
  current(Math.max(0, state.criteria.findIndex(([name]) => !(name in state.chosen))));
  draw();
  $("status").textContent = "";
  window.scrollTo(0, 0);
  $("title").focus({ preventScroll: true });
}

function put(id, text, language) {
  const box = $(id);
  const none = text.trim() === "";
  box.classList.toggle("none", none);
  box.lang = none ? "en" : language;
  box.textContent = none ? "(no text)" : text;
  box.scrollTop = 0;
}

function build_criteria() {
  const fields = state.criteria.map(([name, question], place) => {
    const field = document.createElement("fieldset");
    const legend = field.appendChild(document.createElement("legend"));
    legend.textContent = name[0].toUpperCase() + name.slice(1);
    const note = field.appendChild(document.createElement("p"));
    note.id = `${name}-question`;
    note.textContent = question;
    field.setAttribute("aria-describedby", note.id);
    const row = field.appendChild(document.createElement("div"));
    row.className = "choices";
    for (const [value, words] of CHOICES) {
      const label = row.appendChild(document.createElement("label"));
      const radio = label.appendChild(document.createElement("input"));
      Object.assign(radio, { type: "radio", name, value });
      radio.addEventListener("change", () => choose(place, value));
      // After a click the arrows are free to move between comparisons; whoever came by Tab keeps the radio's own.
      radio.addEventListener("click", (event) => { if (event.detail > 0) radio.blur(); });
      label.append(words);
    }
    field.addEventListener("focusin", () => current(place));
    return field;
  });
  $("criteria").replaceChildren(...fields);
  build_keys();
}

function build_keys() {
  const rows = [
    [CHOICES.map(([, , key]) => key), "A is better, tie, B is better: by the marked criterion; the next one is marked then"],
    [state.criteria.map(([name]) => name[0]), `mark ${state.criteria.map(([name]) => name).join(", ")}`],
    [["←", "→"], "the comparison before, the next one"],
    [["Enter"], "the next one that is not answered"],
  ];
  $("keys").replaceChildren(...rows.map(([keys, words]) => {
    const row = document.createElement("li");
    for (const key of keys) {
      row.appendChild(document.createElement("kbd")).textContent = key;
      row.append(" ");
    }
    row.append(words);
    return row;
  }));
}

function current(place) {
  state.current = place;
  [...$("criteria").children].forEach((field, index) => field.classList.toggle("current", index === place));
}

function draw() {
  const count = state.answered.length;
  const done = state.answered.filter((said) => said === state.criteria.length).length;
  $("title").textContent = `Comparison ${state.number + 1} of ${count}`;
  $("progress").textContent = `${done} of ${count} answered`;
  Object.assign($("bar"), { max: count, value: done });
  $("annotator").textContent = `as ${state.annotator}`;
  for (const radio of $("criteria").querySelectorAll("input")) radio.checked = state.chosen[radio.name] === radio.value;
  $("back").disabled = state.number === 0;
  $("next").disabled = state.number === count - 1;
  $("open").disabled = done === count;
}

function choose(place, value) {
  const name = state.criteria[place][0];
  const words = CHOICES.find(([known]) => known === value)[1];
  state.chosen[name] = value;
  state.answered[state.number] = Object.keys(state.chosen).length;
  unsaved.set(`${state.number} ${name}`, { annotator: state.annotator, number: state.number, criterion: name, choice: value });
  const missing = state.criteria.findIndex(([other]) => !(other in state.chosen));
  current(missing < 0 ? place : missing);
  draw();
  const all = missing < 0 ? " All criteria are answered." : "";
  const end = next_open(state.number) < 0 ? " So are all comparisons: press Done." : "";
  $("status").textContent = `${name}: ${words}.${all}${end}`;
  queue(save);
}

async function save() {
  for (const [key, said] of unsaved) {
    await ask("choice", said);
    if (unsaved.get(key) === said) unsaved.delete(key);
  }
}

function move(number) {
  if (number >= 0 && number < state.answered.length && number !== state.number) queue(() => go(number));
}

async function stop() {
  await save();
  await ask("done", {});
  $("work").hidden = true;
  $("bye").hidden = false;
  $("bye-title").focus();
}

function ask_to_stop() {
  const left = state.answered.filter((said) => said < state.criteria.length).length;
  $("left").textContent = left ? `${left} of ${state.answered.length} comparisons are not wholly answered.` : "All are answered.";
  $("end").showModal();
}

function on_key(event) {
  const inside = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || $("work").hidden || $("end").open || !$("keys-on").checked) return;
  if (main.getAttribute("aria-busy") === "true" && event.key.length > 1) return; // one move at a time
  const choice = CHOICES.findIndex(([, , key]) => key === event.key);
  const letter = state.criteria.findIndex(([name]) => name[0] === event.key.toLowerCase());
  if (choice >= 0) choose(state.current, CHOICES[choice][0]);
  else if (letter >= 0) current(letter);
  else if (event.key === "ArrowLeft" && inside.type !== "radio") move(state.number - 1);
  else if (event.key === "ArrowRight" && inside.type !== "radio") move(state.number + 1);
  else if (event.key === "Enter" && !inside.closest("button, summary, input")) move(next_open(state.number));
  else return;
  event.preventDefault();
}

$("who").addEventListener("submit", (event) => { event.preventDefault(); queue(() => begin($("name").value)); });
$("criteria").addEventListener("submit", (event) => event.preventDefault());
$("back").addEventListener("click", () => move(state.number - 1));
$("next").addEventListener("click", () => move(state.number + 1));
$("open").addEventListener("click", () => move(next_open(state.number)));
$("done").addEventListener("click", ask_to_stop);
$("go-on").addEventListener("click", () => $("end").close());
$("stop").addEventListener("click", () => { $("end").close(); queue(stop); });
$("retry").addEventListener("click", () => problem && queue(problem));
document.addEventListener("keydown", on_key);
window.addEventListener("beforeunload", (event) => { if (unsaved.size) event.preventDefault(); });

queue(async () => {
  const known = (await ask("who")).annotator || sessionStorage.getItem("annotator");
  if (known) await begin(known);
  else {
    $("who").hidden = false;
    $("name").focus();
  }
});
