// What all scripts of the page share: making elements, loading pieces, the box that the pointer shows.
// Text that comes from outside is only ever set as text. Nothing here, or elsewhere, takes HTML.
"use strict";
window.rv = {};
(() => {
  // An element: rv.el("p", {class: "quiet", title: "..."}, "text", node, ...).
  rv.el = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(key, "");
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, String(value));
    }
    made.append(...children.filter((child) => child !== null && child !== undefined).map((child) => child instanceof Node ? child : String(child)));
    return made;
  };

  // Invisible characters made visible, so that no text can hide or turn around what stands beside it: control
  // characters, marks of direction, and ends of lines other than the usual one.
  // eslint-disable-next-line no-control-regex
  rv.hidden = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g;
  rv.shown = (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7F ? "\u2421" : `⟨${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  };
  rv.plain = (text) => String(text).replace(rv.hidden, rv.shown);

  rv.count = (number) => number.toLocaleString("en-US");

  // --- pieces: each a script that calls rveval_items(KEY, VALUE) or rveval_data(KEY, VALUE)

  const waiting = new Map();  // by key: what to do when it comes
  const arrived = (key, value) => {
    const then = waiting.get(key);
    waiting.delete(key);
    if (then) then(value);
  };
  window.rveval_items = (key, value) => arrived(`items/${key}`, value);
  window.rveval_data = (key, value) => arrived(`data/${key}`, value);

  const loading = new Map();
  // The value of a piece, such as "data/items" or "items/s0-items-0"; asked for twice at once, it is loaded once.
  rv.load = (key) => {
    if (loading.has(key)) return loading.get(key);
    const promise = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const done = () => { script.remove(); loading.delete(key); };
      waiting.set(key, (value) => { done(); resolve(value); });
      const failed = () => {
        waiting.delete(key);
        done();
        reject(new Error(`${key}.js can't be read. This page needs the folders assets, data and items beside it: keep them together, and unpack an archive before opening it.`));
      };
      script.onerror = failed;
      script.onload = () => { if (waiting.has(key)) failed(); };
      script.src = `${key.split("/").map(encodeURIComponent).join("/")}.js`;
      document.head.append(script);
    });
    loading.set(key, promise);
    return promise;
  };

  // A browser that is busy answers nobody: long work gives way between its steps.
  rv.pause = () => new Promise((resolve) => { setTimeout(resolve, 0); });

  rv.trouble = (place, error) => { place.replaceChildren(rv.el("p", { class: "empty" }, rv.plain(error.message))); };

  // --- the box beside the pointer, or beside what has the focus

  const box = () => document.getElementById("tip");
  rv.tip = (lines, left, top) => {
    const tip = box();
    tip.textContent = lines.map(rv.plain).join("\n");
    tip.hidden = false;
    tip.style.left = tip.style.top = "0";  // else it would be as narrow as what is left beside its old place
    const { width, height } = tip.getBoundingClientRect();
    const x = Math.min(left + 14, innerWidth - width - 8);
    const y = top + 18 + height > innerHeight ? top - height - 10 : top + 18;
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, y)}px`;
  };
  rv.untip = () => { box().hidden = true; };

  const tipped = (event) => event.target instanceof Element ? event.target.closest("[data-tip]") : null;
  document.addEventListener("pointermove", (event) => {
    const at = tipped(event);
    if (at) rv.tip(at.dataset.tip.split("\n"), event.clientX, event.clientY);
    else if (!(event.target instanceof Element && event.target.closest(".drawn"))) rv.untip();
  });
  document.addEventListener("focusin", (event) => {
    const at = tipped(event);
    if (!at) { rv.untip(); return; }
    const { left, bottom } = at.getBoundingClientRect();
    rv.tip(at.dataset.tip.split("\n"), left, bottom - 14);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") rv.untip(); });
  document.addEventListener("scroll", rv.untip, { passive: true, capture: true });
})();
