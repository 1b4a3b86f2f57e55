// Alerts that are firing and official warnings in force, beside the cities that they concern.
import { h, svg } from "./dom.js";
import { capital, day, duration, homeZone, hours, now, plural, zoneName } from "./format.js";

const SHAPES = { alert: "M6 .6 11.8 11.4H.2Z", warning: "M3.7.5h4.6L11.5 3.7v4.6L8.3 11.5H3.7L.5 8.3V3.7Z" };
const SIGNS = { alert: "M5.2 4h1.6v3.7H5.2ZM5.2 8.5h1.6v1.6H5.2Z", warning: "M5.2 2.7h1.6v4.1H5.2ZM5.2 7.7h1.6v1.6H5.2Z" };
const SERIOUS = new Set(["severe", "extreme", "error", "critical"]);

// What is wrong with the nodes of a cluster, a sentence each.
export const clusterNotices = (problems) => problems.map((text) => h("p", { class: "notice" }, h("bdi", {}, `${capital(text)}.`)));

// A triangle for an alert, an octagon for a warning: filled, with the sign cut out, if it is serious.
export function noticeMark({ kind, severity }) {
  const shapes = SERIOUS.has(severity)
    ? svg("path", { d: SHAPES[kind] + SIGNS[kind], fill: "currentColor", "fill-rule": "evenodd" })
    : [svg("path", { d: SHAPES[kind], fill: "none", stroke: "currentColor", "stroke-width": 1.2, "stroke-linejoin": "round" }), svg("path", { d: SIGNS[kind], fill: "currentColor" })];
  return svg("svg", { class: `mark ${kind}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, shapes);
}
export const noticeWord = ({ kind, severity }) => (kind === "alert" ? "Alert" : severity === "unknown" ? "Warning" : capital(severity));
export const noticeText = (notice) => `${noticeWord(notice)}: ${notice.title}`;

// The first notice of a city, and how many more there are.
export function badge({ notices }) {
  if (!notices.length) return "";
  const [first, ...rest] = notices, text = noticeText(first);
  return h("span", { class: `badge ${first.kind}`, title: notices.map(noticeText).join("\n") }, noticeMark(first), h("bdi", {}, text), rest.length > 0 && h("span", {}, ` +${rest.length}`));
}
// The marks of a city in a row of the table.
export const rowMarks = ({ notices }) => notices.map((notice) => h("span", { class: "row-mark", title: noticeText(notice) }, noticeMark(notice), h("span", { class: "hidden" }, `, ${noticeText(notice)}`)));

// What the digest of the stream says of the cities in sight.
export function applyNotices(notices, cities, redraw) {
  for (const city of cities) {
    const found = notices[city.id] ?? [];
    if (JSON.stringify(found) === JSON.stringify(city.notices)) continue;
    city.notices = found;
    redraw(city);
  }
}

export const countNotices = ({ alerts, warnings }) => [alerts && `${plural(alerts, "alert")} firing`, warnings && plural(warnings, "official warning")].filter(Boolean);
export const noticeCounts = (summary) => countNotices(summary).map((text) => h("span", { class: "count" }, noticeMark({ kind: text.includes("official") ? "warning" : "alert", severity: "severe" }), ` ${text}`));

// An entry of what needs a look: a rule, or a kind of warning, and the cities that it concerns.
export function noticeEntry(group) {
  const { cities, names, count } = group, rest = count - names.length;
  const links = names.map((name, index) => [index ? ", " : "", cities[index] ? h("a", { href: `?city=${cities[index]}` }, h("bdi", {}, name)) : h("bdi", {}, name)]);
  const when = group.ends ? `until ${sameDay(group.ends) ? hours(Date.parse(group.ends), homeZone) : day(Date.parse(group.ends), homeZone)}` : duration((now() - Date.parse(group.since)) / 1000);
  return h("li", {}, noticeMark(group), h("span", {}, h("b", {}, h("bdi", {}, noticeText(group)))), h("span", { class: "when" }, when),
    h("p", {}, links, rest > 0 ? `${names.length ? " and " : ""}${plural(rest, names.length ? "other" : "city", names.length ? "others" : "cities")}` : "", names.length && group.text ? ". " : "", h("bdi", {}, group.text)));
}
const sameDay = (text) => day(Date.parse(text), homeZone) === day(now(), homeZone);
export const momentText = (text, zone) => (text ? `${day(Date.parse(text), zone)} ${hours(Date.parse(text), zone)} ${zoneName(Date.parse(text), zone)}` : null);
