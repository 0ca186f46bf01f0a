// The item files: which there are, and a small memory of those read last. Keys are data, so they live in maps.
"use strict";
(() => {
  const KEPT = 48;  // pieces of at most about a megabyte

  const kept = new Map();
  const piece = async (file) => {
    const key = `items/${file.replace(/\.js$/, "")}`;
    if (kept.has(key)) {
      const value = kept.get(key);
      kept.delete(key);
      kept.set(key, value);  // read last, forgotten last
      return value;
    }
    const value = await rv.load(key);
    kept.set(key, value);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return value;
  };

  const holding = (parts, place) => parts.find(({ first, n }) => place >= first && place < first + n);

  // The piece that holds an item, and its place in the piece; null where there is none.
  const at = async (parts, place) => {
    const part = holding(parts ?? [], place);
    if (!part) return null;
    const value = await piece(part.file);
    return { value, here: place - (value.first ?? part.first) };
  };

  rv.pieces = { piece, at, holding };

  // All of an index, in columns: rv.columns(parts, n, {right: 0, class: ""}) -> {right: [...], class: [...]}.
  rv.columns = async (parts, n, blanks) => {
    const found = {};
    for (const [name, blank] of Object.entries(blanks)) found[name] = new Array(n).fill(blank);
    found.samples = 1;
    for (const part of parts ?? []) {
      const value = await piece(part.file);
      const first = value.first ?? part.first;
      if (value.samples) found.samples = value.samples;
      for (const name of Object.keys(blanks)) {
        const column = value[name] ?? [];
        for (let here = 0; here < column.length && first + here < n; here += 1) found[name][first + here] = column[here];
      }
    }
    return found;
  };
})();
