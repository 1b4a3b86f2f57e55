// What every view has: units, theme, search, keys, the state of the connection.
import { fetchJson, query, Unavailable } from "./api.js";
import { h, keep, recall, svg } from "./dom.js";
import { chooseLanguage, chooseUnits, hours, LANGUAGES, now, number, said, seconds, temperature, units, unitSystem, wordLanguage } from "./format.js";
import { mark, WORDS } from "./icons.js";

const root = document.documentElement;
const icon = (d) => svg("svg", { width: 18, height: 18, viewBox: "0 0 18 18", fill: "none", stroke: "currentColor", "stroke-width": 1.6, "aria-hidden": "true", "stroke-linecap": "round", "stroke-linejoin": "round" }, svg("path", { d }));
const MOON = "M15 10.6A6.5 6.5 0 1 1 7.4 3a5 5 0 0 0 7.6 7.6Z";
const live = h("span", { class: "live", role: "status" });

export function setUpShell(redraw) {
  const unitButton = h("button", { type: "button", onclick: () => choose(unitButton, redraw) });
  nameUnits(unitButton);
  const themeButton = h("button", { type: "button", "aria-label": "Dark or light", onclick: () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep("theme", root.dataset.theme);
  } }, icon(MOON));
  document.querySelector(".tools").append(live, unitButton, themeButton);
  addTabs();
  setUpSearch(document.querySelector(".find"));
  setUpKeys();
}

function nameUnits(button) {
  button.textContent = units().temperature;
  button.setAttribute("aria-label", `Units and language: ${units().temperature}, ${units().wind}, ${LANGUAGES[wordLanguage()]}`);
}
function choose(button, redraw) {
  const select = (name, texts, value, act) => h("label", {}, name, h("select", { onchange: async (event) => {
    await act(event.target.value);
    nameUnits(button);
    redraw();
  } }, Object.entries(texts).map(([key, text]) => h("option", { value: key, selected: key === value }, text))));
  showDialog("choices", "In this browser",
    h("div", { class: "choices" }, select("Units", { metric: "°C, m/s, hPa, mm", uk: "°C, mph, hPa, mm", us: "°F, mph, inHg, in" }, unitSystem(), chooseUnits), select("Words for the weather", LANGUAGES, wordLanguage(), (name) => chooseLanguage(name, fetchJson))));
}
function showDialog(id, title, ...content) {
  const dialog = h("dialog", { "aria-labelledby": id, onclose: () => dialog.remove() }, h("h2", { id }, title), content,
    h("form", { method: "dialog" }, h("button", { class: "pill" }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}

function addTabs() {
  const drawings = { overview: "M3 8.2 9 3l6 5.2V15H3Z", map: "M2 4l4.5-1.5 5 2L16 3v11l-4.5 1.5-5-2L2 15ZM6.500 2.500v11M11.500 4.500v11", service: "M1.500 9h3l2.500-6 4 12 2.500-6h3" };
  const views = document.querySelector(".views");
  for (const link of views.querySelectorAll("a")) link.prepend(icon(drawings[link.dataset.view]));
  const find = h("button", { type: "button", class: "tab", onclick: () => {
    const open = document.querySelector(".find").classList.toggle("open");
    if (open) document.querySelector(".find input").focus();
  } }, icon("M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10ZM11.800 11.800 15.500 15.500"), "Find");
  views.append(find);
}

// The state of the stream, in the header and, if it is lost, in a banner.
export function showConnection(state, lost, next, retry) {
  const banner = document.getElementById("banner");
  const texts = { live: ["fresh", "Live"], lost: ["stale", "Reconnecting"], full: ["waiting", "Every 60 s"] };
  const [name, text] = texts[state];
  if (banner.dataset.state === "updated" && state !== "lost") return live.replaceChildren(mark(name), text);
  if (live.textContent !== text) live.replaceChildren(mark(name), text);
  if (state === "live") {
    if (banner.dataset.state === "lost") setTimeout(() => banner.dataset.state === "live" && banner.replaceChildren(), 5000);
    banner.replaceChildren(banner.dataset.state === "lost" ? "Live again." : "");
    if (banner.dataset.state !== "lost") banner.replaceChildren();
  } else if (state === "full") banner.replaceChildren("Too many pages are open for live values. This one refreshes every 60 s.");
  else {
    const offline = navigator.onLine === false ? "This device is offline." : "Connection lost.";
    const wait = Math.max(1, Math.round((next - now()) / 1000));
    banner.replaceChildren(h("span", {}, `${offline} Values are from `, h("time", { datetime: new Date(lost).toISOString() }, seconds(lost)), `. Trying again in ${wait} s.`),
      h("button", { type: "button", onclick: retry }, "Try now"));
  }
  banner.dataset.state = state;
}

export function showUpdate(version) {
  const banner = document.getElementById("banner");
  banner.dataset.state = "updated";
  banner.replaceChildren(h("span", {}, `weatherd was updated to ${version}.`), h("button", { type: "button", onclick: () => location.reload() }, "Reload"));
}

function setUpSearch(form) {
  const input = form.querySelector("input"), list = h("ul", { class: "results", role: "listbox", id: "results", "aria-label": "Cities", hidden: true });
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "results", "aria-autocomplete": "list" })) input.setAttribute(name, value);
  form.append(h("kbd", { "aria-hidden": "true" }, "/"), list);
  let timer = 0, request = null, chosen = -1;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (index) => {
    const options = list.querySelectorAll("[role=option]");
    if (!options.length) return;
    chosen = (index + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === chosen)));
    input.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  };
  async function search() {
    request?.abort();
    const text = input.value.trim();
    if (!text) return close();
    request = new AbortController();
    try {
      const { cities } = await fetchJson(`cities${query({ search: text, limit: 8, sort: "name" })}`, request.signal);
      chosen = -1;
      list.replaceChildren(...cities.map((city, index) => {
        const value = city.observation ? temperature(city.observation.temperature) : "—";
        return h("li", { role: "option", id: `r${index}`, "aria-selected": "false", "aria-label": `${city.name}, ${said(value)}, ${WORDS[city.state].toLowerCase()}`, onclick: () => open(city), "data-id": city.id },
          mark(city.state), h("bdi", {}, city.name), h("span", { class: "number" }, value));
      }));
      if (!cities.length) list.append(h("li", {}, `No city matches “${text}”.`));
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
    } catch (error) {
      if (error instanceof Unavailable) list.replaceChildren(h("li", {}, error.message));
    }
  }
  const open = (city) => location.assign(`?city=${city.id}`);
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
    }
  });
  form.addEventListener("submit", (event) => {
    const option = list.querySelectorAll("[role=option]")[Math.max(0, chosen)];
    if (list.hidden || !option) return;
    event.preventDefault();
    location.assign(`?city=${option.dataset.id}`);
  });
  addEventListener("pointerdown", (event) => form.contains(event.target) || close());
}

