// The pictures of the page: a menu of choices, the panels of the one that was chosen, embedded by Bokeh when they come
// into sight and again when the theme changes. What is drawn was declared where the report was made.
"use strict";
(() => {
  const MANY = 12;  // panels shown before somebody asks for more
  const embedded = new Map();  // by element: what is embedded there
  let declared = null;  // the figures of all kinds, and what their colours mean

  // A figure as this panel and this theme have it: named models get the panel's attributes, colours are those of the
  // page's styles that they stand for.
  const made = ({ kind, fill }) => {
    const styles = getComputedStyle(document.documentElement);
    const colours = new Map(Object.entries(declared.colours).map(([colour, name]) => [colour, styles.getPropertyValue(name).trim()]));
    const coloured = (key, value) => (typeof value === "string" && colours.has(value) ? colours.get(value) : value);
    const filled = (key, value) => {
      const own = value?.attributes && new Map(Object.entries(fill)).get(value.attributes.name);
      return own ? { ...value, attributes: { ...value.attributes, ...own } } : value;
    };
    return JSON.parse(JSON.stringify(JSON.parse(JSON.stringify(declared.figures[kind]), filled)), coloured);
  };

  // What the pointer shows: the lines of the topmost point beneath it, in the page's own box. Bokeh asks at every move.
  let pointer = { x: 0, y: 0 };
  document.addEventListener("pointermove", (event) => {
    pointer = { x: event.clientX, y: event.clientY };
    if (event.target instanceof Element && event.target.closest(".drawn")) rv.untip();
  }, { capture: true });
  const tell = (source, { index }) => {
    rv.tip(source.get_column("hover")[index].split("\n"), pointer.x, pointer.y);
    return null;
  };

  const draw = async (element) => {
    const held = embedded.get(element);
    if (!window.Bokeh?.embed) throw new Error("The drawings need assets/bokeh.min.js beside this page; the tables below hold the same numbers.");
    declared ??= await rv.load("data/figures");
    held.views?.clear();
    element.replaceChildren();
    held.views = await Bokeh.embed.embed_item(made(held), element);
    for (const { model } of held.views.roots) for (const tool of model.toolbar?.tools ?? []) tool.tooltips = tell;
    element.dataset.ready = "yes";
  };
  const drawOrSay = (element) => draw(element).catch((error) => rv.trouble(element, error));

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      drawOrSay(target);
    }
  }, { rootMargin: "700px" });

  const figureOf = ({ title, notes, fill }, kind) => {
    const { el } = rv;
    const words = [title, ...notes, "Its numbers are in the table below."].filter(Boolean).join(". ");
    const canvas = el("div", { class: "drawn", role: "img", "aria-label": rv.plain(words) });
    const { height, min_width: width } = fill.figure;
    canvas.style.minHeight = `${height}px`;
    embedded.set(canvas, { kind, fill, views: null });
    near.observe(canvas);
    const heading = title ? el("h3", {}, rv.plain(title)) : null;
    const caption = notes.length ? el("figcaption", {}, ...notes.map((note) => el("p", { class: "notes" }, rv.plain(note)))) : null;
    if (width) [canvas.style.minWidth, canvas.style.maxWidth] = [`${width}px`, `${2.2 * width}px`];
    const held = width ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "It may be wider than the screen" }, canvas) : canvas;
    return el("figure", { class: "panel" }, heading, held, caption);
  };

  const forget = (place) => {
    for (const element of place.querySelectorAll(".drawn")) {
      embedded.get(element)?.views?.clear();
      embedded.delete(element);
      near.unobserve(element);
    }
  };

  const choose = async (plot, key) => {
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
    place.dataset.kind = plot.dataset.kind;
    const figures = (some) => some.map((panel) => figureOf(panel, plot.dataset.kind));
    const more = rv.el("button", { type: "button" }, `Show the other ${panels.length - MANY}`);
    more.addEventListener("click", () => more.replaceWith(...figures(panels.slice(MANY))));
    place.replaceChildren(...figures(panels.slice(0, MANY)), ...(panels.length > MANY ? [more] : []));
  };

  rv.startPictures = () => {
    for (const plot of document.querySelectorAll(".plot")) {
      const select = plot.querySelector("select");
      if (select) select.addEventListener("change", () => choose(plot, select.value));
      choose(plot, select ? select.value : plot.querySelector("[data-only]").dataset.only);
    }
    document.addEventListener("rveval-theme", () => {
      for (const [element, { views }] of embedded) if (views) drawOrSay(element);
    });
  };
})();
