// What the map shows, drawn on its canvas: coast, night, dots or arrows, labels.
import { h } from "../app/dom.js";
import { band, now, rain, temperature, wind } from "../app/format.js";
import { STATES } from "../app/icons.js";
import { subsolar } from "../app/sky.js";
import { countText, pins } from "../app/shell.js";

const RAD = Math.PI / 180, CELL = 4, RANKS = Object.fromEntries(STATES.map((state, rank) => [state, rank]));
export const ROUGH_SPAN = 20; // degrees of longitude; below it, the coast is too coarse
export const steps = (from, to, step) => Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

// toScreen(lat, lon) → [x, y] and size() → {width, height} are those of the map.
export function makeDrawing(map, canvas, toScreen, size) {
  const context = canvas.getContext("2d");
  let points, view, layer, projection, overview, popover, rings; // of the scene that is being drawn

  let palette = { theme: null }, ranked = { points: null }; // kept from one drawing to the next, because they take long
  const colours = () => {
    const theme = [document.documentElement.dataset.theme, ...["(prefers-color-scheme: dark)", "(prefers-contrast: more)"].map((query) => matchMedia(query).matches)].join();
    if (palette.theme === theme) return palette;
    const read = (name) => {
      const probe = map.appendChild(h("i", { class: `hidden ${name}` })), { color, backgroundColor } = getComputedStyle(probe);
      probe.remove();
      return [color, backgroundColor];
    };
    const found = { fills: Array.from({ length: 18 }, (_, index) => read(`chip t${index}`)) };
    for (const name of ["fresh", "stale", "down", "waiting", "ink", "ink-2", "inset", "line", "bg", "rain", "wind", "accent"]) [found[name]] = read(["fresh", "stale", "down", "waiting"].includes(name) ? name : `is-${name}`);
    found.isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    return (palette = { ...found, theme });
  };
  // Draw a scene; return its dots, for the pointer.
  function draw(scene) {
    ({ points, view, layer, projection, overview, popover, rings } = scene);
    const { width, height } = size(), ratio = devicePixelRatio || 1, paint = colours();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    drawGraticule(paint);
    drawLand(paint);
    drawNight(paint, -0.83);
    drawNight(paint, -12);
    const hits = findHits(width, height);
    if (layer === "temperature") drawDots(paint, hits);
    else for (const hit of hits) DRAW[layer](hit, paint);
    drawLabels(paint, hits, width, height);
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.strokeStyle = paint.accent;
      context.lineWidth = 2;
      context.strokeRect(width / 2 - 8, height / 2 - 8, 16, 16);
    }
    canvas.setAttribute("aria-label", `Map of ${countText(overview.total)} by ${layer}`);
    return hits;
  }
  function line(points, close = false) {
    context.beginPath();
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (close) context.closePath();
  }
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
    const isRough = size().width / view.k < ROUGH_SPAN;
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
    const cells = new Map(), cell = layer === "wind" ? 26 : CELL, ranks = points.state.map((state) => RANKS[state]);
    points.lat.forEach((lat, index) => {
      const [x, y] = toScreen(lat, points.lon[index]);
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) return;
      const key = Math.floor((x + 20) / cell) * 65536 + Math.floor((y + 20) / cell), found = cells.get(key);
      if (found) found.members.push(index);
      else cells.set(key, { x, y, members: [index] });
    });
    const list = [...cells.values()];
    const grown = Math.max(1.7, Math.min(6, Math.sqrt((width * height) / Math.max(1, list.length)) / 12));
    for (const hit of list) {
      const known = hit.members.map((index) => points.temperature[index]).filter((value) => value !== null).sort((a, b) => a - b);
      hit.temperature = known.length ? known[Math.floor((known.length - 1) / 2)] / 10 : null;
      hit.count = hit.members.reduce((sum, index) => sum + points.count[index], 0);
      hit.first = hit.members.reduce((worst, index) => (ranks[index] < ranks[worst] ? index : worst));
      hit.state = points.state[hit.first];
      hit.r = Math.max(grown, hit.count >= 4 ? 2.3 : 1.7);
    }
    return list.sort((a, b) => RANKS[b.state] - RANKS[a.state]); // the worst are drawn last
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
  // The dots of a colour are one path, because thousands of paths are too slow for a map that is dragged.
  function drawDots(paint, hits) {
    const bands = paint.fills.map(() => []);
    for (const hit of hits) if (hit.temperature !== null && hit.state !== "down") bands[band(hit.temperature)].push(hit);
    bands.forEach((dots, index) => {
      context.beginPath();
      for (const { x, y, r } of dots) {
        context.moveTo(x + r, y);
        context.arc(x, y, r, 0, 2 * Math.PI);
      }
      context.fillStyle = paint.fills[index][1];
      context.fill();
      if (!dots.length || dots[0].r < 3 || paint.isDark) return;
      context.lineWidth = 0.8;
      context.strokeStyle = paint.ink;
      context.stroke();
    });
    for (const hit of hits) stateOver(hit, paint);
  }
  const DRAW = {
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
  // The indexes of the points in the order in which they get labels; those of a long list, which is sorted, are spread.
  function orderLabels() {
    const alerts = overview.notices.groups.filter((group) => group.kind === "alert").flatMap((group) => group.cities);
    const pinned = pins(), extremes = [overview.coldest?.id, overview.warmest?.id], key = [popover?.id, ...alerts, "", ...pinned, ...extremes].join();
    if (ranked.points === points && ranked.key === key) return ranked.order;
    const ranks = points.id.map((id, index) => (id === popover?.id ? 0 : alerts.includes(id) ? 1 : points.state[index] === "down" ? 2 : pinned.includes(id) ? 3 : extremes.includes(id) ? 4 : 5));
    const place = (index) => (points.id.length > 60 ? (index * 40503) % 65521 : index);
    ranked = { points, key, order: points.id.map((_, index) => index).sort((a, b) => ranks[a] - ranks[b] || place(a) - place(b)) };
    return ranked.order;
  }
  function drawLabels(paint, hits, width, height) {
    const taken = [...map.querySelectorAll(".about, .legend, .zoom")].map((node) => node.getBoundingClientRect()).map(({ x, y, width: w, height: tall }) => [x - map.getBoundingClientRect().x, y - map.getBoundingClientRect().y, w, tall]);
    const most = width < 720 ? 10 : 24, hitOf = [];
    for (const hit of hits) for (const index of hit.members) hitOf[index] = hit;
    let drawn = 0, tried = 0;
    context.textBaseline = "middle";
    for (const index of orderLabels()) {
      if (drawn >= most || tried >= 600) break;
      if (!hitOf[index]) continue;
      tried += 1;
      const { x, y } = hitOf[index], value = points.temperature[index], isDown = points.state[index] === "down";
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

  return draw;
}
