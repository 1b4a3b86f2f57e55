// One city as a card or as a row of the table.
import { h } from "./dom.js";
import { age, bandClass, degrees, duration, fullTime, homeZone, hours, now, pressure, rain, said, spoken, temperature, units, until, weatherWords, wind, withUnit, wordLanguage } from "./format.js";
import { arrow, conditionIcon, mark, WORDS } from "./icons.js";
import { badge, noticeText, rowMarks } from "./notices.js";
import { isNight, windName } from "./sky.js";
import { sparkline } from "./spark.js";

export const observedAt = (city) => (city.observation ? Date.parse(city.observation.observed_at) : null);
export const isShown = (city) => city.observation && city.state !== "down";

export const weatherOf = (city) => weatherWords(city.observation, isNight(city.lat, city.lon, observedAt(city)));

// An age that counts on: one timer renews all of them. Its element remembers the time.
export function ageOf(at, short = false) {
  return h("time", { class: "ticking", datetime: fullTime(at), title: fullTime(at), "data-short": short }, age(at, short));
}
export function tickAges(root) {
  for (const node of root.querySelectorAll("time.ticking")) node.textContent = age(Date.parse(node.dateTime), node.dataset.short !== undefined);
}

export function bigNumber(celsius, digits = 0, unit = "°", doubt = "") {
  return h("span", { class: "temp" }, degrees(celsius, digits), celsius === null ? "" : h("sup", {}, unit), doubt);
}

// The tests that values of an observation failed, such as ["step"]; quality is "suspect: temperature step, wind_gust consistency".
export function failedTests(last, ...fields) {
  const names = last?.quality?.startsWith("suspect: ") ? last.quality.slice(9).split(", ") : [];
  return names.map((name) => name.split(" ")).filter(([name]) => fields.includes(name)).map(([, test]) => test);
}
// The mark behind a suspect value.
export function doubtMark(last, ...fields) {
  const tests = failedTests(last, ...fields);
  return tests.length ? h("b", { class: "doubt", title: `Suspect: ${tests.join(", ")}` }, "?") : "";
}

function describe(city) {
  const last = city.observation, state = WORDS[city.state].toLowerCase(), notices = city.notices.map((notice) => `, ${noticeText(notice)}`).join("");
  if (!isShown(city)) return `${city.name}, ${state}, no value${notices}`;
  const doubt = last.quality === "ok" ? "" : `, ${last.quality.replaceAll("_", " ")}`;
  return `${city.name}, ${said(temperature(last.temperature))}, ${weatherOf(city)}, ${state}, observed ${age(observedAt(city))}, wind ${windText(last)}${doubt}${notices}`;
}
function windText({ wind_speed: speed, wind_direction: direction }, digits = 0) {
  if (speed === null) return "not known";
  if (speed < 0.5) return "calm";
  const text = `${wind(speed, digits)} ${spoken(units().wind)}`;
  return direction === null ? `${text}, changing` : `${text} from ${windName(direction)}`;
}

function lateWords(city) {
  const last = city.observation;
  if (city.state === "waiting" || !last) return city.next ? `next ${hours(Date.parse(city.next.at))}` : city.failure && !city.polling ? "its node does not answer" : "being polled";
  return `last ${temperature(last.temperature)} at ${hours(observedAt(city), city.timezone ?? homeZone)}`;
}
function words(city) {
  const last = city.observation;
  if (!isShown(city)) return h("span", { class: "words" }, lateWords(city));
  const feels = last.apparent_temperature;
  return h("span", { class: "words" }, h("bdi", { lang: wordLanguage() }, weatherOf(city)), feels === null ? "" : h("span", { class: "feels" }, ` · feels ${temperature(feels)}`));
}
function stateAge(city) {
  const at = observedAt(city);
  const word = city.state === "fresh" ? "" : h("b", { class: city.state }, WORDS[city.state]);
  return h("span", { class: "age" }, mark(city.state), word, at ? ageOf(at) : "");
}
function figures(last, withPressure) {
  const unit = units();
  const figure = (caption, ...content) => h("span", {}, h("small", {}, caption), ...content);
  return h("span", { class: "figures" },
    figure("Wind", arrow(last.wind_direction, last.wind_speed), " ", withUnit(wind(last.wind_speed), unit.wind), doubtMark(last, "wind_speed", "wind_direction")),
    figure("Humidity", withUnit(last.relative_humidity === null ? "—" : Math.round(last.relative_humidity), "%"), doubtMark(last, "relative_humidity")),
    figure("Precip., 1 h", h("span", { class: last.precipitation === 0 ? "zero" : "" }, withUnit(rain(last.precipitation), unit.rain)), doubtMark(last, "precipitation")),
    withPressure && figure("Pressure", withUnit(pressure(last.pressure_msl), unit.pressure), doubtMark(last, "pressure_msl")));
}
const NONE = { wind_speed: null, wind_direction: null, relative_humidity: null, precipitation: null, pressure_msl: null };

