// The list on paper: all cities that the filter selects, up to a limit, with times that stay true.
import { fetchJson, query } from "../app/api.js";
import { isShown, observedAt, weatherOf } from "../app/cards.js";
import { h } from "../app/dom.js";
import { day, degrees, homeZone, hours, now, number, pressure, rain, units, wind, wordLanguage, zoneName } from "../app/format.js";
import { WORDS } from "../app/icons.js";
import { noticeText } from "../app/notices.js";
import { countText } from "../app/shell.js";

const MOST = 1000;

// Fetch the cities, put them into the page for as long as it is printed, and print it.
export async function printList(filters) {
  const { after: _, ...wanted } = filters, page = await fetchJson(`cities${query({ sort: "name", ...wanted, limit: MOST })}`);
  const paper = h("section", { class: "paper" }, heading(page, wanted), table(page.cities));
  document.body.append(paper);
  document.body.classList.add("printing");
  addEventListener("afterprint", () => {
    paper.remove();
    document.body.classList.remove("printing");
  }, { once: true });
  print();
}

function heading({ cities, total }, filters) {
  const chosen = Object.entries(filters).filter(([name]) => !["sort", "descending"].includes(name)).map(([name, value]) => `${name} ${value}`).join(", ");
  const order = `sorted by ${filters.sort ?? "name"}${filters.descending === "true" ? ", descending" : ""}`, part = cities.length < total ? `; the first ${number(cities.length)} of them` : "";
  return [h("h1", {}, countText(total)), h("p", {}, [chosen, `${order}${part}`, `as of ${moment(now())} ${zoneName(now(), homeZone)}`].filter(Boolean).join("; "))];
}
const moment = (at) => `${day(at, homeZone)} ${hours(at, homeZone)}`;

function table(cities) {
  const unit = units(), heads = ["City", "State", unit.temperature, "Feels like", "Weather", `Wind ${unit.wind}`, "Hum. %", `Precip. ${unit.rain}`, unit.pressure, "Observed"];
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, cities.map(row)));
}
function row(city) {
  const last = isShown(city) ? city.observation : null, at = observedAt(city);
  const values = last ? [degrees(last.temperature, 1), degrees(last.apparent_temperature, 1), h("bdi", { lang: wordLanguage() }, weatherOf(city)), wind(last.wind_speed), number(last.relative_humidity), rain(last.precipitation), pressure(last.pressure_msl)] : Array(7).fill("—");
  return h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, city.name), city.notices.map((notice) => h("small", {}, h("bdi", {}, noticeText(notice))))), [WORDS[city.state], ...values, at ? moment(at) : "—"].map((value) => h("td", {}, value)));
}
