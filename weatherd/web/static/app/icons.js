// Marks of states, icons of conditions and arrows of the wind. Each is drawn once and then used by reference.
import { svg } from "./dom.js";

export const STATES = ["down", "stale", "waiting", "fresh"];
export const WORDS = { fresh: "Fresh", stale: "Stale", down: "Down", waiting: "Waiting", paused: "Paused" };
const MARKS = {
  fresh: () => svg("circle", { cx: 6, cy: 6, r: 4, fill: "currentColor" }),
  stale: () => [
    svg("path", { d: "M6 .9 11.1 6 6 11.1.9 6Z", fill: "none", stroke: "currentColor", "stroke-width": 1.5 }),
    svg("path", { d: "M.9 6h10.2L6 11.1Z", fill: "currentColor" }),
  ],
  down: () => svg("path", { d: "M2 2l8 8M10 2l-8 8", fill: "none", stroke: "currentColor", "stroke-width": 2.4, "stroke-linecap": "round" }),
  waiting: () => svg("circle", { cx: 6, cy: 6, r: 4.2, fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-dasharray": 2.2 }),
  paused: () => svg("path", { d: "M3 1.5v9M9 1.5v9", stroke: "currentColor", "stroke-width": 3 }),
};
export const mark = (state) => svg("svg", { class: `mark ${state}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, MARKS[state]());

const CLOUD = "M9.5 25.5a5.5 5.5 0 0 1-.6-11 8 8 0 0 1 15.3 1.6 4.8 4.8 0 0 1-.7 9.4Z";
const BOLT = "M17.6 20.5l-4.6 6h3.4l-1.6 4.8 5.4-6.6h-3.6l2-4.2Z";
const cloud = (x = 0, y = 0, more = "") => svg("path", { class: `i-cloud ${more}`, d: CLOUD, transform: `translate(${x} ${y})` });
const line = (d, name) => svg("path", { d, class: name });
function sun(x, y, r) {
  const rays = Array.from({ length: 8 }, (_, i) => {
    const cos = Math.cos((i * Math.PI) / 4), sin = Math.sin((i * Math.PI) / 4);
    return `M${x + cos * (r + 3)} ${y + sin * (r + 3)}L${x + cos * (r + 5.5)} ${y + sin * (r + 5.5)}`;
  });
  return svg("g", { class: "i-sun" }, svg("circle", { cx: x, cy: y, r, stroke: "none" }), svg("path", { d: rays.join(""), "stroke-width": 1.9, "stroke-linecap": "round" }));
}
const moon = (x, y, scale) => svg("path", { class: "i-moon", d: "M3.2-8.4A8.6 8.6 0 1 0 8.4 3.2 6.9 6.9 0 0 1 3.2-8.4Z", transform: `translate(${x} ${y}) scale(${scale})` });
const behind = (night) => (night ? moon(22.5, 10, 0.72) : sun(22, 10.5, 4.6));
const drops = (length, ...places) => line(places.map(([x, y]) => `M${x + length * 0.175} ${y}l${-length * 0.35} ${length}`).join(""), "i-drop");
const flakes = (...places) => line(places.map(([x, y]) => `M${x} ${y - 2.4}v4.8M${x - 2.1} ${y - 1.2}l4.2 2.4M${x - 2.1} ${y + 1.2}l4.2-2.4`).join(""), "i-flake");
const stones = (r, ...places) => places.map(([cx, cy]) => svg("circle", { cx, cy, r, class: "i-hail" }));
const bolt = (x = 0, y = 0, scale = 1) => svg("path", { class: "i-bolt", d: BOLT, transform: `translate(${x} ${y}) scale(${scale})` });

const DRAWINGS = {
  clear: (night) => (night ? moon(15.5, 16.5, 1.2) : sun(16, 16, 6.2)),
  partly: (night) => [behind(night), cloud(-1, 1)],
  overcast: () => [svg("path", { class: "i-cloud i-back", d: CLOUD, transform: "translate(9 -3) scale(.72)" }), cloud(-1, 1)],
  fog: () => [cloud(0, -6), line("M6 23.5h20M9 27.5h14", "i-line")],
  haze: (night) => [night ? moon(16, 11.5, 0.85) : sun(16, 11.5, 5), line("M5 21.5h22M5 25.5h22M5 29.5h22", "i-haze")],
  drizzle: () => [cloud(0, -5), drops(2.6, [11, 23.5], [16, 26], [21, 23.5])],
  rain: () => [cloud(0, -5), drops(5, [11, 23.5], [16, 23.5], [21, 23.5])],
  heavy: () => [cloud(0, -6), drops(8, [9.5, 22.5], [14, 22.5], [18.5, 22.5], [23, 22.5])],
  freezing: () => [cloud(0, -5), drops(4.4, [13, 23], [19, 23]), line("M8 30.4h16", "i-flake")],
  sleet: () => [cloud(0, -5), drops(5, [10.5, 23.5], [21.5, 23.5]), flakes([16, 26.2])],
  snow: () => [cloud(0, -5), flakes([10.5, 24.8], [16, 27.6], [21.5, 24.8])],
  showers: (night) => [behind(night), cloud(-1, -3), drops(4.4, [10, 25], [15, 25], [20, 25])],
  snowshowers: (night) => [behind(night), cloud(-1, -4), flakes([12, 26.4], [18.5, 26.4])],
  thunder: () => [cloud(0, -5), bolt()],
  hail: () => [cloud(0, -5), stones(1.7, [11, 25], [16, 28], [21, 25])],
  thunderhail: () => [cloud(0, -5), bolt(-2.2, 2, 0.9), stones(1.5, [20, 25], [24, 28])],
  unknown: () => [cloud(0, 0, "i-unknown"), svg("text", { class: "i-text", x: 16, y: 23, "text-anchor": "middle" }, "?")],
};
// WMO table 4677: from which code on which icon. A code between two entries has the icon of the one before.
const RANGES = [[0, "clear"], [1, "partly"], [3, "overcast"], [4, "haze"], [10, "fog"], [13, "thunder"], [14, "overcast"], [17, "thunder"], [18, "overcast"],
  [20, "drizzle"], [21, "rain"], [22, "snow"], [23, "sleet"], [24, "freezing"], [25, "showers"], [26, "snowshowers"], [27, "hail"], [28, "fog"], [29, "thunder"],
  [30, "haze"], [36, "snow"], [40, "fog"], [50, "drizzle"], [56, "freezing"], [58, "rain"], [64, "heavy"], [66, "freezing"], [68, "sleet"], [70, "snow"],
  [79, "sleet"], [80, "showers"], [82, "heavy"], [83, "sleet"], [85, "snowshowers"], [87, "hail"], [91, "thunder"], [93, "thunderhail"], [95, "thunder"],
  [96, "thunderhail"], [97, "thunder"], [99, "thunderhail"], [100, "unknown"]];
export function iconName(code) {
  if (!Number.isInteger(code) || code < 0) return "unknown";
  return RANGES.filter(([first]) => first <= code).at(-1)[1];
}
let sprites = null;
export function conditionIcon(code, night) {
  const name = iconName(code), id = `i-${name}${night ? "-n" : ""}`;
  if (!sprites) document.body.append((sprites = svg("svg", { width: 0, height: 0, class: "hidden", "aria-hidden": "true" })));
  if (!document.getElementById(id)) sprites.append(svg("symbol", { id, viewBox: "0 0 32 32", overflow: "visible" }, DRAWINGS[name](night)));
  return svg("svg", { class: "icon", viewBox: "0 0 32 32", "aria-hidden": "true" }, svg("use", { href: `#${id}` }));
}
export function arrow(direction, speed) {
  const turned = direction !== null && direction !== undefined && !(speed < 0.5);
  return svg("svg", { class: "arrow", viewBox: "0 0 16 16", "aria-hidden": "true" }, turned ? arrowShape(direction) : svg("circle", { cx: 8, cy: 8, r: 4.5 }));
}
// Flies with the wind: direction is where it comes from.
export const arrowShape = (direction, x = 0, y = 0) =>
  svg("g", { transform: `translate(${x} ${y}) rotate(${direction + 180} 8 8)` }, svg("path", { d: "M8 14.2V4" }), svg("path", { class: "tip", d: "M8 1 12 7.4 8 5.8 4 7.4Z" }));
