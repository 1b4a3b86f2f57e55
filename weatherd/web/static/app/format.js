// Numbers, units and times as text. The API is in SI units; they are converted here, at the last moment.
import { keep, recall } from "./dom.js";

const SYSTEMS = {
  metric: { temperature: "°C", wind: "m/s", pressure: "hPa", rain: "mm", distance: "km" },
  us: { temperature: "°F", wind: "mph", pressure: "inHg", rain: "in", distance: "mi" },
  uk: { temperature: "°C", wind: "mph", pressure: "hPa", rain: "mm", distance: "mi" },
};
const SPOKEN = { "m/s": "metres per second", mph: "miles per hour", "°C": "degrees", "°F": "degrees Fahrenheit" };
const FACTORS = { mph: 2.2369363, inHg: 0.0295299833, in: 1 / 25.4, mi: 1 / 1609.344, km: 0.001 };
const NBSP = "\u00a0";

let system = recall("units") ?? document.documentElement.dataset.units ?? "metric";
if (!SYSTEMS[system]) system = "metric";
export const units = () => SYSTEMS[system];
export const unitSystem = () => system;
export function chooseUnits(name) {
  system = name;
  keep("units", name);
}

// Words for the weather: from its code, in the reader's language. The document has those of the daemon's language.
export const LANGUAGES = { en: "English", cs: "Čeština", da: "Dansk", de: "Deutsch", es: "Español", fi: "Suomi", fr: "Français", it: "Italiano", nb: "Norsk bokmål", nl: "Nederlands", nn: "Norsk nynorsk", pl: "Polski", pt: "Português", sv: "Svenska" };
export const homeZone = document.documentElement.dataset.zone ?? "UTC"; // of cities without one
const ownLanguage = document.documentElement.dataset.language ?? "en";
let language = LANGUAGES[recall("language")] ? recall("language") : ownLanguage, table = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
const ownTable = table;
export const wordLanguage = () => language;
export async function chooseLanguage(name, load) {
  if (name !== language) keep("language", name);
  language = name;
  table = name === ownLanguage ? ownTable : (await load(`words?language=${name}`)).words;
}
export function weatherWords({ code, description }, night) {
  const words = table[code] ?? description.slice(0, 200);
  return capital(typeof words === "string" ? words : words[night ? 1 : 0]);
}

const formats = new Map();
export function number(value, digits = 0) {
  if (value === null || value === undefined) return "—";
  if (!formats.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative" };
    formats.set(digits, new Intl.NumberFormat("en", options));
  }
  return formats.get(digits).format(value).replace("-", "\u2212");
}
const convert = (value, unit) => (value === null || value === undefined ? null : value * (FACTORS[unit] ?? 1));

export const toDegrees = (celsius) => (celsius === null ? null : units().temperature === "°F" ? celsius * 1.8 + 32 : celsius);
export const degrees = (celsius, digits = 0) => number(celsius === null || celsius === undefined ? null : toDegrees(celsius), digits);
export const temperature = (celsius, digits = 0) => `${degrees(celsius, digits)}${celsius === null || celsius === undefined ? "" : "°"}`;
export const toWind = (value) => convert(value, units().wind);
export const toPressure = (value) => convert(value, units().pressure);
export const toRain = (value) => convert(value, units().rain);
export const wind = (value, digits = 0) => number(toWind(value), digits);
export const pressure = (value) => number(toPressure(value), units().pressure === "inHg" ? 2 : 0).replace(",", "");
export function rain(value) {
  const converted = toRain(value), digits = units().rain === "in" ? 2 : 1, least = 10 ** -digits;
  if (converted === 0) return "0";
  return converted !== null && converted < least ? `<${NBSP}${least}` : number(converted, digits);
}
export function distance(metres) {
  if (metres === null || metres === undefined) return ["—", ""];
  const unit = units().distance, value = convert(metres, unit);
  if (unit === "km" && value < 1) return [number(Math.round(metres / 100) * 100), "m"];
  return [number(value, value < 10 ? 1 : 0), unit];
}
export const withUnit = (text, unit) => (text === "—" ? text : `${text}${NBSP}${unit}`);
export const spoken = (unit) => SPOKEN[unit] ?? unit;
export const said = (text) => String(text).replace("\u2212", "minus ").replace("°", " degrees");
export const band = (celsius) => Math.max(0, Math.min(17, Math.floor((celsius + 42.5) / 5)));
export const bandClass = (celsius) => (celsius === null || celsius === undefined ? "" : `t${band(celsius)}`);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

// Times. Ages are reckoned with the server's clock.
let offset = 0; // milliseconds that the server's clock is ahead
export const setClock = (text) => (offset = Date.parse(text) - Date.now());
export const now = () => Date.now() + offset;

const clocks = new Map();
function clock(zone, options) {
  const key = `${zone}${JSON.stringify(options)}`;
  if (!clocks.has(key)) clocks.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone ?? undefined, ...options }));
  return clocks.get(key);
}
export const hours = (at, zone) => clock(zone, { hour: "2-digit", minute: "2-digit" }).format(at);
export const seconds = (at, zone) => clock(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
export const day = (at, zone) => clock(zone, { weekday: "short", day: "numeric", month: "short" }).format(at).replace(",", "");
export const shortDay = (at, zone) => clock(zone, { weekday: "short", day: "numeric" }).format(at).replace(",", "");
export const monthDay = (at, zone) => clock(zone, { day: "numeric", month: "short" }).format(at);
export const month = (at, zone) => clock(zone, { month: "short", year: "numeric" }).format(at);
export const year = (at, zone) => clock(zone, { year: "numeric" }).format(at);
export const zoneName = (at, zone) => clock(zone, { timeZoneName: "short" }).formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
export const fullTime = (at) => new Date(at).toISOString().replace(/\.\d+Z/, "Z");

export function duration(total) {
  const minutes = Math.floor(total / 60), hour = Math.floor(minutes / 60);
  if (total < 60) return `${Math.max(0, Math.floor(total))}${NBSP}s`;
  if (minutes < 60) return `${minutes}${NBSP}min`;
  if (hour < 6) return `${hour}${NBSP}h${minutes % 60 ? ` ${minutes % 60}${NBSP}min` : ""}`;
  return hour < 24 ? `${hour}${NBSP}h` : `${Math.floor(hour / 24)}${NBSP}d`;
}
export function age(at, short = false) {
  const total = (now() - at) / 1000;
  if (total < 60) return short ? "now" : "just now";
  if (total >= 7 * 86400) return `${short ? "" : "on "}${monthDay(at)}`;
  return `${duration(total)}${short ? "" : " ago"}`;
}
export const until = (at) => (at <= now() ? "now" : `in ${duration((at - now()) / 1000)}`);
