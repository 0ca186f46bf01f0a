// The drawings, by Bokeh: a curve, a heat map, a forest of intervals, bars. Each takes a panel of data and draws it into
// an element; numbers come as they are to be drawn, words as they are to be read.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (call) => css(call === "better" ? "--plot-better" : call === "worse" ? "--plot-worse" : "--plot-none");
  const MARKERS = new Map([["better", "circle"], ["worse", "square"], ["unclear", "diamond"]]);
  const marker = (call) => MARKERS.get(call) ?? "circle";
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";

  // Bokeh takes text between certain marks for formulas and would look for a renderer; a label is just a label.
  const label = (text) => rv.plain(text).replace(/\$\$|\\(?=[[(\])])/g, (found) => [...found].join("\u200A") + "\u200A");

  // Labels as categories have to differ; two that were shortened to the same one get a number.
  const distinct = (labels, width) => {
    const seen = new Map();
    return labels.map((text) => {
      const plain = label(text);
      const half = Math.floor((width - 1) / 2);
      const short = plain.length > width ? `${plain.slice(0, width - 1 - half)}…${plain.slice(-half)}` : plain || "(no name)";
      const times = (seen.get(short) ?? 0) + 1;
      seen.set(short, times);
      return times > 1 ? `${short} (${times})` : short;
    });
  };

  const figure = (options) => {
    const made = Bokeh.Plotting.figure({
      sizing_mode: "stretch_width", tools: "", toolbar_location: null, min_border: 0, min_border_right: 12,
      background_fill_color: null, border_fill_color: null, outline_line_color: null, ...options,
    });
    for (const axis of made.axes) {
      Object.assign(axis, {
        axis_label_text_font: FONT, axis_label_text_font_style: "normal", axis_label_text_font_size: "12px",
        major_label_text_font: FONT, major_label_text_font_size: "12px", minor_tick_line_color: null, axis_line_color: css("--line"),
        major_tick_line_color: null, major_label_text_color: css("--ink"), axis_label_text_color: css("--quiet"),
      });
    }
    for (const grid of [...made.xgrids, ...made.ygrids]) grid.grid_line_color = css("--line");
    return made;
  };

  // What the pointer shows: the lines of the topmost point beneath it, in the page's own box. Bokeh asks at every move.
  let pointer = { x: 0, y: 0 };
  document.addEventListener("pointermove", (event) => {
    pointer = { x: event.clientX, y: event.clientY };
    if (event.target instanceof Element && event.target.closest(".drawn")) rv.untip();
  }, { capture: true });
  const hover = (plot, renderer) => {
    const tooltips = (source, { index }) => {
      rv.tip(source.data.tip[index], pointer.x, pointer.y);
      return null;
    };
    plot.add_tools(new Bokeh.HoverTool({ renderers: [renderer], tooltips }));
    return renderer;
  };

  const zero = (plot, dimension) => plot.add_layout(new Bokeh.Span({ location: 0, dimension, line_color: css("--quiet"), line_width: 1, level: "underlay" }));

  const curve = (panel) => {
    const plot = figure({ height: 250, x_axis_label: "alpha", y_axis_label: "% right" });
    const { x, value, low, high } = panel;
    const source = new Bokeh.ColumnDataSource({ data: { x, value, low, high, fill: panel.call.map(colour), shape: panel.call.map((call) => call === "" ? "circle" : marker(call)), tip: panel.tip } });
    if (panel.base !== null) plot.add_layout(new Bokeh.Span({ location: panel.base, dimension: "width", line_color: css("--plot-none"), line_dash: "dashed", line_width: 1 }));
    plot.varea({ field: "x" }, { field: "low" }, { field: "high" }, { source, fill_color: css("--plot-better"), fill_alpha: 0.16 });
    plot.segment({ field: "x" }, { field: "low" }, { field: "x" }, { field: "high" }, { source, line_color: { field: "fill" }, line_width: 1.5 });
    plot.line({ field: "x" }, { field: "value" }, { source, line_color: css("--plot-better"), line_width: 2 });
    const dots = plot.scatter({ field: "x" }, { field: "value" }, { source, size: 10, marker: { field: "shape" }, fill_color: { field: "fill" }, line_color: css("--paper"), line_width: 1.5 });
    if (x.length <= 6) plot.xaxes[0].ticker = new Bokeh.FixedTicker({ ticks: x, minor_ticks: [] });
    plot.xgrids[0].visible = false;
    plot.yaxes[0].axis_line_color = null;
    hover(plot, dots);
    return { plot };
  };

  const heat = (panel, width) => {
    const rows = distinct(panel.rows, width < 700 ? 20 : 40);
    const columns = distinct(panel.columns, 24);
    const reach = Math.max(...panel.value.map(Math.abs), 1);
    const sure = (call) => call === "better" || call === "worse";
    const source = new Bokeh.ColumnDataSource({ data: {
      x: panel.column.map((at) => columns[at]), y: panel.row.map((at) => rows[at]), text: panel.text.map((text, at) => panel.call[at] === "edge" ? `⊘ ${text}` : text), tip: panel.tip,
      fill: panel.value.map((value, at) => panel.call[at] === "edge" ? css("--plot-none") : colour(value > 0 ? "better" : value < 0 ? "worse" : "")),
      alpha: panel.value.map((value, at) => sure(panel.call[at]) ? 0.2 + 0.45 * Math.abs(value) / reach : 0.06),
    } });
    const plot = figure({ height: 70 + 38 * rows.length, x_range: columns, y_range: [...rows].reverse(), x_axis_location: "above" });
    const squares = plot.rect({ field: "x" }, { field: "y" }, 0.96, 0.9, { source, fill_color: { field: "fill" }, fill_alpha: { field: "alpha" }, line_color: null });
    plot.text({ field: "x" }, { field: "y" }, { field: "text" }, { source, text_align: "center", text_baseline: "middle", text_font: FONT, text_font_size: "13px", text_color: css("--ink") });
    plot.xgrids[0].visible = plot.ygrids[0].visible = false;
    for (const axis of plot.axes) axis.axis_line_color = null;
    if (columns.some((name) => name.length > 11)) plot.xaxes[0].major_label_orientation = 0.6;
    const needs = 90 + 62 * columns.length + 6 * Math.max(...rows.map((name) => name.length));
    hover(plot, squares);
    return { plot, needs };
  };

  const lines = (panel, options) => {
    const rows = distinct(panel.rows, 24);
    return { rows, plot: figure({ height: 60 + 30 * rows.length, y_range: [...rows].reverse(), ...options }) };
  };

  const forest = (panel) => {
    const reach = panel.reach * 1.08 || 1;
    const { rows, plot } = lines(panel, { x_axis_label: panel.axis ?? "gain here − gain clean, points", x_range: [-reach, reach] });
    const source = new Bokeh.ColumnDataSource({ data: { y: rows, value: panel.value, low: panel.low, high: panel.high, fill: panel.call.map(colour), shape: panel.call.map(marker), inside: panel.call.map((call) => MARKERS.has(call) ? colour(call) : css("--paper")), tip: panel.tip } });
    zero(plot, "height");
    plot.segment({ field: "low" }, { field: "y" }, { field: "high" }, { field: "y" }, { source, line_color: { field: "fill" }, line_width: 2.5 });
    const dots = plot.scatter({ field: "value" }, { field: "y" }, { source, size: 11, marker: { field: "shape" }, fill_color: { field: "inside" }, line_color: { field: "fill" }, line_width: 2 });
    plot.ygrids[0].visible = false;
    plot.yaxes[0].axis_line_color = null;
    hover(plot, dots);
    return { plot };
  };

  // The real vector as a line with its interval, null controls as small circles; those of one row do not hide each other.
  const nulls = (panel) => {
    const pad = 0.06 * (panel.to - panel.from) || 1;
    const { rows, plot } = lines(panel, { x_axis_label: "against the baseline, points", x_range: [panel.from - pad, panel.to + pad] });
    const [value, low, high] = panel.real;
    const own = colour(panel.call);
    zero(plot, "height");
    plot.add_layout(new Bokeh.BoxAnnotation({ left: low, right: high, fill_color: own, fill_alpha: 0.14, line_color: null, level: "underlay" }));
    plot.add_layout(new Bokeh.Span({ location: value, dimension: "height", line_color: own, line_width: 2, level: "underlay" }));
    const dots = new Bokeh.ColumnDataSource({ data: { x: panel.value, y: panel.row.map((at, place) => [rows[at], 0.09 * (place * 3 % 7 - 3)]), tip: panel.tip } });
    const real = new Bokeh.ColumnDataSource({ data: { x: rows.map(() => value), y: rows, tip: panel.realtip } });
    const small = plot.scatter({ field: "x" }, { field: "y" }, { source: dots, size: 7, marker: "circle", fill_color: css("--paper"), fill_alpha: 0.6, line_color: css("--plot-none"), line_width: 1.5 });
    const large = plot.scatter({ field: "x" }, { field: "y" }, { source: real, size: 12, marker: marker(panel.call), fill_color: own, line_color: css("--paper"), line_width: 1.5 });
    plot.ygrids[0].visible = false;
    plot.yaxes[0].axis_line_color = null;
    hover(plot, small);
    hover(plot, large);
    return { plot };
  };

  // A number of items to count in, no larger than this one: 1, 2 or 5 and zeros.
  const round = (number) => {
    const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
    return power * (number >= 5 * power ? 5 : number >= 2 * power ? 2 : 1);
  };

  const gains = (panel) => {
    const { rows, plot } = lines(panel, { x_axis_label: "broken  ·  items  ·  fixed", x_range: [-panel.reach * 1.08, panel.reach * 1.08] });
    const left = panel.broken.map((number) => -number);
    const source = new Bokeh.ColumnDataSource({ data: { y: rows, fixed: panel.fixed, left, tip: panel.tip } });
    const fixed = plot.hbar({ field: "y" }, 0.55, { field: "fixed" }, 0, { source, fill_color: css("--plot-better"), line_color: null });
    const broken = plot.hbar({ field: "y" }, 0.55, 0, { field: "left" }, { source, fill_color: css("--plot-worse"), line_color: null, hatch_pattern: "right_diagonal_line", hatch_color: css("--paper"), hatch_alpha: 0.5 });
    zero(plot, "height");
    const step = round(panel.reach / 2);
    const ticks = [];
    for (let tick = -Math.floor(panel.reach / step) * step; tick <= panel.reach; tick += step) ticks.push(tick);
    plot.xaxes[0].ticker = plot.xgrids[0].ticker = new Bokeh.FixedTicker({ ticks, minor_ticks: [] });
    plot.xaxes[0].major_label_overrides = new Map(ticks.map((tick) => [tick, rv.count(Math.abs(tick))]));
    plot.ygrids[0].visible = false;
    plot.yaxes[0].axis_line_color = null;
    hover(plot, fixed);
    hover(plot, broken);
    return { plot };
  };

  rv.drawings = new Map([["curve", curve], ["heat", heat], ["forest", forest], ["sweep", forest], ["nulls", nulls], ["gains", gains]]);
})();