export function card(city, curve, times, { large = false, link = true } = {}) {
  const node = h(link ? "a" : "div", { "data-id": city.id, href: link ? `?city=${city.id}` : null });
  fillCard(node, city, curve, times, large);
  return node;
}
export function fillCard(node, city, curve, times, large) {
  const last = city.observation, shown = isShown(city);
  node.className = `card is-${city.state} ${shown ? bandClass(last.temperature) : ""}`;
  if (node.href) node.setAttribute("aria-label", describe(city));
  node.replaceChildren(
    h("span", { class: "bar" }),
    h("bdi", { class: "name" }, city.name),
    stateAge(city),
    bigNumber(shown ? last.temperature : null, 0, "°", shown && doubtMark(last, "temperature")),
    shown ? conditionIcon(last.code, isNight(city.lat, city.lon, observedAt(city))) : h("span", { class: "icon" }),
    words(city),
    badge(city),
    sparkline(city, curve, times),
    h("span", { class: "range" }, curve ? `${temperature(curve.low / 10)} to ${temperature(curve.high / 10)}` : ""),
    figures(shown ? last : NONE, large),
  );
}

export const COLUMNS = [
  ["state", "State", ""], ["name", "City", ""], ["temperature", "temperature", "num"], ["weather", "Weather", "weather"], [null, "Last 24 h", "c-spark"],
  [null, "Low", "num c-range"], [null, "High", "num c-range"], ["wind", "Wind", "num c-wind"], ["humidity", "Hum. %", "num c-hum"], ["precipitation", "Precip.", "num c-rain"], ["age", "Age", "num"],
];
export function columnTitle(title) {
  const unit = units();
  return { temperature: unit.temperature, Wind: `Wind ${unit.wind}`, "Precip.": `Precip. ${unit.rain}` }[title] ?? title;
}
export function fillRow(row, city, curve, times) {
  const shown = isShown(city), last = shown ? city.observation : NONE, at = observedAt(city);
  const state = h("td", { title: WORDS[city.state] }, mark(city.state), h("span", { class: "hidden" }, WORDS[city.state]));
  const cell = (text, name = "num") => h("td", { class: name }, text);
  row.dataset.id = city.id;
  row.replaceChildren(
    state,
    h("th", { scope: "row" }, h("a", { href: `?city=${city.id}` }, h("bdi", {}, city.name)), rowMarks(city)),
    cell(shown ? h("span", { class: `chip ${bandClass(last.temperature)}` }, temperature(last.temperature), doubtMark(last, "temperature")) : "—"),
    shown
      ? h("td", { class: "weather", title: weatherOf(city) }, conditionIcon(last.code, isNight(city.lat, city.lon, at)), h("bdi", { lang: wordLanguage() }, weatherOf(city)))
      : h("td", { class: "weather" }, h("span", { class: "note" }, lateWords(city))),
    h("td", { class: "c-spark" }, sparkline(city, curve, times, false)),
    cell(curve ? temperature(curve.low / 10) : "—", "num c-range"),
    cell(curve ? temperature(curve.high / 10) : "—", "num c-range"),
    h("td", { class: "num c-wind" }, shown && last.wind_speed !== null ? arrow(last.wind_direction, last.wind_speed) : "", " ", wind(last.wind_speed), doubtMark(last, "wind_speed", "wind_direction")),
    h("td", { class: "num c-hum" }, last.relative_humidity === null ? "—" : Math.round(last.relative_humidity), doubtMark(last, "relative_humidity")),
    h("td", { class: `num c-rain ${last.precipitation === 0 ? "zero" : ""}` }, rain(last.precipitation), doubtMark(last, "precipitation")),
    h("td", { class: `num ${city.state === "fresh" ? "" : city.state}` }, at ? ageOf(at, true) : city.next ? until(Date.parse(city.next.at)) : "—"),
  );
  return row;
}

// What an event of the stream changes.
export function applyObservation(city, observation) {
  if (city.observation && Date.parse(observation.observed_at) < observedAt(city)) return false;
  Object.assign(city, { observation, state: "fresh", failure: null });
  return true;
}
// Move all curves on to the last 24 hours, because a page may stay open for days.
function advanceCurves(curves) {
  const steps = Math.floor((now() / 1000 - curves.begin) / curves.step) - 71;
  if (steps <= 0) return;
  curves.begin += steps * curves.step;
  for (const [id, curve] of Object.entries(curves.curves)) {
    curve.values = [...curve.values, ...Array(Math.min(72, steps)).fill(null)].slice(-72);
    const known = curve.values.filter((value) => value !== null);
    if (known.length) Object.assign(curve, { low: Math.min(...known), high: Math.max(...known) });
    else delete curves.curves[id];
  }
}
function extendCurve(curves, city, observation) {
  const curve = (curves.curves[city.id] ??= { values: Array(72).fill(null), low: Infinity, high: -Infinity, gap: 2 });
  const index = Math.floor((Date.parse(observation.observed_at) / 1000 - curves.begin) / curves.step);
  const value = Math.round(observation.temperature * 10);
  if (index < 0 || failedTests(observation, "temperature").length) return;
  curve.values[Math.min(71, index)] = value;
  curve.low = Math.min(curve.low, value);
  curve.high = Math.max(curve.high, value);
}
// Put observations into the cities that *find*(id) returns and their curves, and *redraw*(city) those that changed.
export function applyObservations(observations, find, curves, redraw) {
  advanceCurves(curves);
  for (const { seq: _, ...observation } of observations) {
    const city = find(observation.city);
    if (!city || !applyObservation(city, observation)) continue;
    extendCurve(curves, city, observation);
    redraw(city);
  }
}
// Put the states of a digest, which names those that are not fresh, into *cities*, and *redraw*(city) those that changed.
export function applyStates(states, cities, redraw) {
  for (const city of cities) {
    const state = states[city.id] ?? "fresh";
    if (state === city.state) continue;
    city.state = state;
    redraw(city);
  }
}
export const sinceText = (at) => duration((now() - at) / 1000);
