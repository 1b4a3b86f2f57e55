// The strip: how many cities have which temperature. It is the legend of the page, and filters by a stretch.
import { h, svg } from "../app/dom.js";
import { band, degrees, temperature, units } from "../app/format.js";
import { countText } from "../app/shell.js";

// *pick*(from) chooses the five degrees from there, null none; *chosen* is the beginning of the stretch that is chosen.
export function makeStrip(overview, chosen, pick) {
  const stripName = () => `${countText(overview.total)} by temperature, from ${overview.coldest ? degrees(overview.coldest.temperature) : "—"} to ${overview.warmest ? degrees(overview.warmest.temperature) : "—"} ${units().temperature}`;
  const bars = overview.histogram, width = 1120, bottom = 56, most = Math.max(...bars.map(([, count]) => count));
  const x = (celsius) => ((Math.max(-42.5, Math.min(47.5, celsius)) + 42.5) / 90) * width, step = width / 90;
  const drawing = svg("svg", { viewBox: `0 0 ${width} 78`, role: "img", dir: "ltr", "aria-label": stripName() },
    bars.map(([celsius, count]) => {
      const height = Math.max(3, (count / most) * 46);
      return svg("rect", { class: `t${band(celsius)}`, x: x(celsius) - step / 2 + 0.5, y: bottom - height, width: step - 1, height }, svg("title", {}, `${temperature(celsius)}: ${countText(count)}`));
    }),
    Array.from({ length: 18 }, (_, index) => svg("rect", { class: `t${index}`, x: x(index * 5 - 42.5), y: bottom + 2, width: step * 5, height: 4 })),
    [-40, -30, -20, -10, 0, 10, 20, 30, 40].map((celsius) => svg("text", { class: "middle", x: x(celsius), y: bottom + 20 }, temperature(celsius))),
    extreme(overview.coldest, x, bottom, most, "start"), extreme(overview.warmest, x, bottom, most, "end"),
    Array.from({ length: 17 }, (_, index) => {
      const from = index * 5 - 40;
      return svg("rect", { class: "pick", x: x(from - 0.5), y: 0, width: step * 5, height: bottom + 8, onclick: () => pick(from) }, svg("title", {}, `Show the cities from ${temperature(from)} to ${temperature(from + 5)}`));
    }),
    chosen && svg("rect", { class: "picked", x: x(Number(chosen) - 0.5), y: 1, width: step * 5, height: bottom + 6, rx: 3 }));
  const ranges = h("select", { "aria-label": "Show by temperature", "data-key": "range", onchange: (event) => pick(event.target.value === "" ? null : Number(event.target.value)) },
    h("option", { value: "" }, "All temperatures"), Array.from({ length: 17 }, (_, index) => h("option", { value: index * 5 - 40, selected: chosen === String(index * 5 - 40) }, `${temperature(index * 5 - 40)} to ${temperature(index * 5 - 35)}`)));
  return h("section", { class: "panel strip", "aria-label": "Cities by temperature" },
    h("div", { class: "section" }, h("span", { class: "note" }, `Cities by temperature; a bar is 1${"\u00a0"}°C`), ranges), drawing);
  function extreme(city, x, bottom, most, side) {
    if (!city) return "";
    const count = overview.histogram.find(([celsius]) => celsius === Math.floor(city.temperature + 0.5))?.[1] ?? 1;
    const text = `${city.name.slice(0, 24)} ${temperature(city.temperature)}`, place = x(city.temperature), room = text.length * 8; // at most 8 a letter
    const isEnd = side === "end" ? place + room > width : place > room; // beside the bars, if it fits there
    return svg("text", { class: `strong ${isEnd ? "end" : ""}`, x: place + (isEnd ? -7 : 7), y: Math.max(10, bottom - Math.max(3, (count / most) * 46) - 3) }, text);
  }
}
