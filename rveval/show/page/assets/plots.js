// The plots of the page: a menu of choices, the panels of the one that was chosen, drawn when they come into sight and
// again when the theme changes.
"use strict";
(() => {
  const LEGENDS = new Map([
    ["nulls", [["better", "●", "the real vector, above 0"], ["worse", "■", "the real vector, below 0"], ["none", "◆", "the real vector, can't be told from 0"], ["none", "○", "a null control"]]],
    ["sweep", [["better", "●", "better"], ["worse", "■", "worse"], ["none", "◆", "can't be told apart"], ["none", "○", "at the floor or the ceiling"]]],
    ["curve", [["better", "●", "above alpha 0"], ["worse", "■", "below alpha 0"], ["none", "◆", "can't be told from it"], ["none", "●", "alpha 0 itself"]]],
    ["heat", [["better", "■", "more right than on clean prompts"], ["worse", "■", "fewer"], ["none", "□", "pale: can't be told from no change"], ["none", "⊘", "at the floor or the ceiling"], ["none", "†", "has a remark: point at it, or open the table"]]],
    ["forest", [["better", "●", "survived"], ["worse", "■", "lost"], ["none", "◆", "inconclusive"], ["none", "○", "no gain to survive, or no verdict"], ["none", "†", "has a remark: point at it, or open the table"]]],
    ["gains", [["better", "■", "fixed, to the right"], ["worse", "▨", "broken, to the left"]]],
  ]);
  const MANY = 12;  // panels shown before somebody asks for more

  const drawn = new Map();  // by element: { view, again }

  const draw = async (name, panel, element) => {
    drawn.get(element)?.view?.remove();
    if (!window.Bokeh?.Plotting) throw new Error("The drawings need assets/bokeh.min.js and assets/bokeh-api.min.js beside this page; the tables below hold the same numbers.");
    const { plot, needs } = rv.drawings.get(name)(panel, element.clientWidth);
    if (needs) {
      element.closest(".panel").style.setProperty("--needs", `${needs}px`);
      element.closest(".panel").style.setProperty("--most", `${2.2 * needs}px`);
    }
    element.replaceChildren();
    drawn.set(element, { view: null, again: () => draw(name, panel, element) });
    drawn.get(element).view = await Bokeh.Plotting.show(plot, element);
    element.dataset.ready = "yes";
  };

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.rvDraw();
    }
  }, { rootMargin: "700px" });

  const figureOf = (name, panel) => {
    const { el } = rv;
    const words = [panel.title, ...panel.notes, "Its numbers are in the table below."].filter(Boolean).join(". ");
    const canvas = el("div", { class: "drawn", role: "img", "aria-label": rv.plain(words) });
    const rows = panel.rows?.length ?? 0;
    canvas.style.minHeight = name === "curve" ? "250px" : name === "heat" ? `${70 + 38 * rows}px` : `${60 + 30 * rows}px`;
    canvas.rvDraw = () => draw(name, panel, canvas).catch((error) => rv.trouble(canvas, error));
    near.observe(canvas);
    const heading = panel.title ? el("h3", {}, rv.plain(panel.title)) : null;
    const notes = panel.notes.length ? el("figcaption", {}, ...panel.notes.map((note) => el("p", { class: "notes" }, rv.plain(note)))) : null;
    const wide = name === "heat";
    const held = wide ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Heat map; it may be wider than the screen" }, canvas) : canvas;
    return el("figure", { class: wide ? "panel wide" : "panel" }, heading, held, notes);
  };

  const forget = (place) => {
    for (const element of place.querySelectorAll(".drawn")) {
      drawn.get(element)?.view?.remove();
      drawn.delete(element);
      near.unobserve(element);
    }
  };

  const choose = async (plot, name, key) => {
    const place = plot.querySelector(".panels");
    plot.dataset.wanted = key;
    let panels;
    try {
      panels = await rv.load(`data/${key}`);
    } catch (error) {
      rv.trouble(place, error);
      return;
    }
    if (plot.dataset.wanted !== key) return;  // somebody chose again meanwhile
    forget(place);
    place.dataset.kind = name;
    const more = rv.el("button", { type: "button" }, `Show the other ${panels.length - MANY}`);
    more.addEventListener("click", () => more.replaceWith(...panels.slice(MANY).map((panel) => figureOf(name, panel))));
    place.replaceChildren(...panels.slice(0, MANY).map((panel) => figureOf(name, panel)), ...(panels.length > MANY ? [more] : []));
  };

  rv.startPlots = () => {
    for (const plot of document.querySelectorAll(".plot")) {
      const name = plot.dataset.plot;
      const select = plot.querySelector("select");
      const only = plot.querySelector("[data-only]");
      if (LEGENDS.get(name).length) {
        plot.append(rv.el("ul", { class: "legend small" }, ...LEGENDS.get(name).map(([call, sign, words]) =>
          rv.el("li", {}, rv.el("span", { class: `sign sign-${call}`, "aria-hidden": "true" }, sign), ` ${words}`))));
      }
      if (select) select.addEventListener("change", () => choose(plot, name, select.value));
      choose(plot, name, select ? select.value : only.dataset.only);
    }
    document.addEventListener("rveval-theme", () => { for (const { again } of [...drawn.values()]) again(); });
  };
})();
