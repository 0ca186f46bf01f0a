// The view of the items: its filters, its list, the item that was chosen. What is wanted stands in the address.
"use strict";
(() => {
  let index = null;
  let list = null;
  let [asked, opening] = [0, 0];  // the latest search, the latest item
  const field = (name) => document.getElementById(`f-${name}`);
  const FIELDS = ["source", "family", "variant", "beside", "show", "class", "text"];

  const options = (select, listed, value) => {
    select.replaceChildren(...listed.map(([key, words]) => rv.el("option", { value: key }, rv.plain(words))));
    select.value = listed.some(([key]) => key === value) ? value : listed[0]?.[0] ?? "";
  };

  const read = async () => {
    const found = await rv.load("data/items");
    const tasks = new Map(found.tasks.map((task) => [task.task, task]));
    const variants = new Map(found.variants.map((variant) => [variant.id, variant]));
    return {
      ...found, tasks, variants,
      sourceOf: (set) => tasks.get(set.task)?.source ?? set.task,
      titleOf: (set) => tasks.get(set.task)?.title ?? set.task,
      labelOf: (id) => variants.get(id)?.label ?? id,
    };
  };

  // The choices of a benchmark: all of it, and each task where it has several.
  const sources = () => {
    const by = new Map();
    for (const set of index.sets) by.set(set.benchmark, (by.get(set.benchmark) ?? new Set()).add(index.sourceOf(set)));
    const listed = [];
    for (const [benchmark, tasks] of by) {
      listed.push([`b:${benchmark}`, tasks.size > 1 ? `${benchmark}, all ${tasks.size} tasks` : benchmark]);
      if (tasks.size > 1) for (const task of tasks) listed.push([`t:${task}`, `  ${index.tasks.get(task)?.title ?? task}`]);
    }
    return by.size > 1 ? [...listed, ["", "all benchmarks"]] : listed;
  };

  // Menus depend on those before them: a benchmark has its families, both have their variants.
  const fillMenus = (wanted) => {
    const held = (select, value) => value ?? (select.options.length ? select.value : undefined);
    options(field("source"), sources(), held(field("source"), wanted.source));
    const source = field("source").value;
    const inside = index.sets.filter((set) => source === "" || (source.startsWith("b:") ? set.benchmark : index.sourceOf(set)) === source.slice(2));
    const families = [...new Set(inside.map((set) => set.family))].sort((a, b) => (b === "clean") - (a === "clean") || a.localeCompare(b));
    options(field("family"), [...families.map((name) => [name, name]), ...(families.length > 1 ? [["", "any"]] : [])], held(field("family"), wanted.family));
    const family = field("family").value;
    const there = new Set(inside.filter((set) => family === "" || set.family === family).flatMap((set) => set.variants.map(({ variant }) => variant)));
    const variants = index.variants.size ? [...index.variants.values()].filter(({ id }) => there.has(id)) : [...there].map((id) => ({ id, label: id }));
    const first = variants.find((one) => !one.is_baseline && one.alpha > 0) ?? variants.find((one) => !one.is_baseline) ?? variants[0];
    const before = field("variant").value;
    options(field("variant"), variants.map(({ id, label }) => [id, label]), wanted.variant ?? (before || first?.id));
    const chosen = variants.find(({ id }) => id === field("variant").value);
    const beside = [["", "nothing"], ...variants.filter(({ id }) => id !== chosen?.id).map(({ id, label }) => [id, label])];
    const other = wanted.beside ?? (wanted.keep && field("beside").value !== chosen?.id ? field("beside").value : chosen?.baseline ?? beside[1]?.[0] ?? "");
    options(field("beside"), beside, other);
    for (const name of ["show", "class", "text"]) if (wanted[name] !== undefined) field(name).value = wanted[name];
  };

  const rowOf = ({ opened, at }) => {
    const { el } = rv;
    const { set, items, marks, other } = opened;
    const move = marks.move[at];
    const mark = (right) => (right > 0 ? "✓" : "✗");
    const words = [other ? `${mark(other.right[at])} → ${mark(marks.right[at])}` : mark(marks.right[at])];
    if (move) words.push((move > 0 ? "fixed" : "broken") + (marks.class[at] ? `: ${rv.reason(marks.class[at])}` : ""));
    else if (marks.failed[at] > 0) words.push("no answer read");
    else if (marks.cut[at] > 0) words.push("cut off");
    if (field("family").value === "") words.push(rv.plain(set.family));
    if (set.draw) words.push(`draw ${set.draw}`);
    return el("div", { class: `row${move > 0 ? " fixed" : move < 0 ? " broken" : ""}` },
      el("span", { class: "sign", "aria-hidden": "true" }, move > 0 ? "▲" : move < 0 ? "▼" : ""),
      el("bdi", { class: "id" }, rv.plain(items.ids[at]).slice(0, 200)), el("span", { class: "quiet" }, words.join(" · ")));
  };

  const wantedNow = () => Object.fromEntries(FIELDS.map((name) => [name, field(name).value]));

  const find = async () => {
    const mine = asked += 1;
    const wanted = wantedNow();
    const status = document.getElementById("items-status");
    const address = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ""));
    history.replaceState(null, "", `#items?${address}`);
    let [fresh, opened] = [true, false];
    status.textContent = "Looking";
    const progress = (hits, seen, total, done) => {
      list.show(hits, fresh);
      fresh = false;
      const found = `${rv.count(hits.length)} ${hits.length === 1 ? "item" : "items"}`;
      counted();
      status.textContent = done ? `${found} of ${rv.count(total)}` : `${found} so far, ${rv.count(seen)} of ${rv.count(total)} seen`;
      if (hits.length && !opened && matchMedia("(min-width: 900px)").matches) { opened = true; list.choose(0); }
      if (done && !hits.length) {
        opening += 1;
        document.getElementById("item").replaceChildren(rv.el("p", { class: "empty" }, total ? "No item matches all of the filters; loosen one." : "This variant was not asked these prompts; choose another variant, or other prompts."));
      }
    };
    try {
      await rv.match(index, wanted, progress, () => mine !== asked);
    } catch (error) {
      if (mine === asked) { status.textContent = ""; rv.trouble(document.getElementById("item"), error); }
    }
  };

  // Where in the list the chosen item is: the list may grow while it is read.
  const counted = () => {
    const steps = document.querySelector(".steps");
    if (!steps) return;
    const [, before, after] = steps.querySelectorAll("button");
    before.disabled = list.current <= 0;
    after.disabled = list.current >= list.length - 1;
    steps.querySelector(".quiet").textContent = `${rv.count(list.current + 1)} of ${rv.count(list.length)}`;
  };

  const open = async (hit) => {
    const mine = opening += 1;
    const article = document.getElementById("item");
    const browser = document.querySelector(".browser");
    const position = {
      step: (by) => { list.step(by); article.focus({ preventScroll: true }); },
      back: () => { browser.classList.remove("opened"); document.getElementById("items-list").focus(); },
    };
    try {
      await rv.showItem(article, index, hit, wantedNow(), position, () => mine !== opening);
      if (mine !== opening) return;
      browser.classList.add("opened");
      counted();
    } catch (error) {
      if (mine === opening) rv.trouble(article, error);
    }
  };

  // An address as others write it names a task; the menus know benchmarks and families.
  const fromAddress = (query) => {
    const given = new URLSearchParams(query);
    const wanted = {};
    for (const name of FIELDS) if (given.has(name)) wanted[name] = given.get(name);
    const task = index.tasks.get(given.get("task") ?? "");
    if (task) {
      const known = sources().some(([key]) => key === `t:${task.source}`);
      wanted.source = known ? `t:${task.source}` : `b:${task.benchmark}`;
      wanted.family = task.family;
      for (const name of ["show", "class", "text"]) wanted[name] ??= "";
    }
    return wanted;
  };

  const begin = async () => {
    index = await read();
    list = rv.makeList(document.getElementById("items-list"), rowOf, open);
    let timer = 0;
    for (const name of FIELDS) {
      field(name).addEventListener(name === "text" ? "input" : "change", () => {
        clearTimeout(timer);
        timer = setTimeout(() => { fillMenus({ keep: name !== "variant" }); find(); }, name === "text" ? 250 : 0);
      });
    }
  };

  let begun = null;
  rv.openItems = async (query) => {
    if (!document.getElementById("items-list")) return;
    const first = !begun;
    begun ??= begin();
    try {
      await begun;
    } catch (error) {
      begun = null;
      rv.trouble(document.getElementById("item"), error);
      return;
    }
    if (!first && !query) return;
    document.querySelector(".browser").classList.remove("opened");
    fillMenus(fromAddress(query));
    await find();
  };
})();
