// The last attempts of a city: those that brought a value, which the journal has, and the last one whatever it brought.
import { fetchJson } from "../app/api.js";
import { h } from "../app/dom.js";
import { capital, day, degrees, fullTime, hours, now, number, plural, seconds, units } from "../app/format.js";

const COUNT = 20;

// An element that fetches the attempts when it is opened; *slots* are the raw values of the chart of 24 hours, *before* is the element that it replaces.
export function attemptList(city, slots, zone, before) {
  const end = slots?.begin.length ?? 0, body = h("div", {}, ...(before?.querySelector("div").childNodes ?? []));
  const load = async () => {
    const since = fullTime(slots.begin[Math.max(0, end - COUNT)] * 1000);
    const { observations } = await fetchJson(`observations?city=${city.id}&since=${since}&limit=100`);
    body.replaceChildren(table(city, observations.slice(-COUNT).reverse(), zone));
  };
  const open = ({ target }) => target.open && load().catch((error) => body.replaceChildren(h("p", { class: "note" }, error.message)));
  return end > 0 && h("details", { open: before?.open, ontoggle: open }, h("summary", {}, "Last attempts"), body);
}

function table(city, observations, zone) {
  const time = (at) => `${day(at, zone) === day(now(), zone) ? "" : `${day(at, zone).replace(/ \w+$/, "")} `}${seconds(at, zone)}`;
  const rows = observations.map((observation, index) => {
    const isRevision = observations.slice(index + 1).some((other) => other.observed_at === observation.observed_at);
    return row(time(Date.parse(observation.fetched_at)), degrees(observation.temperature, 1), `${observation.provider}: ${isRevision ? "revised value" : "value"} of ${hours(Date.parse(observation.observed_at), zone)}`);
  });
  const { attempt } = city, newest = observations[0];
  if (attempt && !(newest && Date.parse(newest.fetched_at) > Date.parse(attempt.began) - 1000)) {
    const reasons = attempt.tries.map(({ provider, outcome, reason }) => `${provider}: ${outcome === "fresh" ? "nothing newer" : reason || outcome}`);
    rows.unshift(row(time(Date.parse(attempt.began)), "—", reasons.join("; ").slice(0, 400) || capital(attempt.decided)));
  }
  const failed = attempt?.failures ? ` ${plural(attempt.failures, "poll")} in a row failed.` : "";
  return h("div", {}, h("div", { class: "scroll", role: "region", "aria-label": "Last attempts", tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Fetched"), h("th", { scope: "col", class: "num" }, units().temperature), h("th", { scope: "col" }, "Result"))), h("tbody", {}, rows))),
    h("p", { class: "note" }, `The last ${number(observations.length)} that brought a value, and the last of all.${failed} Others that brought nothing new are counted in Service, not kept.`));
}
const row = (time, value, result) => h("tr", {}, h("th", { scope: "row" }, time), h("td", { class: "num" }, value), h("td", { class: "result" }, h("bdi", {}, result)));