const KEYS = [["/", "find a city"], ["g o, g m, g s", "Overview, Map, Service"], ["j, k", "next, previous city"], ["Enter", "open the city"], ["[, ]", "previous, next city (City)"],
  ["1, 2, 3, 4", "24 h, 7 d, 90 d, 1 y (City)"], ["← →", "move the crosshair (chart in focus)"], ["+ - 0", "zoom, fit (map in focus)"], ["p", "pin, unpin (City)"], ["?", "this list"], ["Esc", "close, back"]];
export const shortcuts = {}; // of the view, by key
function setUpKeys() {
  let before = "";
  addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input, select, textarea, dialog");
    if (field || event.ctrlKey || event.metaKey || event.altKey || recall("keys") === "off") return;
    const view = before === "g" && { o: "./", m: "?view=map", s: "?view=service" }[event.key];
    before = event.key;
    if (view) return location.assign(view);
    if (event.key === "/") {
      document.querySelector(".find").classList.add("open");
      document.querySelector(".find input").focus();
    } else if (event.key === "?") showKeys();
    else if (event.key === "j" || event.key === "k") moveFocus(event.key === "j" ? 1 : -1);
    else if (shortcuts[event.key]) shortcuts[event.key]();
    else return;
    event.preventDefault();
  });
}
function moveFocus(step) {
  const links = [...document.querySelectorAll("main a.card, main tbody th a")].filter((link) => link.offsetParent);
  const place = links.indexOf(document.activeElement);
  links[place < 0 ? 0 : Math.min(links.length - 1, Math.max(0, place + step))]?.focus();
}
function showKeys() {
  const box = h("input", { type: "checkbox", onchange: () => keep("keys", box.checked ? "on" : "off") });
  box.checked = recall("keys") !== "off";
  showDialog("keys", "Keys",
    h("dl", {}, KEYS.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])),
    h("p", {}, h("label", {}, box, " Single keys work")));
}

// Announce a text to screen readers. Callers limit how often.
const spokenRegion = h("div", { class: "hidden", "aria-live": "polite" });
export function announce(text) {
  if (!spokenRegion.isConnected) document.body.append(spokenRegion);
  spokenRegion.textContent = text;
}
export const pins = () => recall("pins", []);
export function togglePin(id) {
  keep("pins", pins().includes(id) ? pins().filter((pin) => pin !== id) : [...pins(), id].slice(-12));
}
export const stateCounts = (counts) => ["fresh", "stale", "down", "waiting"].filter((state) => counts[state]).map((state) => h("span", {}, mark(state), ` ${number(counts[state])} ${WORDS[state].toLowerCase()}`));
export const countText = (count) => (count === 1 ? "1 city" : `${number(count)} cities`);
export const clockText = () => `${new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" }).format(now()).replace(",", "")}, ${hours(now())}`;
