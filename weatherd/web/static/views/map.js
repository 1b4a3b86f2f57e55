// The cities over the coastlines, on a canvas. All that it shows is in the table of the Overview, too.
import { fetchJson, query } from "../app/api.js";
import { card } from "../app/cards.js";
import { h, svg } from "../app/dom.js";
import { band, number, now, rain, said, setClock, temperature, units, wind } from "../app/format.js";
import { mark, STATES, WORDS } from "../app/icons.js";
import { decodeCoast, findSpan, makeProjection } from "../app/projection.js";
import { subsolar } from "../app/sky.js";
import { clockText, countText, pins, shortcuts } from "../app/shell.js";

const RAD = Math.PI / 180, CELL = 4, MAX_POINTS = 6000;
const LAYERS = [["temperature", "Temperature"], ["wind", "Wind"], ["rain", "Rain"], ["state", "State"]];

export async function open(main, data) {
  let { overview } = data, points = null, layer = "temperature", view = null, fitted = null, projection = null, hits = [], popover = null, fetchedAt = 0, frame = 0, timer = 0;
  const map = h("div", { class: "map" });
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-describedby": "map-keys" });
  const about = h("section", { class: "float about", "aria-label": "Map" }), legend = h("section", { class: "float legend", "aria-label": "Legend" });
  const zoom = h("div", { class: "float zoom", role: "group", "aria-label": "Zoom" }, [["+", "Zoom in", () => zoomBy(1.6)], ["−", "Zoom out", () => zoomBy(1 / 1.6)], ["⤢", "Show all cities", fit]].map(([text, name, act]) => h("button", { type: "button", "aria-label": name, onclick: act }, text)));
  main.append(map);
  map.append(canvas, about, legend, zoom, h("p", { class: "hidden", id: "map-keys" }, "Arrows move, plus and minus zoom, 0 shows all cities, Enter opens the city in the middle. ", h("a", { href: "./", tabindex: -1 }, "The same cities are in the table.")));
  const context = canvas.getContext("2d");
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

  const colours = () => {
    const read = (name) => {
      const probe = map.appendChild(h("i", { class: `hidden ${name}` })), { color, backgroundColor } = getComputedStyle(probe);
      probe.remove();
      return [color, backgroundColor];
    };
    const found = { fills: Array.from({ length: 18 }, (_, index) => read(`chip t${index}`)) };
    for (const name of ["fresh", "stale", "down", "waiting", "ink", "ink-2", "inset", "line", "bg", "rain", "wind", "accent"]) [found[name]] = read(["fresh", "stale", "down", "waiting"].includes(name) ? name : `is-${name}`);
    found.isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    return found;
  };
  function schedule() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (points && view) draw();
    });
  }
  function draw() {
    const { width, height } = size(), ratio = devicePixelRatio || 1, paint = colours();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    drawGraticule(paint);
    drawLand(paint);
    drawNight(paint, -0.83);
    drawNight(paint, -12);
    hits = findHits(width, height);
    for (const hit of hits) DRAW[layer](hit, paint);
    drawLabels(paint, width, height);
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.strokeStyle = paint.accent;
      context.lineWidth = 2;
      context.strokeRect(width / 2 - 8, height / 2 - 8, 16, 16);
    }
    canvas.setAttribute("aria-label", `Map of ${countText(overview.total)} by ${layer}`);
  }
  function line(points, close = false) {
    context.beginPath();
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (close) context.closePath();
  }
  const steps = (from, to, step) => Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
  function drawGraticule(paint) {
    const span = size().width / view.k, step = span > 200 ? 30 : span > 60 ? 10 : span > 20 ? 5 : 1, edge = 179.99;
    context.strokeStyle = paint.line;
    context.lineWidth = 1;
    context.globalAlpha = 0.6;
    const reach = span > 60 ? edge : Math.min(edge, span), base = view.meridian, low = span > 60 ? -90 : Math.max(-90, view.lat - span), high = span > 60 ? 90 : Math.min(90, view.lat + span);
    for (const lat of steps(Math.ceil(low / step) * step, high, step)) {
      line(steps(-reach, reach, Math.max(0.2, reach / 60)).map((lon) => toScreen(lat, base + lon)));
      context.stroke();
    }
    for (const lon of [...steps(Math.ceil((base - reach) / step) * step, base + reach, step), base - reach, base + reach]) {
      line(steps(low, high, Math.max(0.2, (high - low) / 60)).map((lat) => toScreen(lat, lon)));
      context.stroke();
    }
    context.globalAlpha = 1;
  }
  function drawLand(paint) {
    const isRough = size().width / view.k < 20;
    context.fillStyle = paint.inset;
    context.strokeStyle = paint["ink-2"];
    context.lineWidth = 0.7;
    context.setLineDash(isRough ? [4, 4] : []);
    for (const ring of rings) {
      // A ring that crosses the edge of the map is cut there: a step of half the world is no coast.
      const runs = [[]];
      let before = null;
      for (const [lat, lon] of ring) {
        const turned = projection.turn(lon);
        if (before !== null && Math.abs(turned - before) > 180) {
          const side = before > 0 ? 179.999 : -179.999;
          runs.at(-1).push(toScreen(lat, view.meridian + side));
          runs.push([toScreen(lat, view.meridian - side)]);
        }
        runs.at(-1).push(toScreen(lat, lon));
        before = turned;
      }
      if (runs.length > 2) runs[0] = [...runs.pop(), ...runs[0]];
      else if (runs.length === 2) { // it goes round the pole, as Antarctica does
        const side = before < 0 ? 179.999 : -179.999, [first, second] = runs.splice(0);
        runs.push([...second, ...first, ...steps(0, 10, 1).map((part) => toScreen(-89.9, view.meridian + side - (side * part) / 5))]);
      }
      for (const run of runs) {
        line(run, true);
        context.fill();
        context.globalAlpha = 0.35;
        context.stroke();
        context.globalAlpha = 1;
      }
    }
    context.setLineDash([]);
  }
  function drawNight(paint, altitude) {
    const [declination, sun] = subsolar(now()), pole = declination < 0 ? 90 : -90, sine = Math.sin(altitude * RAD);
    const a = Math.sin(declination * RAD);
    const edge = steps(-179.99, 179.99, 2).concat(179.99).map((turned) => {
      const lon = view.meridian + turned, b = Math.cos(declination * RAD) * Math.cos((lon - sun) * RAD), share = sine / Math.hypot(a, b);
      if (share >= 1) return [-pole, lon];
      if (share <= -1) return [pole, lon];
      let lat = (Math.atan2(a, b) + Math.sign(pole) * Math.acos(share)) / RAD;
      lat = ((((lat + 180) % 360) + 360) % 360) - 180;
      return [Math.max(-90, Math.min(90, lat)), lon];
    });
    const climb = (lat, turned) => steps(0, 1, 0.1).map((part) => toScreen(lat + (pole - lat) * part, view.meridian + turned));
    const top = steps(-179.99, 179.99, 10).reverse().map((turned) => toScreen(pole, view.meridian + turned));
    line([...edge.map(([lat, lon]) => toScreen(lat, lon)), ...climb(edge.at(-1)[0], 179.99), ...top, ...climb(edge[0][0], -179.99).reverse()], true);
    context.fillStyle = paint.isDark ? "rgb(0 0 0 / .2)" : "rgb(47 87 176 / .07)";
    context.fill();
  }

  // Cells of 4 px hold one dot each: the median of its cities, the worst of their states.
  function findHits(width, height) {
    const cells = new Map(), cell = layer === "wind" ? 26 : CELL;
    points.id.forEach((_, index) => {
      const [x, y] = toScreen(points.lat[index], points.lon[index]);
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) return;
      const key = `${Math.floor(x / cell)},${Math.floor(y / cell)}`, found = cells.get(key);
      if (found) found.members.push(index);
      else cells.set(key, { x, y, members: [index] });
    });
    const list = [...cells.values()];
    const grown = Math.max(1.7, Math.min(6, Math.sqrt((width * height) / Math.max(1, list.length)) / 12));
    for (const hit of list) {
      const known = hit.members.map((index) => points.temperature[index]).filter((value) => value !== null).sort((a, b) => a - b);
      hit.temperature = known.length ? known[Math.floor((known.length - 1) / 2)] / 10 : null;
      hit.count = hit.members.reduce((sum, index) => sum + points.count[index], 0);
      hit.state = STATES.find((state) => hit.members.some((index) => points.state[index] === state));
      hit.first = hit.members.find((index) => points.state[index] === hit.state);
      hit.r = Math.max(grown, hit.count >= 4 ? 2.3 : 1.7);
    }
    return list.sort((a, b) => STATES.indexOf(b.state) - STATES.indexOf(a.state)); // the worst are drawn last
  }
  function disc(x, y, r, fill, stroke) {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.stroke();
    }
  }
  function cross(x, y, r, paint) {
    context.lineWidth = 1.8;
    disc(x, y, r + 3, paint.bg, paint.down);
    context.beginPath();
    context.moveTo(x - r * 0.6, y - r * 0.6);
    context.lineTo(x + r * 0.6, y + r * 0.6);
    context.moveTo(x + r * 0.6, y - r * 0.6);
    context.lineTo(x - r * 0.6, y + r * 0.6);
    context.stroke();
  }
  function stateOver({ x, y, r, state }, paint) {
    if (state === "down") cross(x, y, Math.max(4, r), paint);
    else if (state === "stale" || state === "waiting") {
      context.lineWidth = 1.5;
      context.setLineDash(state === "waiting" ? [2, 2] : []);
      disc(x, y, r + 2, null, paint[state]);
      context.setLineDash([]);
    }
  }
  const DRAW = {
    temperature(hit, paint) {
      context.lineWidth = 0.8;
      if (hit.temperature !== null && hit.state !== "down") disc(hit.x, hit.y, hit.r, paint.fills[band(hit.temperature)][1], hit.r >= 3 && !paint.isDark ? paint.ink : null);
      stateOver(hit, paint);
    },
    state(hit, paint) {
      if (hit.state === "fresh") disc(hit.x, hit.y, hit.r, paint.fresh);
      else stateOver({ ...hit, r: Math.max(3, hit.r) }, paint);
    },
    rain(hit, paint) {
      const amount = points.rain[hit.first];
      disc(hit.x, hit.y, 1.2, paint["ink-2"]);
      if (amount > 0) {
        context.globalAlpha = 0.75;
        disc(hit.x, hit.y, Math.max(2.5, Math.sqrt(amount / 10) * 5), paint.rain);
        context.globalAlpha = 1;
      }
    },
    wind(hit, paint) {
      const speed = points.wind[hit.first], direction = points.direction[hit.first];
      if (speed === null || direction === null) return;
      context.save();
      context.translate(hit.x, hit.y);
      context.rotate((direction + 180) * RAD);
      context.strokeStyle = context.fillStyle = paint.wind;
      context.lineWidth = 1.8;
      line([[0, 7], [0, -3]]);
      context.stroke();
      line([[0, -8], [4, -1.5], [0, -3], [-4, -1.5]], true);
      context.fill();
      context.restore();
    },
  };
  function drawLabels(paint, width, height) {
    const taken = [about, legend, zoom].map((node) => node.getBoundingClientRect()).map(({ x, y, width: w, height: tall }) => [x - map.getBoundingClientRect().x, y - map.getBoundingClientRect().y, w, tall]);
    const pinned = pins(), most = width < 720 ? 10 : 24, hitOf = new Map(hits.flatMap((hit) => hit.members.map((index) => [index, hit])));
    const rank = (index) => (points.id[index] === popover?.id ? 0 : points.state[index] === "down" ? 1 : pinned.includes(points.id[index]) ? 2 : [overview.coldest?.id, overview.warmest?.id].includes(points.id[index]) ? 3 : 4);
    const order = [...hitOf.keys()].sort((a, b) => rank(a) - rank(b) || (points.count.length > 60 ? ((a * 40503) % 65521) - ((b * 40503) % 65521) : a - b)).slice(0, 600); // spread over a long list, which is sorted by name
    let drawn = 0;
    context.textBaseline = "middle";
    for (const index of order) {
      if (drawn >= most) break;
      const { x, y } = hitOf.get(index), value = points.temperature[index], isDown = points.state[index] === "down";
      const text = layer === "temperature" ? (value === null || isDown ? "" : temperature(value / 10)) : layer === "wind" ? wind(points.wind[index] === null ? null : points.wind[index] / 10) : layer === "rain" ? rain(points.rain[index] === null ? null : points.rain[index] / 10) : "";
      const name = points.name[index].slice(0, 28) + (points.state[index] === "fresh" ? "" : `, ${points.state[index]}`);
      context.font = "600 12px system-ui, sans-serif";
      const pill = text ? context.measureText(text).width + 14 : 0, wide = context.measureText(name).width, left = x - (pill ? pill / 2 : -8), box = [left - 2, y - 12, pill + wide + 14, 24];
      if (box[0] < 0 || box[0] + box[2] > width || y < 12 || y > height - 12 || taken.some(([a, b, w, tall]) => box[0] < a + w && a < box[0] + box[2] && box[1] < b + tall && b < box[1] + box[3])) continue;
      taken.push(box);
      drawn += 1;
      context.fillStyle = paint.bg;
      context.globalAlpha = 0.78;
      context.beginPath();
      context.roundRect(left + pill, y - 9, wide + 10, 18, 4);
      context.fill();
      context.globalAlpha = 1;
      if (pill) {
        const [ink, fill] = layer === "temperature" ? paint.fills[band(value / 10)] : [paint.bg, layer === "wind" ? paint.wind : paint.rain];
        context.beginPath();
        context.roundRect(left, y - 10, pill, 20, 10);
        context.fillStyle = fill;
        context.fill();
        context.lineWidth = points.id[index] === popover?.id || points.state[index] === "stale" ? 2.5 : 1;
        context.strokeStyle = points.id[index] === popover?.id ? paint.accent : points.state[index] === "stale" ? paint.stale : paint.bg;
        context.stroke();
        context.fillStyle = ink;
        context.fillText(text, left + 7, y + 0.5);
      }
      context.fillStyle = paint.ink;
      context.fillText(name, left + pill + 5, y + 0.5);
    }
  }

  function drawPanels() {
    const group = h("div", { class: "switch", role: "group", "aria-label": "Layer" }, LAYERS.map(([name, text]) => h("button", { type: "button", "aria-pressed": String(name === layer), "data-layer": name, onclick: () => {
      layer = name;
      drawPanels();
      about.querySelector(`[data-layer="${name}"]`).focus();
      schedule();
    } }, text)));
    about.replaceChildren(h("h1", {}, countText(overview.total), " ", h("span", { class: "note" }, clockText())),
      h("div", { class: "counts" }, ["fresh", "stale", "down", "waiting"].filter((state) => overview.counts[state]).map((state) => h("span", {}, mark(state), ` ${number(overview.counts[state])} ${WORDS[state].toLowerCase()}`))), group);
    const scale = () => svg("svg", { viewBox: "0 0 400 32", role: "img", dir: "ltr", "aria-label": said(`Scale from ${temperature(-40)} to ${temperature(45)}`) }, Array.from({ length: 18 }, (_, index) => svg("rect", { class: `t${index}`, x: (index * 400) / 18, width: 400 / 18, height: 14 })),
      [-40, -30, -20, -10, 0, 10, 20, 30, 40].map((celsius) => svg("text", { class: "middle", x: ((celsius + 40) / 5 + 0.5) * (400 / 18), y: 28 }, temperature(celsius))));
    const texts = { temperature: "A dot is a city, or several that lie under it (their middle value).", wind: `The arrow flies with the wind; the number is ${units().wind}.`, rain: `A disc is the rain of the last hour; the number is ${units().rain}.`, state: "Ring: stale. Dashes: waiting. Cross: down." };
    legend.replaceChildren(layer === "temperature" ? scale() : "", h("p", { class: "note" }, `${texts[layer]} ${document.documentElement.dataset.theme === "light" ? "Shaded" : "Dark"}: night.`));
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
      Object.assign(overview, { counts: digest.counts, total: digest.total });
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
