// All cities: counts, the strip of temperatures, what needs a look, pinned cards, and the list by pages.
import { fetchJson, query } from "../app/api.js";
import { applyObservations, applyStates, card, COLUMNS, columnTitle, fillCard, fillRow } from "../app/cards.js";
import { h, keep, recall } from "../app/dom.js";
import { capital, homeZone, now, number, setClock, shortDay, temperature, until } from "../app/format.js";
import { mark, STATES, WORDS } from "../app/icons.js";
import { applyNotices, clusterNotices, countNotices, noticeCounts, noticeEntry } from "../app/notices.js";
import { rangeBar } from "../app/spark.js";
import { announce, clockText, countText, pins } from "../app/shell.js";
import { printList } from "./print.js";
import { makeStrip } from "./strip.js";
import { lookEntry, pausedPanel } from "./trouble.js";

const DAYS_PERIOD = 600000; // ms
const LARGE = 6, SMALL = 12, PINNED = 8; // numbers of cities
const FILTERS = ["state", "tag", "search", "warmer", "colder", "sort", "descending", "after", "id"];
const phone = matchMedia("(max-width: 719px)");

export async function open(main, data, { restart }) {
  let { overview, cities: page, curves } = data;
  let filters = readAddress(), pinned = [], isAllTroubleShown = false, spokenAt = 0, daysLoaded = 0;
  const days = new Map(); // charts of large cards, by id
  const shown = new Map(); // by id: a city on the page or pinned
  function readAddress() {
    const parameters = new URLSearchParams(location.search);
    return Object.fromEntries(FILTERS.map((name) => [name, name === "tag" ? parameters.getAll(name).join() : parameters.get(name)]).filter(([, value]) => value));
  }
  const isFiltered = () => ["state", "tag", "search", "warmer", "colder", "id"].some((name) => filters[name]);
  function collect() {
    shown.clear();
    for (const city of [...page.cities, ...pinned]) shown.set(city.id, shown.get(city.id) ?? city);
    page.cities = page.cities.map((city) => shown.get(city.id));
    pinned = pinned.map((city) => shown.get(city.id));
  }
  async function loadPinned() {
    if (overview.total <= LARGE) return (pinned = []);
    const ids = pins(), known = page.cities;
    if (!ids.length) return (pinned = isFiltered() || filters.after ? pinned : known.slice(0, PINNED));
    const missing = ids.filter((id) => !known.some((city) => city.id === id));
    const found = missing.length ? (await fetchJson(`cities${query({ id: missing.join(","), sort: "name" })}`)).cities : [];
    if (found.length) Object.assign(curves.curves, (await fetchJson(`curves?city=${found.map((city) => city.id).join(",")}`)).curves);
    pinned = ids.map((id) => [...known, ...found].find((city) => city.id === id)).filter(Boolean);
  }
  async function load() {
    const newOverview = await fetchJson("overview"); // first: the stream continues after its number, which must not be newer than the cities
    page = await fetchJson(`cities${query({ sort: "name", ...filters, limit: phone.matches ? 25 : 50 })}`);
    overview = newOverview;
    setClock(overview.now);
    const ids = [...new Set([...page.cities.map((city) => city.id), ...(pins().length ? pins() : pinned.map((city) => city.id))])];
    const first = pinned.length && !pins().length ? fetchJson(`cities${query({ id: pinned.map((city) => city.id).join(","), sort: "name" })}`) : null;
    if (ids.length) curves = await fetchJson(`curves?city=${ids.join(",")}`);
    if (first) pinned = (await first).cities;
    else await loadPinned();
    collect();
    return overview.seq;
  }
  async function go(changes, isPage = false) {
    filters = { ...filters, ...(isPage ? {} : { after: null }), ...changes };
    for (const name of FILTERS) if (!filters[name]) delete filters[name];
    history.pushState(null, "", query(filters) || "./");
    await reload();
    announce(countText(page.total));
    if (isPage) list.scrollIntoView({ block: "start" });
  }
  async function reload() {
    const focus = document.activeElement?.dataset?.key;
    const seq = await load();
    draw();
    if (focus) main.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    restart(seq);
  }
  addEventListener("keydown", (event) => { // printed by the browser alone, a page of the list would be all
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    printList(filters).catch(() => print());
  });
  addEventListener("popstate", () => {
    filters = readAddress();
    reload();
  });

  // Head and rail are drawn anew by a digest; cards and rows one by one.
  const head = h("div", { class: "head" }), cluster = h("div"), strip = h("div"), rail = h("aside", { class: "rail", "aria-label": "Needs a look" });
  const top = h("section", { "aria-labelledby": "pinned" }), list = h("section", { "aria-labelledby": "all" });
  main.append(head, cluster, strip, h("div", { class: "with-rail" }, h("div", {}, top, list), rail));

  function chips() {
    const chip = (state, count, text) => h("button", { type: "button", "data-key": `chip-${state}`, "aria-pressed": String((filters.state ?? "all") === state), "aria-label": `${text}, ${countText(count)}`, onclick: () => go({ state: state === "all" ? null : state }) },
      state === "all" ? "" : mark(state), text, h("b", {}, number(count)));
    const states = ["fresh", "stale", "down", "waiting"].filter((state) => overview.counts[state] || state === "fresh");
    return h("div", { class: "chips", role: "group", "aria-label": "Show by state" }, chip("all", overview.total, "All"), states.map((state) => chip(state, overview.counts[state], WORDS[state])));
  }
  function sentence() {
    const { counts, next_poll: next } = overview, wrong = STATES.filter((state) => state !== "fresh" && counts[state]);
    const text = wrong.length ? `${capital(wrong.map((state) => `${number(counts[state])} ${state}`).join(", "))}.` : "All fresh.";
    return h("p", { class: "sentence" }, noticeCounts(overview.notices), h("span", {}, mark(wrong[0] ?? "fresh"), ` ${text}${next ? ` Next poll ${until(Date.parse(next))}.` : ""}`));
  }
  function drawHead() {
    const isSmall = overview.total <= LARGE;
    head.replaceChildren(h("h1", {}, countText(overview.total)), ...(isSmall ? [sentence()] : [chips(), ...noticeCounts(overview.notices)]), h("span", { class: "clock" }, clockText()));
    cluster.replaceChildren(...clusterNotices(overview.cluster));
    const wrong = [overview.notices.alerts && countNotices({ alerts: overview.notices.alerts })[0], overview.counts.down && `${overview.counts.down} down`].filter(Boolean);
    document.title = wrong.length ? `${wrong.join(", ")} – weatherd` : "weatherd";
    drawRail();
  }
  function drawRail() {
    const limit = phone.matches ? 2 : 5, all = [...overview.notices.groups.map(noticeEntry), ...overview.trouble.map((entry) => lookEntry(entry, (state) => go({ state })))];
    const entries = isAllTroubleShown ? all : all.slice(0, limit), total = overview.total - (overview.counts.fresh ?? 0) + overview.notices.alerts + overview.notices.warnings;
    rail.replaceChildren();
    rail.hidden = !entries.length && !overview.paused.length;
    if (entries.length) {
      const more = all.length > limit && h("button", { type: "button", class: "link", "data-key": "more", onclick: () => {
        isAllTroubleShown = !isAllTroubleShown;
        drawRail();
      } }, isAllTroubleShown ? "Show less" : `Show all ${number(total)}`);
      rail.append(h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Needs a look"), h("span", { class: "note" }, number(total))),
        h("ul", { class: "looks" }, entries), more && h("footer", {}, more)));
    }
    for (const pause of overview.paused) rail.append(pausedPanel(pause));
  }
  function drawStrip() {
    strip.replaceChildren(overview.total <= SMALL || !overview.histogram.length ? "" : makeStrip(overview, filters.warmer, pick));
  }
  const pick = (from) => go(from === null || filters.warmer === String(from) ? { warmer: null, colder: null } : { warmer: String(from), colder: String(from + 5) });
  const times = () => curves;
  const curveOf = (city) => curves.curves[city.id];
  function drawTop() {
    top.replaceChildren();
    top.hidden = !pinned.length || overview.total <= SMALL;
    if (top.hidden) return;
    top.append(h("div", { class: "section" }, h("h2", { id: "pinned" }, pins().length ? "Pinned" : "First cities", h("span", {}, number(pinned.length))), h("span", { class: "note" }, phone.matches ? "24 h: low to high" : "Curves: last 24 h, each on its own scale; shaded: night")),
      h("ul", { class: "cards", "aria-label": "Pinned cities" }, pinned.map((city) => h("li", {}, card(city, curveOf(city), times())))));
  }
  const form = () => (overview.total <= SMALL && !recall("form") ? "cards" : (recall("form") ?? "table"));
  function drawList() {
    const isLarge = overview.total <= LARGE && !isFiltered();
    const title = isFiltered() ? `${countText(page.total)} found` : "All cities";
    const button = (name, text) => h("button", { type: "button", "data-key": `form-${name}`, "aria-pressed": String(form() === name), onclick: () => {
      keep("form", name);
      drawList();
      main.querySelector(`[data-key="form-${name}"]`)?.focus();
    } }, text);
    list.replaceChildren(h("div", { class: isLarge ? "hidden" : "section" }, h("h2", { id: "all" }, title, h("span", {}, `by ${filters.sort ?? "name"}`)), isFiltered() && h("button", { type: "button", class: "link", onclick: () => go({ state: null, tag: null, search: null, warmer: null, colder: null, id: null }) }, "Clear the filter"),
      isLarge ? "" : h("div", { class: "options" }, tagSelect(), h("button", { type: "button", class: "link", "data-key": "print", onclick: () => printList(filters) }, "Print"), h("div", { class: "switch", role: "group", "aria-label": "Form of the list" }, button("cards", "Cards"), button("table", "Table")))));
    if (!overview.total) list.append(h("p", { class: "panel nothing" }, "No cities yet. Add one: ", h("code", {}, "weatherd cities add Kiel"), ". The list is read again by itself."));
    else if (!page.cities.length) list.append(h("p", { class: "panel nothing" }, filters.search ? `No city matches “${filters.search}”.` : "No city is in this state."));
    else if (isLarge || form() === "cards") list.append(h("ul", { class: `cards ${isLarge ? "large" : ""}`, "aria-label": "Cities" }, page.cities.map((city) => h("li", {}, largeCard(city, isLarge)))), pager());
    else list.append(h("div", { class: "panel" }, table(), pager()));
    if (isLarge) list.append(h("p", { class: "note section" }, "Add cities in the city list. weatherd reads it again by itself."));
  }
  function tagSelect() {
    const tags = Object.entries(overview.tags);
    return tags.length ? h("select", { "aria-label": "Show by tag", "data-key": "tag", onchange: (event) => go({ tag: event.target.value || null }) }, h("option", { value: "" }, "All tags"), tags.map(([tag, count]) => h("option", { value: tag, selected: filters.tag === tag }, `${tag} (${number(count)})`))) : "";
  }
  function table() {
    const range = `${number(page.first + 1)} to ${number(page.first + page.cities.length)} of ${number(page.total)}`;
    const heads = COLUMNS.map(([key, title, name]) => {
      const isSorted = (filters.sort ?? "name") === key, isDown = isSorted && filters.descending === "true";
      const text = key === "state" ? h("span", { class: "hidden" }, "State") : columnTitle(title);
      const press = () => go({ sort: key, descending: String(isSorted ? !isDown : ["temperature", "wind", "humidity", "precipitation"].includes(key)) });
      return h("th", { scope: "col", class: name, "aria-sort": isSorted ? (isDown ? "descending" : "ascending") : null },
        key ? h("button", { type: "button", "data-key": `sort-${key}`, onclick: press }, key === "state" ? "•" : "", text, isSorted ? (isDown ? " ↓" : " ↑") : "") : text);
    });
    return h("div", { class: "scroll", role: "region", "aria-label": "Cities", tabindex: 0 }, h("table", {}, h("caption", { class: "hidden" }, `Cities, sorted by ${filters.sort ?? "name"}, ${range}`),
      h("thead", {}, h("tr", {}, heads)), h("tbody", {}, page.cities.map((city) => fillRow(h("tr"), city, curveOf(city), times())))));
  }
  function pager() {
    if (page.total <= page.cities.length) return "";
    const step = (text, after) => after !== null && h("button", { type: "button", class: "link", "data-key": `page-${text}`, onclick: () => go({ after }, true) }, text);
    return h("footer", { class: "pager" }, h("span", {}, `${number(page.first + 1)}–${number(page.first + page.cities.length)} of ${number(page.total)}`), h("span", { class: "options" }, step("Previous", page.previous), step("Next", page.next)));
  }

  // Large cards have the last days too, on one scale for all cards.
  function largeCard(city, isLarge) {
    const node = card(city, curveOf(city), times(), { large: isLarge });
    if (isLarge) addDays(node, city);
    return node;
  }
  function addDays(node, city) {
    const all = [...days.values()].filter((slots) => slots.begin.length);
    if (all.length < 1 || !days.get(city.id)?.begin.length) return;
    const scale = [Math.min(...all.flatMap((slots) => slots.low)), Math.max(...all.flatMap((slots) => slots.high))], slots = days.get(city.id);
    const rows = slots.begin.map((begin, index) => h("li", {}, h("span", {}, index === slots.begin.length - 1 ? "Today" : shortDay(begin * 1000, city.timezone ?? homeZone)), h("span", {}, temperature(slots.low[index])), rangeBar(slots.low[index], slots.high[index], scale), h("span", {}, temperature(slots.high[index]))));
    node.append(h("ul", { class: "days" }, rows.reverse().slice(0, 5)));
  }
  async function loadDays() {
    if (overview.total > LARGE) return;
    daysLoaded = now();
    for (const city of page.cities) days.set(city.id, (await fetchJson(`cities/${city.id}/chart`)).days);
    for (const city of page.cities) redrawCity(city); // on one scale
  }

  function draw() {
    drawHead();
    drawStrip();
    drawTop();
    drawList();
  }
  await loadPinned();
  collect();
  draw();
  loadDays().catch(() => {});

  function redrawCity(city) {
    for (const node of main.querySelectorAll(`[data-id="${city.id}"]`)) {
      if (node.tagName === "TR") fillRow(node, city, curveOf(city), times());
      else {
        fillCard(node, city, curveOf(city), times(), Boolean(node.closest(".large")));
        if (node.closest(".large")) addDays(node, city);
      }
    }
  }
  return {
    seq: overview.seq,
    cities: () => [...shown.keys()],
    draw,
    update(observations) {
      applyObservations(observations, (id) => shown.get(id), curves, redrawCity);
    },
    async digest(digest) {
      if (digest.edition !== overview.edition) return reload(); // cities were added or removed
      if (now() - daysLoaded > DAYS_PERIOD) loadDays().catch(() => {});
      const { notices } = overview, isNoticed = digest.alerts !== notices.alerts || digest.warnings !== notices.warnings;
      const changed = isNoticed || digest.total !== overview.total || JSON.stringify(digest.cluster) !== JSON.stringify(overview.cluster) || JSON.stringify(digest.counts) !== JSON.stringify(overview.counts);
      const down = (digest.counts.down ?? 0) - (overview.counts.down ?? 0);
      const news = [down > 0 && `${countText(digest.counts.down)} down`, (digest.alerts > notices.alerts || digest.warnings > notices.warnings) && countNotices(digest).join(", ")].filter(Boolean);
      if (news.length && Date.now() - spokenAt > 30000) {
        spokenAt = Date.now();
        announce(news.join(", "));
      }
      Object.assign(overview, { counts: digest.counts, total: digest.total });
      applyStates(digest.states, shown.values(), redrawCity);
      applyNotices(digest.notices, shown.values(), redrawCity);
      if (!changed || main.contains(document.activeElement) && head.contains(document.activeElement)) return drawClock();
      overview = await fetchJson("overview");
      drawHead();
      drawStrip();
    },
    async catchUp() {
      const seq = await load();
      draw();
      return seq;
    },
  };
  function drawClock() {
    head.querySelector(".clock").textContent = clockText();
  }
}
