// Tables: the squares of the main one are walked with the arrow keys; the long ones are loaded when they are opened.
"use strict";
(() => {
  const AT_ONCE = 200;  // rows

  // One stop of the tabulator for the whole table; from there the arrows lead.
  const walk = (table) => {
    const squares = [...table.querySelectorAll(".square")];
    if (!squares.length) return;
    squares[0].tabIndex = 0;
    table.addEventListener("keydown", (event) => {
      const here = event.target.closest(".square");
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!here || !step) return;
      event.preventDefault();
      const cell = here.closest("td");
      let [row, column] = [cell.parentElement.rowIndex, cell.cellIndex];
      for (;;) {
        row += step[0];
        column += step[1];
        const next = table.rows[row]?.cells[column];
        if (!next) return;
        const square = next.querySelector(".square");
        if (!square) continue;
        here.tabIndex = -1;
        square.tabIndex = 0;
        square.focus();
        square.scrollIntoView({ block: "nearest", inline: "nearest" });
        return;
      }
    });
  };

  const show = (place, table, name) => {
    const { el } = rv;
    let wanted = table.rows;
    let upto = AT_ONCE;
    const body = el("tbody");
    const said = el("span", { role: "status" });
    const more = el("button", { type: "button" }, "Show more");
    const search = el("input", { type: "search", "aria-label": `Find in: ${name}`, placeholder: "Find in this table" });
    const fill = () => {
      body.replaceChildren(...wanted.slice(0, upto).map((row) => el("tr", {}, ...row.map((text, column) =>
        el("td", { class: table.numeric[column] ? "number" : text.length > 60 ? "long" : null }, rv.plain(text))))));
      more.hidden = wanted.length <= upto;
      said.textContent = wanted.length === table.rows.length && more.hidden ? "" : `${rv.count(Math.min(upto, wanted.length))} of ${rv.count(wanted.length)} rows`;
    };
    more.addEventListener("click", () => { upto += 1000; fill(); });
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      wanted = table.rows.filter((row) => { const text = row.join(" ").toLowerCase(); return words.every((word) => text.includes(word)); });
      upto = AT_ONCE;
      fill();
    });
    const head = el("tr", {}, ...table.columns.map((column, place) => el("th", { scope: "col", class: table.numeric[place] ? "number" : null, "data-tip": table.help[place] || null }, rv.plain(column))));
    place.replaceChildren(
      el("div", { class: "tools" }, table.rows.length > 12 ? search : null, said, more),
      el("div", { class: "grid", tabindex: 0, role: "region", "aria-label": name }, el("table", {}, el("thead", {}, head), body)),
      ...(table.note ? [el("p", { class: "remarks" }, rv.plain(table.note))] : []),
    );
    fill();
  };

  const showParts = (place, found) => {
    const { el } = rv;
    const pick = el("select", { "aria-label": "Which" }, ...found.parts.map(([title], at) => el("option", { value: at }, rv.plain(title))));
    const text = el("code");
    const fill = () => { text.textContent = rv.plain(found.parts[Number(pick.value)]?.[1] ?? ""); };
    const copy = el("button", { type: "button", class: "copy" }, "Copy");
    pick.addEventListener("change", fill);
    place.replaceChildren(el("div", { class: "tools" }, pick), el("div", { class: "command" }, el("pre", { tabindex: 0 }, text), copy));
    fill();
  };

  const opened = async (details) => {
    const place = details.querySelector(".held");
    if (!details.open || place.childElementCount) return;
    place.replaceChildren(rv.el("p", { class: "quiet" }, "Loading"));
    try {
      if (details.dataset.details) showParts(place, await rv.load(`data/${details.dataset.details}`));
      else show(place, await rv.load(`data/table-${details.dataset.table}`), details.querySelector("summary").firstChild.textContent.trim());
    } catch (error) {
      rv.trouble(place, error);
    }
  };

  rv.startTables = () => {
    document.querySelectorAll("table.main").forEach(walk);
    document.querySelectorAll("details.numbers").forEach((details) => details.addEventListener("toggle", () => opened(details)));
  };
})();
