// One item: the clean prompt beside the one that was asked, two answers beside each other, what was read from them.
"use strict";
(() => {
  const REASONS = new Map([["content", "other reasoning"], ["style", "steps shown or not"], ["length", "longer or shorter"],
    ["extraction", "answer readable or not"], ["truncation", "cut off or not"]]);
  rv.reason = (name) => REASONS.get(name) ?? name;

  // Where the items of the set of clean prompts are, by id.
  const cleanPlaces = new Map();
  const cleanPlace = async (set, id) => {
    if (!cleanPlaces.has(set.id)) {
      const { ids } = await rv.columns(set.items, set.n, { ids: "" });
      cleanPlaces.set(set.id, new Map(ids.map((one, place) => [one, place])));
    }
    return cleanPlaces.get(set.id).get(id) ?? -1;
  };

  const promptOf = async (set, place) => {
    const found = await rv.pieces.at(set.prompts, place);
    return found ? { prompt: found.value.prompts[found.here] ?? "", target: found.value.targets[found.here] ?? "" } : { prompt: "", target: "" };
  };

  const answerOf = async (set, variant, place) => {
    const found = await rv.pieces.at(rv.filesOf(set, variant)?.texts, place);
    if (!found) return null;
    const { value, here } = found;
    const own = value.prompts && Object.hasOwn(value.prompts, String(place)) ? value.prompts[String(place)] : null;
    return { response: value.responses[here] ?? "", extracted: value.extracted[here], strict: value.strict[here], why: value.why[here] ?? "", own };
  };

  const pane = (head, body, ...facts) => rv.el("section", { class: "pane" },
    rv.el("h4", {}, head), ...facts, rv.el("div", { class: "box", tabindex: 0, role: "region", "aria-label": head instanceof Node ? head.textContent : head }, body));

  const verdict = (marks, at) => {
    const { el } = rv;
    const [right, samples] = [marks.right[at], marks.samples];
    const words = samples > 1 ? `${right} of ${samples} right` : right > 0 ? "right" : "wrong";
    return el("span", { class: right > 0 ? "right" : "wrong" }, el("span", { "aria-hidden": "true" }, right > 0 ? "✓ " : "✗ "), words);
  };

  const read = (name, value) => rv.el("span", {}, rv.el("span", { class: "quiet" }, `${name} `),
    value === null || value === undefined ? rv.el("em", {}, "nothing") : rv.el("bdi", { class: "taken" }, rv.plain(value).slice(0, 300)));

  const facts = (answer, marks, at) => {
    const { el } = rv;
    const listed = [verdict(marks, at), read("read", answer.extracted), read("strictly", answer.strict), el("span", { class: "quiet" }, `${rv.count(Math.round(marks.tokens[at]))} tokens`)];
    if (marks.cut[at] > 0) listed.push(el("span", { class: "wrong" }, "cut off"));
    if (marks.failed[at] > 0) listed.push(el("span", { class: "wrong" }, "no answer could be read"));
    if (marks.samples > 1) listed.push(el("span", { class: "quiet" }, `first of ${marks.samples} samples`));
    if (answer.why) listed.push(read("ended", answer.why));
    return el("p", { class: "facts" }, ...listed);
  };

  const prompts = async (index, opened, at, answer) => {
    const { set, items } = opened;
    const { prompt, target } = await promptOf(set, at);
    const asked = answer?.own ?? prompt;
    const clean = set.clean === null ? null : index.sets.find((one) => one.id === set.clean);
    const place = clean ? await cleanPlace(clean, items.ids[at]) : -1;
    if (place < 0) return { target, made: [rv.el("div", { class: "pair one" }, pane("As asked", rv.marked(asked)))], note: clean ? "This item has no clean twin in this report." : "" };
    const before = (await promptOf(clean, place)).prompt;
    const [gone, fresh] = rv.changes(before, asked);
    const made = [rv.el("div", { class: "pair" }, pane("Clean prompt", rv.marked(before, gone, "taken away")), pane(`As asked: ${rv.plain(set.family)}`, rv.marked(asked, fresh, "new")))];
    const alone = items.left_alone[at];
    return { target, made, note: before === asked ? `The prompt is the clean one${alone ? `: ${rv.plain(alone)}` : "."}` : "" };
  };

  const answers = (names, left, right, opened, at) => {
    const { el } = rv;
    const differ = left && right ? rv.firstDifference(left.response, right.response) : -1;
    const one = (name, answer, marks) => pane(rv.plain(name),
      answer.response === "" ? el("p", { class: "quiet" }, "(an empty answer)") : rv.marked(answer.response, rv.wordAt(answer.response, differ), "first difference"), facts(answer, marks, at));
    const made = [];
    if (left && opened.other) made.push(one(names[0], left, opened.other));
    if (right) made.push(one(names[1], right, opened.marks));
    const said = !left || !right ? "" : differ < 0 ? "Both answers are the same, letter by letter." : `The answers part at character ${rv.count(differ + 1)}, marked in both.`;
    return { made: el("div", { class: made.length > 1 ? "pair" : "pair one" }, ...made), said };
  };

  // Show an item in a place. `stale()` says that another one was chosen while this one was loading.
  rv.showItem = async (place, index, { opened, at }, wanted, position, stale) => {
    const { el } = rv;
    const { set, items, marks } = opened;
    const right = await answerOf(set, wanted.variant, at);
    const left = wanted.beside === wanted.variant ? null : await answerOf(set, wanted.beside, at);
    const asked = await prompts(index, opened, at, right);
    if (stale()) return;
    const shown = answers([index.labelOf(wanted.beside), index.labelOf(wanted.variant)], left, right, opened, at);
    const moved = marks.move[at] > 0 ? "fixed" : marks.move[at] < 0 ? "broken" : "";
    const back = el("button", { type: "button", class: "back" }, "Back to the list");
    const [before, after] = [el("button", { type: "button" }, "Previous"), el("button", { type: "button" }, "Next")];
    before.addEventListener("click", () => position.step(-1));
    after.addEventListener("click", () => position.step(1));
    back.addEventListener("click", () => position.back());
    place.replaceChildren(
      el("div", { class: "steps" }, back, before, after, el("span", { class: "quiet" })),
      el("h2", {}, el("bdi", {}, rv.plain(items.ids[at]))),
      el("p", { class: "facts" },
        el("span", { class: "quiet" }, rv.plain(index.titleOf(set)) + (set.draw ? `, draw ${set.draw}` : "")),
        moved ? el("span", { class: moved }, `${moved === "fixed" ? "▲ fixed" : "▼ broken"}${marks.class[at] ? `: ${rv.reason(marks.class[at])}` : ""}`) : null,
        read("right answer", asked.target)),
      ...[el("h3", {}, "Answers"), shown.said ? el("p", { class: "quiet" }, shown.said) : null, shown.made,
        el("h3", {}, "Prompt"), asked.note ? el("p", { class: "quiet" }, asked.note) : null, ...asked.made].filter(Boolean),
    );
    for (const box of place.querySelectorAll(".box")) {
      const mark = box.querySelector("mark");
      if (mark) box.scrollTop = mark.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
    }
  };
})();
