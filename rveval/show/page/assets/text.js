// Two texts beside each other: where they part, what was changed. All results are nodes that hold text.
"use strict";
(() => {
  const LONG = 20000;  // characters shown before somebody asks for all
  const WORDS = 1200;  // words up to which a change is found word by word

  // Text as nodes: invisible characters stand out.
  const nodes = (text) => {
    const made = [];
    let from = 0;
    for (const { 0: found, index } of text.matchAll(rv.hidden)) {
      if (index > from) made.push(text.slice(from, index));
      made.push(rv.el("span", { class: "ctl", title: "an invisible character" }, rv.shown(found)));
      from = index + 1;
      if (made.length > 20000) break;
    }
    made.push(text.slice(from));
    return made;
  };

  // A text with some of its parts marked: parts are [start, end, class], in order. Long ones are cut, with a button.
  rv.marked = (text, parts = [], said = "") => {
    const place = rv.el("div", { class: "text", dir: "auto" });
    const fill = (upto) => {
      place.replaceChildren();
      let at = 0;
      for (const [start, end, kind] of parts) {
        if (start >= upto) break;
        place.append(...nodes(text.slice(at, start)), rv.el("mark", { class: kind, title: said || null }, ...nodes(text.slice(start, Math.min(end, upto)))));
        at = Math.min(end, upto);
      }
      place.append(...nodes(text.slice(at, upto)));
      if (upto < text.length) {
        const more = rv.el("button", { type: "button", class: "more" }, `Show all ${rv.count(text.length)} characters`);
        more.addEventListener("click", () => fill(text.length));
        place.append(more);
      }
    };
    fill(Math.min(text.length, Math.max(LONG, ...parts.slice(0, 1).map(([, end]) => Math.min(end + 2000, 5 * LONG)))));
    return place;
  };

  // The place of the first character that differs; -1 for none. Never between the halves of a surrogate pair.
  rv.firstDifference = (left, right) => {
    const end = Math.min(left.length, right.length);
    let at = 0;
    while (at < end && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
    if (at === left.length && at === right.length) return -1;
    return at > 0 && (left.charCodeAt(at - 1) & 0xFC00) === 0xD800 ? at - 1 : at;
  };

  // The word around a place, as the one part to mark.
  rv.wordAt = (text, at) => {
    if (at < 0) return [];
    if (at >= text.length) return [[text.length, text.length, "end"]];
    const space = /\s/;
    let [start, end] = [at, at + 1];
    while (start > 0 && at - start < 40 && !space.test(text[start - 1])) start -= 1;
    while (end < text.length && end - at < 40 && !space.test(text[end])) end += 1;
    return [[start, end, "first"]];
  };

  const words = (text) => [...text.matchAll(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)].map(({ 0: word, index }) => ({ word, index }));

  // What a change made new and took away: [parts of the old text, parts of the new one].
  rv.changes = (before, after) => {
    const [old, young] = [words(before), words(after)];
    let head = 0;
    while (head < old.length && head < young.length && old[head].word === young[head].word) head += 1;
    let tail = 0;
    while (tail < Math.min(old.length, young.length) - head && old.at(-1 - tail).word === young.at(-1 - tail).word) tail += 1;
    const [a, b] = [old.slice(head, old.length - tail), young.slice(head, young.length - tail)];
    const gone = a.length * b.length <= WORDS * WORDS ? common(a, b) : [a.map(() => false), b.map(() => false)];
    return [spans(a, gone[0], "gone"), spans(b, gone[1], "new")];
  };

  // The longest common subsequence: for each word of both, whether it is in it.
  const common = (a, b) => {
    const width = b.length + 1;
    const length = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        length[i * width + j] = a[i].word === b[j].word ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
      }
    }
    const [inA, inB] = [a.map(() => false), b.map(() => false)];
    for (let i = 0, j = 0; i < a.length && j < b.length;) {
      if (a[i].word === b[j].word) { inA[i] = inB[j] = true; i += 1; j += 1; }
      else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) i += 1;
      else j += 1;
    }
    return [inA, inB];
  };

  // Words that are in no common part, joined where they touch.
  const spans = (listed, kept, kind) => {
    const found = [];
    listed.forEach(({ word, index }, at) => {
      if (kept[at]) return;
      const last = found.at(-1);
      if (last && last[1] === index) last[1] = index + word.length;
      else found.push([index, index + word.length, kind]);
    });
    return found;
  };
})();
