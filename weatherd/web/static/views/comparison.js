// How the services of a city agree. It is fetched when it comes in sight, because few look at it.
import { fetchJson } from "../app/api.js";
import { h, whenSeen } from "../app/dom.js";
import { duration, number, toPressure, toRain, toWind, units } from "../app/format.js";

const same = (value) => value;
const FIELDS = { // text, conversion of a difference, its unit, digits
  temperature: ["Temperature", (value) => (units().temperature === "°F" ? value * 1.8 : value), () => units().temperature, 2],
  relative_humidity: ["Humidity", same, () => "%", 1], pressure_msl: ["Pressure", toPressure, () => units().pressure, 2], wind_speed: ["Wind", toWind, () => units().wind, 2],
  wind_gust: ["Gust", toWind, () => units().wind, 2], precipitation: ["Precipitation", toRain, () => units().rain, 3], cloud_cover: ["Cloud", same, () => "%", 1],
};
const REASONS = {
  one_service: "Only one service has reported, so there is nothing to compare it with.",
  two_services: "Which one is better is not known: two services without a station differ from each other alike.",
  too_few_days: "Which one to put first is not known yet: there are pairs of fewer than 3 days.",
};

export function makeComparison(city) {
  let field = "temperature", found = null, failure = "";
  const body = h("div");
  const select = h("select", { "aria-label": "Compare by", onchange: (event) => {
    field = event.target.value;
    load();
  } }, Object.entries(FIELDS).map(([name, [text]]) => h("option", { value: name }, text)));
  const node = h("section", { class: "panel comparison", "aria-labelledby": "compared" }, h("header", {}, h("h2", { id: "compared" }, "Services compared"), h("span", { class: "note" }, "the last 30 days"), select), body);
  whenSeen(node, load);

  async function load() {
    const wanted = field;
    try {
      const response = await fetchJson(`cities/${city.id}/comparison?field=${wanted}`);
      if (wanted !== field) return;
      [found, failure] = [response, ""];
    } catch (error) {
      failure = error.message;
    }
    draw();
  }
  function advice({ preferred, reason, services }) {
    if (!services.length) return "No observations in this time.";
    if (!preferred) return REASONS[reason];
    return [h("b", {}, preferred), ` ${reason === "measures" ? "measures" : "has the smallest error"}: ${preferred === city.providers[0] ? "it is" : "put it"} first in the providers of `, h("bdi", {}, city.name), "."];
  }
  function row(service) {
    const [, convert, , digits] = FIELDS[found.field];
    const error = (value, sign = "") => (value === null ? "—" : `${value > 0 ? sign : ""}${number(convert(value), digits)}`);
    const { provider, observations, pairs, bias, interval, mean_absolute_error: mean, outages } = service;
    const lost = outages?.reduce((sum, { begin, end }) => sum + (Date.parse(end) - Date.parse(begin)) / 1000, 0);
    const texts = [number(observations), number(pairs), error(bias, "+"), interval ? `${error(interval[0], "+")} to ${error(interval[1], "+")}` : "—", error(mean), outages === null ? "—" : outages.length ? `${number(outages.length)} (${duration(lost)})` : "none"];
    return h("tr", {}, h("th", { scope: "row" }, provider), texts.map((text) => h("td", { class: "num" }, text)));
  }
  function draw() {
    if (failure) return body.replaceChildren(h("p", {}, failure));
    if (!found) return body.replaceChildren(h("p", {}, "Loading …"));
    const unit = FIELDS[found.field][2](), heads = ["Service", "Observations", "Pairs", `Bias ${unit}`, "95 % interval", "Mean error", "Outages"];
    const standard = found.reference ? [h("b", {}, found.reference), ", which measures"] : "for each service, the median of the others";
    body.replaceChildren(...(found.services.length ? [h("p", {}, "Reference: ", standard, ". A bias above 0 is too much; it is in the interval with a probability of 95 %."),
      h("div", { class: "scroll", role: "region", "aria-label": `Services of ${city.name}`, tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "" }, text)))), h("tbody", {}, found.services.map(row))))] : []),
      h("p", { class: "advice" }, advice(found)));
  }
  return { node, draw };
}
