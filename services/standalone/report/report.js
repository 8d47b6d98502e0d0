"use strict";
// Draws every chart of the report over one span of time, which all of them share: dragging, the
// buttons and the keys choose it, and the pointer reads all charts at one moment.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const whole = [0, Math.max(figures.end, 1000)];
  const SHORTEST_MS = 2000;
  const FONT = "12px system-ui, sans-serif";
  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const STEPS = [
    SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
  ];
  let view = whole.slice();
  let cross = null; // the moment under the pointer, ms from the begin
  let drag = null; // where a selection began, and where it is now
  let colours = {};
  let asked = false;

  const charts = figures.charts.map((chart) => {
    const canvas = document.getElementById(chart.id);
    const readout = canvas.parentElement.querySelector(".readout");
    return { ...chart, canvas, readout, ink: canvas.getContext("2d") };
  });

  // ---- words and numbers

  const formats = new Map();
  function told(number, places) {
    if (!formats.has(places)) {
      formats.set(places, new Intl.NumberFormat(figures.lang, {
        minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: "always",
      }));
    }
    const least = 0.5 / 10 ** places; // what rounds to zero has no sign
    return formats.get(places).format(Math.abs(number) < least ? 0 : number).replace("-", "−");
  }

  function clock(ms, step) {
    const iso = new Date(figures.begin + ms).toISOString();
    if (step >= DAY) return iso.slice(5, 10);
    return step >= MINUTE ? iso.slice(11, 16) : iso.slice(11, 19);
  }

  // ---- scales

  function stepOf(range, count) {
    const rough = range / Math.max(count, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * ([1, 2, 5].find((digit) => digit * power >= rough) ?? 10);
  }

  function firstAfter(sorted, moment) { // the index of the first entry that is not before it
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < moment) low = middle + 1; else high = middle;
    }
    return low;
  }

  function seen(line) { // what of a line is in view, and one point more on each side
    return [
      Math.max(firstAfter(line.t, view[0]) - 1, 0),
      Math.min(firstAfter(line.t, view[1]) + 1, line.t.length),
    ];
  }

  function rangeOf(chart) {
    if (chart.range) return chart.range;
    let low = Infinity, high = -Infinity;
    const include = (number) => { low = Math.min(low, number); high = Math.max(high, number); };
    for (const line of chart.lines) {
      const [from, to] = seen(line);
      for (let at = from; at < to; at += 1) {
        include((line.lo ?? line.v)[at]);
        include((line.hi ?? line.v)[at]);
      }
    }
    for (const fill of chart.fills ?? []) if (inView(fill.t)) include(fill.price);
    if (low > high) return [0, 1];
    const reach = (high - low) * 0.75; // an order further away than that would flatten the price
    const [least, most] = [low - reach, high + reach];
    for (const order of chart.orders ?? []) {
      const near = order.price >= least && order.price <= most;
      if (order.protects && near && order.from <= view[1] && order.to >= view[0]) include(order.price);
    }
    if (chart.zero) include(0);
    const margin = (high - low) * 0.06 || Math.abs(high) * 0.001 || 1;
    return [chart.zero && low === 0 ? 0 : low - margin, chart.zero && high === 0 ? 0 : high + margin];
  }

  const inView = (moment) => moment >= view[0] && moment <= view[1];

  // ---- drawing

  function scale(chart) { // its levels, and how much room their labels take
    const { canvas, ink } = chart;
    ink.font = FONT;
    const [low, high] = rangeOf(chart);
    const step = stepOf(high - low, canvas.clientHeight / 45);
    const places = Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)));
    const levels = [];
    for (let level = Math.ceil(low / step - 1e-9); level * step <= high + step * 1e-9; level += 1) {
      levels.push(level * step);
    }
    chart.scale = { low, high, levels, places };
    return 10 + Math.max(...levels.map((level) => ink.measureText(told(level, places)).width));
  }

  function draw(chart, gutter) {
    const { canvas, ink } = chart;
    const { low, high, levels, places } = chart.scale;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.font = FONT;
    const box = { left: 1, right: width - gutter, top: 8, bottom: height - 20 };
    const x = (moment) => box.left + (moment - view[0]) / (view[1] - view[0]) * (box.right - box.left);
    const share = (number) => (number - low) / (high - low);
    const y = (number) => chart.down
      ? box.top + share(number) * (box.bottom - box.top)
      : box.bottom - share(number) * (box.bottom - box.top);
    chart.box = box;
    drawGrid(ink, box, { levels, places, x, y });
    ink.save();
    ink.beginPath();
    ink.rect(box.left, box.top - 4, box.right - box.left, box.bottom - box.top + 8);
    ink.clip();
    drawShades(ink, box, x);
    for (const line of chart.lines) drawLine(ink, line, x, y);
    for (const order of chart.orders ?? []) drawOrder(ink, order, x, y);
    const fills = (chart.fills ?? []).filter((fill) => inView(fill.t));
    const room = Math.min(1, (box.right - box.left) / 10 / fills.length); // less where they crowd
    for (const fill of fills) {
      drawFill(ink, fill, Math.max(3.5, (4 + 4 * Math.sqrt(fill.qty / chart.most)) * room), x, y);
    }
    drawPointer(ink, box, x);
    ink.restore();
  }

  function drawGrid(ink, box, { levels, places, x, y }) {
    ink.strokeStyle = colours.grid;
    ink.fillStyle = colours.faint;
    ink.lineWidth = 1;
    ink.textBaseline = "middle";
    ink.textAlign = "left";
    for (const level of levels) {
      const at = Math.round(y(level)) + 0.5;
      stroke(ink, box.left, at, box.right, at);
      ink.fillText(told(level, places), box.right + 6, Math.min(Math.max(at, 7), box.bottom));
    }
    const room = (box.right - box.left) / 80;
    const step = STEPS.find((each) => (view[1] - view[0]) / each <= room) ?? STEPS.at(-1);
    ink.textBaseline = "alphabetic";
    ink.textAlign = "center";
    const begin = figures.begin + view[0];
    for (let at = Math.ceil(begin / step) * step; at <= figures.begin + view[1]; at += step) {
      const label = clock(at - figures.begin, step);
      const half = ink.measureText(label).width / 2;
      const place = x(at - figures.begin);
      if (place - half >= 0 && place + half <= box.right) ink.fillText(label, place, box.bottom + 15);
    }
  }

  function drawShades(ink, box, x) {
    let free = -Infinity; // no two labels on one another
    ink.textBaseline = "top";
    ink.textAlign = "left";
    for (const shade of figures.shades) {
      const from = Math.max(x(shade.from), box.left), to = Math.min(x(shade.to), box.right);
      if (to < box.left || from > box.right) continue;
      ink.fillStyle = shade.halt ? colours.halt : colours.breaker;
      ink.globalAlpha = 0.2;
      ink.fillRect(from, box.top - 4, Math.max(to - from, 2), box.bottom - box.top + 8);
      ink.globalAlpha = 1;
      ink.fillStyle = colours.text;
      const place = Math.max(from + 4, free);
      if (place + ink.measureText(shade.label).width <= Math.max(to, box.left)) {
        ink.fillText(shade.label, place, box.top - 2);
        free = place + ink.measureText(shade.label).width + 8;
      }
    }
  }

  function drawLine(ink, line, x, y) {
    const colour = colours[line.colour];
    const [from, to] = seen(line);
    ink.strokeStyle = colour;
    ink.fillStyle = colour;
    ink.lineWidth = 1.5;
    ink.lineJoin = "round";
    if (line.style === "bars") {
      for (let at = from; at < to; at += 1) {
        ink.strokeStyle = line.v[at] > 0 ? colours.buy : colours.sell;
        stroke(ink, x(line.t[at]), y(0), x(line.t[at]), y(line.v[at]));
      }
      return;
    }
    for (const [begin, end] of pieces(line, from, to)) {
      if (line.lo) fillBetween(ink, line.t, line.lo, line.hi, begin, end, x, y, 0.3);
      if (line.style === "area") {
        fillBetween(ink, line.t, line.t.map(() => 0), line.v, begin, end, x, y, 0.2);
      }
      ink.beginPath();
      for (let at = begin; at < end; at += 1) ink.lineTo(x(line.t[at]), y(line.v[at]));
      ink.stroke();
      if (end - begin === 1) ink.fillRect(x(line.t[begin]) - 1, y(line.v[begin]) - 1, 3, 3);
    }
  }

  function* pieces(line, from, to) { // a line is broken where nothing was known for long
    let begin = from;
    for (let at = from + 1; at < to; at += 1) {
      if (line.t[at] - line.t[at - 1] > line.gap) {
        yield [begin, at];
        begin = at;
      }
    }
    if (begin < to) yield [begin, to];
  }

  function fillBetween(ink, t, low, high, begin, end, x, y, alpha) {
    ink.globalAlpha = alpha;
    ink.beginPath();
    for (let at = begin; at < end; at += 1) ink.lineTo(x(t[at]), y(high[at]));
    for (let at = end - 1; at >= begin; at -= 1) ink.lineTo(x(t[at]), y(low[at]));
    ink.fill();
    ink.globalAlpha = 1;
  }

  function drawOrder(ink, order, x, y) {
    ink.strokeStyle = colours[order.colour];
    ink.lineWidth = order.dash.length ? 1.25 : 2.5;
    ink.setLineDash(order.dash);
    const from = x(order.from);
    stroke(ink, from, y(order.price), Math.max(x(order.to), from + 4), y(order.price));
    ink.setLineDash([]);
  }

  function drawFill(ink, fill, reach, x, y) {
    const towards = fill.side === "buy" ? -1 : 1; // a buy points up, a sell down
    const [px, py] = [x(fill.t), y(fill.price)];
    ink.beginPath();
    ink.moveTo(px, py + towards * reach);
    ink.lineTo(px - reach, py - towards * reach * 0.8);
    ink.lineTo(px + reach, py - towards * reach * 0.8);
    ink.closePath();
    ink.fillStyle = colours[fill.side];
    ink.fill();
    ink.strokeStyle = colours.surface;
    ink.lineWidth = 1;
    ink.stroke();
  }

  function drawPointer(ink, box, x) {
    if (drag) {
      const [from, to] = drag.map(x);
      ink.fillStyle = colours.faint;
      ink.globalAlpha = 0.25;
      ink.fillRect(Math.min(from, to), box.top, Math.abs(to - from), box.bottom - box.top);
      ink.globalAlpha = 1;
    }
    if (cross !== null && inView(cross)) {
      ink.strokeStyle = colours.faint;
      ink.lineWidth = 1;
      stroke(ink, Math.round(x(cross)) + 0.5, box.top, Math.round(x(cross)) + 0.5, box.bottom);
    }
  }

  function stroke(ink, fromX, fromY, toX, toY) {
    ink.beginPath();
    ink.moveTo(fromX, fromY);
    ink.lineTo(toX, toY);
    ink.stroke();
  }

  // ---- the moment under the pointer

  function read(chart) {
    if (cross === null) {
      chart.readout.textContent = chart.hint;
      return;
    }
    const parts = [clock(cross, SECOND)];
    for (const line of chart.lines) {
      const at = firstAfter(line.t, cross + 1) - 1;
      if (at >= 0 && cross - line.t[at] <= line.gap && line.style !== "bars") {
        parts.push(`${line.name} ${told(line.v[at], line.places)}`);
      }
    }
    const reach = (view[1] - view[0]) / (chart.box.right - chart.box.left) * 6;
    const near = (chart.fills ?? []).filter((fill) => Math.abs(fill.t - cross) <= reach);
    for (const fill of near.slice(0, 2)) parts.push(fill.label);
    chart.readout.textContent = parts.join(" · ");
  }

  function redraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const gutter = Math.max(...charts.map(scale)); // one for all, so that moments stand in line
      charts.forEach((chart) => draw(chart, gutter));
      charts.forEach(read);
    });
  }

  // ---- choosing the span

  function show(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST_MS), whole[1] - whole[0]);
    const begin = Math.min(Math.max((from + to - length) / 2, whole[0]), whole[1] - length);
    view = [begin, begin + length];
    redraw();
  }

  function zoom(factor) {
    const middle = cross !== null && inView(cross) ? cross : (view[0] + view[1]) / 2;
    const half = (view[1] - view[0]) / 2 * factor;
    show(middle - half, middle + half);
  }

  const shift = (share) => show(...view.map((edge) => edge + (view[1] - view[0]) * share));
  const acts = {
    "+": () => zoom(0.5),
    "-": () => zoom(2),
    "<": () => shift(-0.5),
    ">": () => shift(0.5),
    "0": () => { cross = null; show(...whole); },
  };
  const KEYS = { ArrowLeft: "<", ArrowRight: ">", "+": "+", "=": "+", "-": "-", 0: "0", Escape: "0" };

  for (const button of document.querySelectorAll("button[data-act]")) {
    button.addEventListener("click", acts[button.dataset.act]);
  }
  for (const chart of charts) {
    const { canvas } = chart;
    const moment = (event) => {
      const share = (event.offsetX - chart.box.left) / (chart.box.right - chart.box.left);
      return view[0] + Math.min(Math.max(share, 0), 1) * (view[1] - view[0]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      cross = moment(event);
      if (event.pointerType === "mouse" && event.button === 0) {
        drag = [cross, cross];
        canvas.setPointerCapture(event.pointerId);
      }
      redraw();
    });
    canvas.addEventListener("pointermove", (event) => {
      cross = moment(event);
      if (drag) drag[1] = cross;
      redraw();
    });
    const release = () => {
      if (!drag) return;
      const [from, to] = drag[0] < drag[1] ? drag : [drag[1], drag[0]];
      drag = null;
      if ((to - from) / (view[1] - view[0]) > 0.01) show(from, to); else redraw();
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && !drag) { cross = null; redraw(); }
    });
    canvas.addEventListener("dblclick", acts["0"]);
    canvas.addEventListener("keydown", (event) => {
      const act = acts[KEYS[event.key]];
      if (act && !event.ctrlKey && !event.metaKey) { event.preventDefault(); act(); }
    });
  }

  // ---- the page around

  function dress() {
    const style = getComputedStyle(document.documentElement);
    const names = ["text", "faint", "grid", "surface", "price", "buy", "sell", "stop", "target", "halt", "breaker"];
    colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    redraw();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
  const watcher = new ResizeObserver(redraw);
  charts.forEach((chart) => watcher.observe(chart.canvas));
  dress();
})();
