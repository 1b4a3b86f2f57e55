// The cities over the coastlines, on a canvas. All that it shows is in the table of the Overview, too.
import { fetchJson, query } from "../app/api.js";
import { card } from "../app/cards.js";
import { h, svg } from "../app/dom.js";
import { number, said, setClock, temperature, units } from "../app/format.js";
import { clusterNotices, noticeCounts } from "../app/notices.js";
import { decodeCoast, findSpan, makeProjection } from "../app/projection.js";
import { clockText, countText, shortcuts, stateCounts } from "../app/shell.js";
import { makeDrawing, ROUGH_SPAN } from "./map-drawing.js";

const RAD = Math.PI / 180, MAX_POINTS = 6000;
const LAYERS = [["temperature", "Temperature"], ["wind", "Wind"], ["rain", "Rain"], ["state", "State"]];

export async function open(main, data) {
  let { overview } = data, points = null, layer = "temperature", view = null, fitted = null, projection = null, hits = [], popover = null, fetchedAt = 0, frame = 0, timer = 0;
  const map = h("div", { class: "map" });
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-describedby": "map-keys" });
  const about = h("section", { class: "float about", "aria-label": "Map" }), legend = h("section", { class: "float legend", "aria-label": "Legend" }), rough = h("span", { hidden: true }, " Coast: rough.");
  const zoom = h("div", { class: "float zoom", role: "group", "aria-label": "Zoom" }, [["+", "Zoom in", () => zoomBy(1.6)], ["−", "Zoom out", () => zoomBy(1 / 1.6)], ["⤢", "Show all cities", fit]].map(([text, name, act]) => h("button", { type: "button", "aria-label": name, onclick: act }, text)));
  main.append(map);
  map.append(canvas, about, legend, zoom, h("p", { class: "hidden", id: "map-keys" }, "Arrows move, plus and minus zoom, 0 shows all cities, Enter opens the city in the middle. ", h("a", { href: "./", tabindex: -1 }, "The same cities are in the table.")));
  const coast = fetch(new URL("../coast.txt", import.meta.url)).then((response) => response.text()).then(decodeCoast);
  let rings = [];

  async function load() {
    const box = overview.total > MAX_POINTS && view && view.k > fitted.k * 1.3 ? visibleBox() : {};
    points = await fetchJson(`map${query(box)}`);
    fetchedAt = Date.now();
    schedule();
  }
  function visibleBox() {
    const corners = [[0, 0], [size().width, 0], [0, size().height], [size().width, size().height], [size().width / 2, 0], [size().width / 2, size().height]].map(([x, y]) => toDegrees(x, y));
    const lats = corners.map(([lat]) => lat), lons = corners.map(([, lon]) => projection.turn(lon)), clamp = (value, limit) => Math.max(-limit, Math.min(limit, value)).toFixed(2);
    const wrap = (lon) => (((lon + 540) % 360) - 180).toFixed(2);
    if (Math.max(...lons) - Math.min(...lons) > 300) return {};
    return { south: clamp(Math.min(...lats) - 1, 90), north: clamp(Math.max(...lats) + 1, 90), west: wrap(Math.min(...lons) - 1 + view.meridian), east: wrap(Math.max(...lons) + 1 + view.meridian) };
  }

  // The view: its middle in degrees, and k, the pixels of a degree of latitude.
  const size = () => ({ width: map.clientWidth, height: map.clientHeight });
  function aim() {
    const isWorld = size().width / view.k > 60;
    view.meridian = isWorld ? fitted.meridian : view.lon;
    projection = makeProjection(view.meridian, isWorld, view.lat);
    [view.x, view.y] = projection.project(view.lat, view.lon);
  }
  const toScreen = (lat, lon) => {
    const [x, y] = projection.project(lat, lon), { width, height } = size(), scale = view.k / RAD;
    return [width / 2 + (x - view.x) * scale, height / 2 + (y - view.y) * scale];
  };
  const draw = makeDrawing(map, canvas, toScreen, size);
  function toDegrees(x, y) {
    const { width, height } = size(), scale = view.k / RAD, [lat, lon] = projection.invert(view.x + (x - width / 2) / scale, view.y + (y - height / 2) / scale);
    return [Math.max(-89, Math.min(89, lat)), ((((lon + 180) % 360) + 360) % 360) - 180];
  }
  function fit() {
    const { width, height } = size(), [meridian, span] = findSpan(points.lon), isWorld = span > 60;
    const lats = points.lat.length ? points.lat : [-60, 80], low = Math.min(...lats), high = Math.max(...lats);
    if (isWorld) {
      const { project, invert } = makeProjection(meridian, true), [, top] = project(Math.max(high, -30), meridian), [, bottom] = project(Math.min(low, 30), meridian);
      fitted = { lat: invert(0, (top + bottom) / 2)[0], lon: meridian, meridian, k: Math.min((width - 32) / 5.41, (height - 96) / (bottom - top)) * RAD };
    } else {
      const middle = (low + high) / 2, tall = Math.max(8, high - low), wide = Math.max(8, span) * Math.cos(middle * RAD);
      fitted = { lat: middle, lon: meridian, meridian, k: Math.min((height - 220) / tall, (width - 120) / wide) };
    }
    view = { ...fitted };
    remember();
  }
  function remember() {
    aim();
    schedule();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const isFitted = view.k === fitted.k && view.lat === fitted.lat && view.lon === fitted.lon;
      history.replaceState(null, "", query({ view: "map", at: isFitted ? null : [view.lat.toFixed(2), view.lon.toFixed(2), view.k.toFixed(2)].join(",") }));
      if (overview.total > MAX_POINTS) load().catch(() => {});
    }, 400);
  }
  function zoomBy(factor, x = size().width / 2, y = size().height / 2) {
    const [lat, lon] = toDegrees(x, y), { width, height } = size();
    view.k = Math.max(fitted.k * 0.8, Math.min(fitted.k * 64, view.k * factor));
    aim();
    const [newX, newY] = toScreen(lat, lon);
    [view.lat, view.lon] = toDegrees(width / 2 + newX - x, height / 2 + newY - y);
    remember();
  }
  function moveBy(dx, dy) {
    [view.lat, view.lon] = toDegrees(size().width / 2 - dx, size().height / 2 - dy);
    remember();
  }

  function schedule() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (view) rough.hidden = size().width / view.k >= ROUGH_SPAN;
      if (points && view) hits = draw({ points, view, layer, projection, overview, popover, rings });
    });
  }
  function drawPanels() {
    const group = h("div", { class: "switch", role: "group", "aria-label": "Layer" }, LAYERS.map(([name, text]) => h("button", { type: "button", "aria-pressed": String(name === layer), "data-layer": name, onclick: () => {
      layer = name;
      drawPanels();
      about.querySelector(`[data-layer="${name}"]`).focus();
      schedule();
    } }, text)));
    about.replaceChildren(h("h1", {}, countText(overview.total), " ", h("span", { class: "note" }, clockText())),
      h("div", { class: "counts" }, stateCounts(overview.counts), noticeCounts(overview.notices)), group, ...clusterNotices(overview.cluster));
    const scale = () => svg("svg", { viewBox: "0 0 400 32", role: "img", dir: "ltr", "aria-label": said(`Scale from ${temperature(-40)} to ${temperature(45)}`) }, Array.from({ length: 18 }, (_, index) => svg("rect", { class: `t${index}`, x: (index * 400) / 18, width: 400 / 18, height: 14 })),
      [-40, -30, -20, -10, 0, 10, 20, 30, 40].map((celsius) => svg("text", { class: "middle", x: ((celsius + 40) / 5 + 0.5) * (400 / 18), y: 28 }, temperature(celsius))));
    const texts = { temperature: "A dot is a city, or several that lie under it (their middle value).", wind: `The arrow flies with the wind; the number is ${units().wind}.`, rain: `A disc is the rain of the last hour; the number is ${units().rain}.`, state: "Ring: stale. Dashes: waiting. Cross: down." };
    legend.replaceChildren(layer === "temperature" ? scale() : "", h("p", { class: "note" }, `${texts[layer]} Shaded: night.`, rough));
  }

  async function choose(hit) {
    const index = hit.first, id = points.id[index];
    closePopover(false);
    const [found, curves] = await Promise.all([fetchJson(`cities?id=${id}`), fetchJson(`curves?city=${id}`)]);
    const city = found.cities[0];
    if (!city) return;
    const others = hit.members.filter((member) => member !== index), more = hit.count - 1 - Math.min(others.length, 10);
    const node = h("div", { class: "float popover", role: "dialog", "aria-label": city.name, tabindex: -1 }, card(city, curves.curves[id], curves, { link: false }),
      h("p", {}, h("a", { href: `?city=${id}` }, `Open ${city.name}`)),
      others.length || more > 0 ? h("p", { class: "note" }, "Here too: ", others.slice(0, 10).map((member, place) => [place ? ", " : "", h("a", { href: `?city=${points.id[member]}` }, points.name[member])]).flat(), more > 0 ? ` and ${number(more)} more` : "") : "",
      h("button", { type: "button", class: "link", onclick: () => closePopover() }, "Close"));
    popover = { node, id };
    map.append(node);
    const { width, height } = size(), x = hit.x + 280 > width ? hit.x - 284 : hit.x + 24, y = Math.max(8, Math.min(height - node.offsetHeight - 8, hit.y - 20));
    Object.assign(node.style, { left: `${Math.max(8, x)}px`, top: `${y}px` }); // CSSOM, which the policy permits
    node.focus();
    schedule();
  }
  function closePopover(focus = true) {
    if (!popover) return;
    popover.node.remove();
    popover = null;
    if (focus) canvas.focus();
    schedule();
  }
  function nearest(x, y, reach) {
    let best = null, distance = reach;
    for (const hit of hits) {
      const away = Math.hypot(hit.x - x, hit.y - y) - hit.r;
      if (away < distance) [best, distance] = [hit, away];
    }
    return best;
  }

  const pointers = new Map();
  let dragged = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    dragged = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), here = [event.offsetX, event.offsetY];
    if (!before) return;
    if (pointers.size === 1) {
      dragged += Math.abs(here[0] - before[0]) + Math.abs(here[1] - before[1]);
      if (dragged > 4) moveBy(here[0] - before[0], here[1] - before[1]);
    } else {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1], apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      dragged = 99;
      zoomBy(apart(here) / Math.max(1, apart(before)), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    }
    pointers.set(event.pointerId, here);
  });
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (event) => {
    pointers.delete(event.pointerId);
    if (type === "pointercancel" || dragged > 4) return;
    const hit = nearest(event.offsetX, event.offsetY, event.pointerType === "touch" ? 22 : 10);
    if (hit) choose(hit).catch(() => {});
    else closePopover(false);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(2 ** (-event.deltaY / 200), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoomBy(2, event.offsetX, event.offsetY));
  canvas.addEventListener("keydown", (event) => {
    const act = { ArrowLeft: () => moveBy(80, 0), ArrowRight: () => moveBy(-80, 0), ArrowUp: () => moveBy(0, 80), ArrowDown: () => moveBy(0, -80), "+": () => zoomBy(1.6), "=": () => zoomBy(1.6), "-": () => zoomBy(1 / 1.6), 0: fit, Enter: () => {
      const hit = nearest(size().width / 2, size().height / 2, Infinity);
      if (hit) choose(hit).catch(() => {});
    } }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  map.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !popover) return;
    event.stopPropagation();
    closePopover();
  });
  for (const type of ["focus", "blur"]) canvas.addEventListener(type, schedule);
  shortcuts.Escape = () => (popover ? closePopover() : location.assign("./"));
  new MutationObserver(schedule).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);

  await load();
  drawPanels();
  fit();
  const at = new URLSearchParams(location.search).get("at")?.split(",").map(Number);
  if (at?.length === 3 && at.every(Number.isFinite)) {
    view = { lat: Math.max(-85, Math.min(85, at[0])), lon: at[1], k: Math.max(fitted.k * 0.8, Math.min(fitted.k * 64, at[2])) };
    remember();
  }
  // Alerts and warnings are counted, and the cities with an alert get labels before others.
  async function readNotices() {
    overview = await fetchJson("overview");
    if (!about.contains(document.activeElement)) drawPanels();
    schedule();
  }
  new ResizeObserver(() => view && remember()).observe(map);
  coast.then((found) => {
    rings = found;
    schedule();
  });
  return {
    seq: overview.seq,
    cities: () => [],
    draw() {
      drawPanels();
      schedule();
    },
    update() {},
    digest(digest) {
      Object.assign(overview, { counts: digest.counts, total: digest.total, cluster: digest.cluster });
      const { notices } = overview;
      if (digest.alerts !== notices.alerts || digest.warnings !== notices.warnings) readNotices().catch(() => {});
      if (!about.contains(document.activeElement)) drawPanels();
      if (Date.now() - fetchedAt > 20000) load().catch(() => {});
    },
    async catchUp() {
      overview = await fetchJson("overview");
      setClock(overview.now);
      await load();
      drawPanels();
      return overview.seq;
    },
  };
}
