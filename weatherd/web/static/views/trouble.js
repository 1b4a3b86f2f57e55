// What needs a look: cities that are not fresh, and providers that are paused.
import { sinceText } from "../app/cards.js";
import { h } from "../app/dom.js";
import { capital, hours, plural } from "../app/format.js";
import { mark, WORDS } from "../app/icons.js";
import { countText } from "../app/shell.js";

// An entry of what needs a look; *show*(state) lists the cities of a state.
export function lookEntry(entry, show) {
  const isOne = entry.count === 1, rest = entry.count - entry.names.length;
  const title = isOne
    ? h("a", { href: `?city=${entry.cities[0]}` }, h("bdi", {}, entry.names[0]))
    : h("button", { type: "button", class: "link", onclick: () => show(entry.state) }, h("b", {}, `${entry.names.join(", ")}${rest > 0 ? ` and ${plural(rest, "other")}` : ""}`));
  const when = entry.since ? sinceText(Date.parse(entry.since)) : entry.next_poll ? `next ${hours(Date.parse(entry.next_poll))}` : "";
  const reasons = { waiting: "No value yet.", stale: entry.reason || "Nothing newer.", down: entry.reason };
  return h("li", {}, mark(entry.state), h("span", {}, title, h("span", { class: "hidden" }, `, ${WORDS[entry.state]}`)), h("span", { class: "when" }, when), h("p", {}, h("bdi", {}, reasons[entry.state])));
}
export function pausedPanel({ provider, reason, until: end, served, waiting }) {
  const others = [served && `${countText(served)} ${served === 1 ? "is" : "are"} served by another provider meanwhile.`, waiting && `${countText(waiting)} ${waiting === 1 ? "waits" : "wait"}.`];
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, `${provider} is paused`)),
    h("ul", { class: "looks" }, h("li", {}, mark("paused"), h("p", {}, h("bdi", {}, capital(reason)), `. Next try at ${hours(Date.parse(end))}. `, others.filter(Boolean).join(" ")))),
    h("footer", {}, h("a", { href: "?view=service" }, "See Service")));
}
