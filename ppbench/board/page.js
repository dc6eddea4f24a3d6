// The page's own program: sorts and filters the table, loads samples and draws them, keeps its state in the address.
// Text of prompts, answers and names only ever becomes text nodes; nothing here makes markup, an address or a style of it.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const state = new URLSearchParams(location.hash.slice(1));
  const loaded = new Map();

  const make = (tag, text, kind) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (kind) node.className = kind;
    return node;
  };
  const keep = (changes) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === "" || value === null) state.delete(name); else state.set(name, value);
    }
    const text = state.toString();
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname); } catch { location.hash = text; }
  };

  // Light and dark

  const theme = (name) => { if (name === "light" || name === "dark") document.documentElement.dataset.theme = name; };
  theme(state.get("theme"));
  $("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    theme(now === "dark" ? "light" : "dark");
    keep({ theme: document.documentElement.dataset.theme });
  });

  // The table

  const body = $("rows").tBodies[0];
  const heads = [...$("rows").tHead.rows[0].cells];
  const place = (key) => heads.findIndex((head) => head.dataset.key === key);
  const value = (row, k) => row.cells[k].dataset.v;
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "") || 0;
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const sort = (key, down) => {
    const k = place(key);
    if (k < 0) return;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a, k), value(b, k)];
      return x === "" || y === "" ? compare(x, y) : (down ? -1 : 1) * compare(x, y);
    });
    body.append(...rows);
    heads.forEach((head, i) => {
      if (i === k) head.setAttribute("aria-sort", down ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
    });
  };
  for (const head of heads) {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      sort(head.dataset.key, down);
      keep({ sort: head.dataset.key, up: down ? "" : "1" });
    });
  }
  const verdict = place("verdict");
  for (const word of [...new Set([...body.rows].map((row) => value(row, verdict)))].sort()) $("verdict").append(new Option(word, word));
  const filter = () => {
    const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word)) || ($("verdict").value && value(row, verdict) !== $("verdict").value)
        || (row.classList.contains("grey") && !$("greys").checked) || (row.classList.contains("given") && !$("givens").checked);
      shown += !row.hidden;
    }
    $("count").textContent = `${shown} of ${body.rows.length} rows`;
  };
  $("filter").value = state.get("q") || "";
  $("verdict").value = state.get("verdict") || "";
  $("greys").checked = state.get("greys") !== "0";
  $("givens").checked = state.get("givens") !== "0";
  for (const id of ["filter", "verdict", "greys", "givens"]) {
    $(id).addEventListener("input", () => {
      filter();
      keep({ q: $("filter").value, verdict: $("verdict").value, greys: $("greys").checked ? "" : "0", givens: $("givens").checked ? "" : "0" });
    });
  }
  if (state.has("sort")) sort(state.get("sort"), !state.has("up"));
  filter();

  // What a mark of a figure says, beside the pointer or under the keyboard

  let tip = null;
  const tell = (event) => {
    const mark = event.target.closest("[role=graphics-symbol][aria-label]");
    if (tip) { tip.remove(); tip = null; }
    if (!mark) return;
    const box = mark.getBoundingClientRect();
    tip = make("div", mark.getAttribute("aria-label"));
    tip.id = "tip";
    tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - 260)) + scrollX}px`;
    tip.style.top = `${box.bottom + scrollY + 6}px`;
    document.body.append(tip);
  };
  for (const figure of document.querySelectorAll(".figure")) {
    const marks = [...figure.querySelectorAll("[role=graphics-symbol][aria-label]")];
    if (marks.length <= 24) marks.forEach((mark) => mark.setAttribute("tabindex", "0")); // of more, the tables tell the same
    for (const kind of ["pointerover", "focusin", "focusout", "pointerleave"]) figure.addEventListener(kind, kind === "focusout" ? () => { if (tip) tip.remove(); tip = null; } : tell);
  }

  // Samples

  globalThis.ppbenchSamples = (number, data) => loaded.set(number, data);
  const load = (number) => new Promise((done, fail) => {
    if (loaded.has(number)) { done(loaded.get(number)); return; }
    const script = document.createElement("script");
    script.src = `samples/${number}.js`;
    script.onload = () => done(loaded.get(number));
    script.onerror = () => fail(new Error(`samples/${number}.js is not there`));
    document.head.append(script);
  });
  const fill = (select, names, chosen) => {
    select.replaceChildren(...names.map(([text, key]) => new Option(text, key)));
    select.disabled = false;
    if (names.some(([, key]) => String(key) === chosen)) select.value = chosen;
  };
  const entry = () => Number($("entry").value);
  const open = async (wanted = {}) => {
    try {
      const data = await load(entry());
      fill($("prompt"), data.prompts.map((one) => [`${one.id} (${one.category}, ${one.language})`, one.id]), wanted.prompt || $("prompt").value);
      fill($("method"), data.methods.map((name) => [name, name]), wanted.method || $("method").value || data.methods[1]);
      show(data);
    } catch (error) {
      $("sample").replaceChildren(make("p", error.message, "note"));
    }
  };
  const show = (data) => {
    const prompt = data.prompts.find((one) => one.id === $("prompt").value);
    const serial = prompt.trials[data.methods.indexOf("serial")];
    const mine = prompt.trials[data.methods.indexOf($("method").value)];
    keep({ entry: entry(), prompt: prompt.id, method: $("method").value });
    $("told").textContent = `Shown: ${$("method").value} on ${prompt.id}`;
    const whole = data.prompts.length < data.of ? `${data.prompts.length} of ${data.of} prompts are kept here. ` : "";
    $("sample").replaceChildren(
      make("p", `${whole}${data.texts ? "" : "Texts of own prompts and answers are in no entry."}`, "small"),
      make("h3", `Prompt ${prompt.id}`), text(prompt.text), ...plan(mine), ...chart($("method").value, mine, serial), answers(serial, mine));
  };
  const text = (words) => {
    const node = make("pre", words || "-");
    node.dir = "auto";
    node.tabIndex = 0;
    return node;
  };
  const plan = (trial) => {
    if (!trial || !trial.calls) return [make("p", trial && trial.failure ? `Failed: ${trial.failure}` : "No trial.", "note")];
    const list = make("ol", undefined, "calls");
    for (const call of trial.calls) {
      const fold = make("details");
      const tokens = `${call.in ?? "?"} tokens in, ${call.out ?? "?"} out`;
      fold.append(make("summary", `${call.role} ${call.id}: ${(call.done - call.sent).toFixed(0)} ms, ${tokens}${call.error ? `, failed: ${call.error}` : ""}${call.retries ? `, ${call.retries} failed attempts before` : ""}`),
        make("h4", "Asked"), text(call.text), make("h4", "Answered"), text(call.reply));
      const item = make("li");
      item.append(fold);
      list.append(item);
    }
    return [make("h3", "Plan, as it went"), make("p", `${trial.status}${trial.reason ? `: ${trial.reason}` : ""}; ${trial.calls.length} calls`, "small"), list];
  };
  const draw = (tag, attributes, words) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, given] of Object.entries(attributes)) node.setAttribute(name, given);
    if (words !== undefined) node.textContent = words;
    return node;
  };
  const chart = (name, trial, serial) => {
    const rows = [...(serial && serial.calls && serial !== trial ? serial.calls.map((call) => ["serial", call]) : []), ...((trial && trial.calls) || []).map((call) => [`${call.role} ${call.id}`, call])];
    const end = Math.max(1, ...rows.map(([, call]) => call.done));
    const [left, width, step] = [150, 560, 20];
    const x = (ms) => left + (ms / end) * width;
    const svg = draw("svg", { class: "gantt", viewBox: `0 0 ${left + width + 10} ${rows.length * step + 24}`, role: "img", "aria-label": `Calls over time: ${rows.length} calls in ${end.toFixed(0)} ms` });
    for (let k = 0; k <= 4; k++) {
      svg.append(draw("line", { class: "grid", x1: x(end * k / 4), x2: x(end * k / 4), y1: 0, y2: rows.length * step }),
        draw("text", { class: "axis", x: x(end * k / 4), y: rows.length * step + 16, "text-anchor": k === 4 ? "end" : k ? "middle" : "start" }, `${(end * k / 4).toFixed(0)} ms`));
    }
    rows.forEach(([label, call], k) => {
      const bar = (kind, from, to) => svg.append(draw("rect", { class: kind, x: x(from), y: k * step + 3, width: Math.max(0.5, x(to) - x(from)), height: step - 6 }));
      svg.append(draw("text", { x: 0, y: k * step + 14 }, label.length > 20 ? `${label.slice(0, 19)}\u2026` : label));
      if (call.sent > call.ready) bar("wait", call.ready, call.sent);
      const first = call.first ?? call.done;
      bar(call.error ? "failed" : "first", call.sent, first);
      if (call.done > first) bar(call.error ? "failed" : "write", first, call.done);
    });
    const box = make("div", undefined, "wide");
    box.append(svg);
    return [make("h3", "Calls over time"), box, make("p", "Grey: held in our own queue. Orange: until the first token. Blue: writing. Red: failed.", "small")];
  };
  const answers = (serial, trial) => {
    const pair = make("div", undefined, "pair");
    for (const [title, one] of [["serial", serial], [$("method").value, trial]]) {
      const side = make("div");
      side.append(make("h3", `Answer of ${title}`), make("p", one && one.ms !== undefined ? `${one.ms.toFixed(0)} ms, first token after ${one.first === null ? "?" : one.first.toFixed(0)} ms` : "no answer", "small"), text(one ? one.answer : ""));
      const list = make("ul");
      for (const said of (one && one.verdicts) || []) list.append(make("li", `${said.judge}, ${said.criterion}: ${said.value.toFixed(2)}${said.reason ? ` (${said.reason})` : ""}`));
      side.append(make("h4", "Verdicts"), list.childNodes.length ? list : make("p", "none", "small"));
      pair.append(side);
    }
    return pair;
  };
  if (state.has("entry") && [...$("entry").options].some((option) => option.value === state.get("entry"))) $("entry").value = state.get("entry");
  $("show").addEventListener("click", () => open());
  $("entry").addEventListener("change", () => open());
  for (const id of ["prompt", "method"]) $(id).addEventListener("change", () => open());
  if (state.has("prompt")) open({ prompt: state.get("prompt"), method: state.get("method") });
})();
