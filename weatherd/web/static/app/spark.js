// The last 24 hours of a city as a small curve: each on its own scale, at least 6 K high.
import { drawn, svg } from "./dom.js";
import { band, bandClass, homeZone, said, temperature } from "./format.js";
import { nights } from "./sky.js";

let count = 0;
// A gradient through the line colours, so that the colour at a height is the temperature at that height.
export function temperatureGradient(low, high, y) {
  const id = `g${(count += 1)}`, first = Math.max(0, band(low) - 1), last = Math.min(17, band(high) + 1);
  const at = (stop) => y(stop * 5 - 40), top = at(last), bottom = at(first);
  const stops = [];
  for (let stop = first; stop <= last; stop += 1) stops.push(svg("stop", { class: `s${stop}`, offset: bottom === top ? 0 : (bottom - at(stop)) / (bottom - top) }));
  return [`url(#${id})`, svg("linearGradient", { id, gradientUnits: "userSpaceOnUse", x1: 0, x2: 0, y1: bottom, y2: top }, stops)];
}

const curveName = (curve) => `Last 24 hours: low ${said(temperature(curve.low / 10)).replace(" degrees", "")}, high ${said(temperature(curve.high / 10))}`;

export function sparkline(city, curve, times, labels = true) {
  const node = svg("svg", { class: "spark", dir: "ltr", role: curve ? "img" : null, "aria-label": curve ? curveName(curve) : null, "aria-hidden": curve ? null : "true" });
  return curve ? drawn(node, (width, height) => draw(node, city, curve, times, labels && width > 130, width, height)) : node;
}

function draw(node, city, { values, low, high, gap }, { begin, step }, labels, width, height) {
  const padding = labels ? 13 : 4, end = begin + step * values.length;
  const middle = (low + high) / 2, spread = Math.max(60, high - low);
  const y = (value) => height - padding - ((value - middle) / spread + 0.5) * (height - 2 * padding);
  const x = (seconds) => ((seconds - begin) / (end - begin)) * (width - 8) + 2;
  const parts = nights(city.lat, city.lon, begin * 1000, end * 1000, 1200000).map(([from, to]) =>
    svg("rect", { class: "night", x: x(from / 1000), y: 0, width: Math.max(0, x(to / 1000) - x(from / 1000)), height }));
  const midnight = lastMidnight(end * 1000, city.timezone ?? homeZone) / 1000;
  if (midnight > begin) parts.push(svg("path", { class: "midnight", d: `M${x(midnight)} 0V${height}` }));
  if (low < 0 && high > 0) parts.push(svg("path", { class: "zero", d: `M0 ${y(0)}H${width}` }));
  let path = "", last = null, lowest = null, highest = null;
  values.forEach((value, index) => {
    if (value === null) return;
    const point = { at: begin + (index + 0.5) * step, value, index };
    path += `${last && index - last.index <= gap ? "L" : "M"}${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!lowest || value < lowest.value) lowest = point;
    if (!highest || value > highest.value) highest = point;
    last = point;
  });
  const [paint, gradient] = temperatureGradient(low / 10, high / 10, (celsius) => y(celsius * 10));
  parts.push(gradient, svg("path", { class: "line", d: path, stroke: paint }));
  if (end - last.at > (gap + 1) * step) parts.push(svg("path", { class: "late", d: `M${x(last.at)} ${y(last.value)}H${width}` }));
  parts.push(svg("circle", { class: `dot ${bandClass(last.value / 10)}`, cx: x(last.at), cy: y(last.value), r: 3 }));
  if (labels) parts.push(label(lowest, low, 11, x, y, width), high - low > 5 && label(highest, high, -4, x, y, width));
  node.replaceChildren(...parts.filter(Boolean));
}
function label(point, value, shift, x, y, width) {
  const place = Math.min(width - 12, Math.max(10, x(point.at)));
  return svg("text", { class: "middle", x: place, y: y(point.value) + shift }, temperature(value / 10));
}
export function lastMidnight(at, zone) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(at);
  const [hour, minute, second] = ["hour", "minute", "second"].map((type) => Number(parts.find((part) => part.type === type).value));
  return at - (((hour % 24) * 60 + minute) * 60 + second) * 1000;
}

// A bar from low to high on a scale of its own, in the colours of the temperature.
export function rangeBar(low, high, [first, last], now = null) {
  const node = svg("svg", { dir: "ltr", "aria-hidden": "true", height: 12 });
  return drawn(node, (width) => {
    const x = (value) => 6 + ((value - first) / Math.max(1, last - first)) * (width - 12), id = `g${(count += 1)}`;
    const stops = [];
    for (let stop = band(low); stop <= band(high); stop += 1) stops.push(svg("stop", { class: `s${stop}`, offset: high === low ? 0 : Math.min(1, Math.max(0, (stop * 5 - 40 - low) / (high - low))) }));
    node.replaceChildren(
      svg("linearGradient", { id, gradientUnits: "userSpaceOnUse", x1: x(low), x2: x(high) + 0.1, y1: 0, y2: 0 }, stops),
      svg("path", { class: "track", d: `M6 6H${width - 6}` }),
      svg("path", { class: "span", d: `M${x(low)} 6H${x(high) + 0.1}`, stroke: `url(#${id})` }),
      now === null ? "" : svg("circle", { class: `dot ${bandClass(now)}`, cx: x(now), cy: 6, r: 4.5 }),
    );
  });
}
