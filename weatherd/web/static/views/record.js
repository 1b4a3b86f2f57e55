// The record of a city: what its last day has reached, the extremes of all days, and its days, weeks, months or years.
// It is fetched when it comes in sight, because there may be decades of days.
import { fetchJson } from "../app/api.js";
import { MIN_HOURS } from "../app/chart.js";
import { h, whenSeen } from "../app/dom.js";
import { day, degrees, hours, month, now, number, plural, rain, temperature, units, wind, year } from "../app/format.js";
import { radioSwitch } from "./radio-switch.js";

export const PARTS = [["day", "Days"], ["week", "Weeks"], ["month", "Months"], ["year", "Years"]];
const LENGTHS = { day: "the last 30 days", week: "the last 12 weeks", month: "the last year", year: "all years" };
const KINDS = {
  lowest: ["Lowest", "the lowest temperature", (value) => temperature(value, 1)],
  highest: ["Highest", "the highest temperature", (value) => temperature(value, 1)],
  wettest: ["Wettest day", "the most rain", (value) => `${rain(value)} ${units().rain}`],
  windiest: ["Strongest gust", "the strongest gust", (value) => `${wind(value, 1)} ${units().wind}`],
};
const total = (parts, name) => parts.reduce((sum, part) => sum + (part[name] ?? 0), 0);
const few = ({ hours: observed }) => observed < MIN_HOURS && plural(Math.round(observed), "observed hour");

// *days* is the response of the API if the document has it; onChoice() is called when another part of the calendar is chosen.
export function makeRecord(city, zone, days, onChoice) {
  let failure = "", by = days?.by ?? PARTS[0][0];
  const head = h("header", { class: "span" }), firsts = h("ul", { class: "firsts" }), tiles = h("dl", { class: "tiles" });
  const region = h("div", { class: "scroll", role: "region", tabindex: 0 });
  const node = h("section", { class: "panel record", "aria-labelledby": "record" }, head, firsts, tiles, region);
  const today = () => new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(now()); // as in 2027-02-12
  const dateText = (text) => `${day(Date.parse(text), "UTC")}${text.slice(0, 4) === today().slice(0, 4) ? "" : ` ${text.slice(0, 4)}`}`;

  function first(record) {
    const [, name, format] = KINDS[record.kind], observed = few(record);
    const since = record.since ? dateText(record.since) : `the record began on ${dateText(record.first)}`;
    const doubt = record.incomplete ? ` ${plural(record.incomplete, "day")} between had fewer than ${MIN_HOURS} observed hours.` : "";
    return h("li", {}, h("b", {}, `${record.date === today() ? "Today" : dateText(record.date)} has ${name} since ${since}: ${format(record.value)}`), `${observed ? `, in ${observed}` : ""}.${doubt}`);
  }
  const tile = (name, value, text) => h("div", {}, h("dt", {}, name), h("dd", {}, value), h("dd", {}, text));
  function drawTiles({ parts, extremes, today: sofar }) {
    const found = Object.fromEntries(extremes.map((record) => [record.kind, record]));
    const extreme = (kind) => {
      const record = found[kind], [name, , format] = KINDS[kind];
      return tile(name, record ? format(record.value) : "—", record ? [dateText(record.date), few(record)].filter(Boolean).join(", ") : "none yet");
    };
    const heat = parts.some(({ degree_days: sum }) => sum !== null), scale = units().temperature === "°F" ? 1.8 : 1;
    tiles.replaceChildren(...Object.keys(KINDS).map(extreme),
      tile("Rain today", sofar.rain === null ? "—" : `${rain(sofar.rain)} ${units().rain}`, `since midnight, ${plural(Math.round(sofar.hours), "observed hour")}`),
      tile("Frost days", number(total(parts, "frost_days")), `low below ${temperature(0)}, ${LENGTHS[by]}`),
      tile("Degree days", heat ? number(total(parts, "degree_days") * scale) : "—", `heating, below ${temperature(18)}, ${LENGTHS[by]}`),
      tile("Whole days", number(total(parts, "complete_days")), `of ${number(total(parts, "days"))}: ${MIN_HOURS} observed hours or more`));
  }
  const names = { day: (at) => day(at, zone), week: (at) => day(at, zone), month: (at) => month(at, zone), year: (at) => year(at, zone) };
  function row(part, isLast) {
    const begin = Date.parse(part.begin), end = Date.parse(part.end), isFew = !isLast && (by === "day" ? !part.complete_days : part.complete_days < Math.round((end - begin) / 86400000));
    const at = (time) => time && `${by === "day" ? "" : `${day(Date.parse(time), zone)} `}${hours(Date.parse(time), zone)}`;
    const observed = !part.days ? "no data" : by === "day" ? `${Math.round(part.hours)} h` : `${number(part.complete_days)} of ${plural(Math.max(1, Math.ceil((Math.min(end, now()) - begin) / 86400000 - 0.05)), "day")}`; // some have 23 or 25 hours
    const cells = [[degrees(part.low, 1), at(part.low_at)], [degrees(part.mean, 1)], [degrees(part.high, 1), at(part.high_at)], [rain(part.rain)], [wind(part.gust, 1)], [part.days ? number(part.frost_days) : "—"], [part.degree_days === null ? "—" : number(part.degree_days * (units().temperature === "°F" ? 1.8 : 1))]];
    return h("tr", {}, h("th", { scope: "row" }, by === "day" && isLast ? "Today" : names[by](begin)), cells.map(([text, title]) => h("td", { class: "num", title }, text)), h("td", { class: `num ${isFew ? "stale" : ""}` }, observed));
  }
  function draw() {
    if (days && days.by !== by) return; // until the chosen part has arrived
    const { parts, records, extremes } = days ?? { parts: [], records: [], extremes: [] }, unit = units(), hadFocus = head.contains(document.activeElement);
    head.replaceChildren(h("h2", { id: "record" }, "Record"), h("span", { class: "note" }, extremes.length ? `since ${dateText(extremes[0].first)}` : ""), radioSwitch("Parts of the record", PARTS, by, choose));
    if (hadFocus) head.querySelector("[aria-checked=true]").focus();
    const isEmpty = !extremes.length;
    firsts.replaceChildren(...(isEmpty ? [h("li", {}, failure || (days ? "No observations yet." : "Loading …"))] : records.map(first)));
    firsts.hidden = !firsts.childNodes.length;
    tiles.hidden = region.hidden = isEmpty;
    if (isEmpty) return;
    drawTiles(days);
    const heads = ["From", `Low ${unit.temperature}`, `Mean ${unit.temperature}`, `High ${unit.temperature}`, `Rain ${unit.rain}`, `Gust ${unit.wind}`, "Frost days", "Degree days", "Observed"];
    region.setAttribute("aria-label", `${city.name} by ${by}, ${LENGTHS[by]}`);
    region.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "" }, text)))),
      h("tbody", {}, parts.map((part, index) => row(part, index === parts.length - 1)).reverse())));
  }
  async function load() {
    const wanted = by;
    try {
      const found = await fetchJson(`cities/${city.id}/days?by=${wanted}`);
      if (wanted !== by) return;
      [days, failure] = [found, ""];
    } catch (error) {
      if (days) by = days.by; // the banner says that the connection is lost
      else failure = error.message;
    }
    draw();
  }
  async function choose(name) {
    if (name === by) return;
    by = name;
    await load();
    onChoice();
  }
  if (!days) whenSeen(node, load);
  // refresh() after a new observation: only what has been in sight
  return { node, draw, refresh: () => days && load(), part: () => by };
}
