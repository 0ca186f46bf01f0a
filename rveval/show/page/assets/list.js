// A list of any length: only the rows in sight exist. One stop of the tabulator; the arrows choose.
"use strict";
(() => {
  const ROW = 56;  // pixels; the styles say the same

  rv.makeList = (list, rowOf, chosen) => {
    const tall = list.querySelector(".tall");
    let hits = [];
    let current = -1;
    const made = new Map();  // by place: the row

    const paint = () => {
      const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
      const last = Math.min(hits.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
      for (const [place, row] of made) {
        if (place < first || place >= last) { row.remove(); made.delete(place); }
      }
      for (let place = first; place < last; place += 1) {
        if (made.has(place)) continue;
        const row = rowOf(hits[place]);
        row.id = `row-${place}`;
        row.style.top = `${place * ROW}px`;
        row.setAttribute("role", "option");
        row.setAttribute("aria-setsize", hits.length);
        row.setAttribute("aria-posinset", place + 1);
        row.dataset.place = place;
        made.set(place, row);
        tall.append(row);
      }
      for (const [place, row] of made) row.setAttribute("aria-selected", place === current ? "true" : "false");
      if (made.has(current)) list.setAttribute("aria-activedescendant", `row-${current}`);
      else list.removeAttribute("aria-activedescendant");
    };

    const choose = (place, open = true) => {
      if (place < 0 || place >= hits.length) return;
      current = place;
      const top = place * ROW;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
      paint();
      if (open) chosen(hits[place], place);
    };

    list.addEventListener("scroll", paint, { passive: true });
    list.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) choose(Number(row.dataset.place));
    });
    list.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
      const to = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: hits.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(Math.max(0, Math.min(hits.length - 1, to)));
    });
    new ResizeObserver(paint).observe(list);

    return {
      // Show these; `fresh` forgets what was chosen, else the list has only grown.
      show: (found, fresh) => {
        hits = found;
        tall.style.height = `${hits.length * ROW}px`;
        if (fresh) {
          current = -1;
          list.scrollTop = 0;
          for (const row of made.values()) row.remove();
          made.clear();
        }
        paint();
      },
      choose,
      step: (by) => choose(Math.max(0, Math.min(hits.length - 1, current + by))),
      get current() { return current; },
      get length() { return hits.length; },
    };
  };
})();
