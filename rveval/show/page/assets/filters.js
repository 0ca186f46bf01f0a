// Which items match: by benchmark, prompts, variant and what became of them at once; by text as their pieces come in.
"use strict";
(() => {
  const TESTS = new Map([
    ["", () => true],
    ["fixed", ({ marks }, at) => marks.move[at] > 0],
    ["broken", ({ marks }, at) => marks.move[at] < 0],
    ["moved", ({ marks }, at) => marks.move[at] !== 0],
    ["right", ({ marks }, at) => marks.right[at] > 0],
    ["wrong", ({ marks }, at) => marks.right[at] === 0],
    ["failed", ({ marks }, at) => marks.failed[at] > 0],
    ["cut", ({ marks }, at) => marks.cut[at] > 0],
    ["changed", ({ items }, at) => items.changed[at] > 0],
    ["alone", ({ items }, at) => items.left_alone[at] !== ""],
  ]);
  const MARKS = { right: 0, strict: 0, failed: 0, cut: 0, tokens: 0, steps: 0, move: 0, class: "" };

  rv.filesOf = (set, variant) => set.variants.find((one) => one.variant === variant);

  // A set with its columns for two variants. Kept, for every change of a filter asks again; a few large ones at most.
  const kept = new Map();
  rv.openSet = async (set, variant, beside) => {
    const key = JSON.stringify([set.id, variant, beside]);
    if (!kept.has(key)) {
      if (kept.size >= 400) kept.delete(kept.keys().next().value);
      kept.set(key, {
        set,
        items: await rv.columns(set.items, set.n, { ids: "", changed: 0, left_alone: "" }),
        marks: await rv.columns(rv.filesOf(set, variant)?.marks, set.n, MARKS),
        other: rv.filesOf(set, beside) ? await rv.columns(rv.filesOf(set, beside).marks, set.n, { right: 0, tokens: 0, failed: 0, cut: 0, strict: 0, steps: 0 }) : null,
      });
    }
    return kept.get(key);
  };

  // The sets that a choice of benchmark ("b:gsm8k" or "t:rv_bbh_word_sorting") and of family ("" for any) leaves.
  rv.setsFor = (index, { source, family, variant }) => index.sets.filter((set) =>
    (source.startsWith("t:") ? index.sourceOf(set) === source.slice(2) : set.benchmark === source.slice(2) || source === "")
    && (family === "" || set.family === family)
    && rv.filesOf(set, variant) !== undefined);

  const textOf = async (opened, at, variant, beside) => {
    const { set, items } = opened;
    const found = [items.ids[at]];
    const prompts = await rv.pieces.at(set.prompts, at);
    if (prompts) found.push(prompts.value.prompts[prompts.here], prompts.value.targets[prompts.here]);
    for (const name of new Set([variant, beside])) {
      const texts = await rv.pieces.at(rv.filesOf(set, name)?.texts, at);
      if (texts) found.push(texts.value.responses[texts.here]);
    }
    return found;
  };

  // Find what matches, telling `progress` as it goes; stops when `stale()` says that somebody asks for something else.
  // A hit is {opened, at}. Items are taken in the order of the sets, so that the list only grows at its end.
  rv.match = async (index, wanted, progress, stale) => {
    const test = TESTS.get(wanted.show) ?? TESTS.get("");
    const sought = wanted.text.toLowerCase();
    const sets = rv.setsFor(index, wanted);
    const total = sets.reduce((sum, set) => sum + set.n, 0);
    const hits = [];
    let [seen, since] = [0, performance.now()];
    for (const set of sets) {
      const opened = await rv.openSet(set, wanted.variant, wanted.beside);
      if (stale()) return;
      for (let at = 0; at < set.n; at += 1, seen += 1) {
        if (!test(opened, at) || (wanted.class && opened.marks.class[at] !== wanted.class)) continue;
        if (sought) {
          const texts = await textOf(opened, at, wanted.variant, wanted.beside);
          if (stale()) return;
          if (texts.some((text) => typeof text === "string" && text.toLowerCase().includes(sought))) hits.push({ opened, at });
        } else hits.push({ opened, at });
        if (performance.now() - since > 40) {
          progress(hits, seen, total, false);
          await rv.pause();
          if (stale()) return;
          since = performance.now();
        }
      }
    }
    progress(hits, total, total, true);
  };
})();
