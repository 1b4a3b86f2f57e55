// The wall: cards as large as they fit, for a screen that nobody touches for months.
import { fetchJson, query } from "../app/api.js";
import { applyObservations, applyStates, card, fillCard, sinceText } from "../app/cards.js";
import { h } from "../app/dom.js";
import { fullTime, hours, now, number, setClock } from "../app/format.js";
import { mark } from "../app/icons.js";
import { applyNotices, noticeMark, noticeText } from "../app/notices.js";
import { stateCounts } from "../app/shell.js";
import { nights } from "../app/sky.js";

// Up to how many cities: columns, rows, and the class of the sizes.
const GRIDS = [[1, 1, 1], [2, 2, 1], [4, 2, 2], [6, 3, 2], [9, 3, 3], [12, 4, 3], [20, 5, 4], [30, 6, 5]];
const PAGE = 30, TURN = 20000, STEP = 300000, LONG = 600000, BRIGHT = 60000;

export async function open(main, data, { restart }) {
  let { overview, cities: page, curves } = data, shown = [], lostAt = null, turn = 0, brightUntil = 0;
  const parameters = new URLSearchParams(location.search), dim = /^(\d{1,2})-(\d{1,2})$/.exec(parameters.get("dim") ?? "");
  const head = h("header", { class: "wall-head" }), grid = h("ul", { class: "wall cards" }), foot = h("footer", { class: "wall-foot" });
  main.append(head, grid, foot);
  main.setAttribute("aria-label", "Weather wall");

  function layOut() {
    const count = Math.max(1, Math.min(PAGE, shown.length)), [most, columns, rows] = GRIDS.find(([limit]) => count <= limit), upright = innerHeight > innerWidth;
    grid.className = `wall cards w${most} c${upright ? rows : columns} ${most > 12 ? "no-spark" : ""}`;
  }
  function drawHead() {
    const date = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" }).format(now()).replace(",", "");
    const lost = lostAt !== null && now() - lostAt > 90000 ? h("b", { class: "stale" }, `No connection since ${hours(lostAt)}`) : "";
    head.replaceChildren(h("h1", { class: "hidden" }, "Weather"), h("time", { datetime: fullTime(now()) }, hours(now())), h("span", {}, date, lost && " · ", lost), h("span", { class: "counts" }, stateCounts(overview.counts)));
    grid.parentElement.classList.toggle("is-old", lostAt !== null && now() - lostAt > LONG);
  }
  function drawFoot() {
    const entries = [...overview.cluster.map((text) => [mark("stale"), { names: [], count: 0 }, text]), ...overview.notices.groups.map((group) => [noticeMark(group), group, noticeText(group)]), ...overview.trouble.map((entry) => [mark(entry.state), entry, `${entry.state}${entry.since ? `, ${sinceText(Date.parse(entry.since))}` : ""}`])];
    const more = entries.length - 3, text = ([sign, { names, count }, what]) => h("span", {}, sign, " ", names.length ? [h("bdi", {}, names.join(", ")), count > names.length ? ` and ${number(count - names.length)} more` : "", ": "] : "", h("bdi", {}, what));
    foot.replaceChildren(...entries.slice(0, 3).map(text), more > 0 ? h("span", { class: "more" }, `and ${number(more)} more`) : "");
  }
  function drawGrid() {
    layOut();
    grid.replaceChildren(...shown.map((city) => h("li", {}, card(city, curves.curves[city.id], curves, { link: false }))));
  }
  async function load() {
    const pages = Math.max(1, Math.ceil(overview.total / PAGE)), wanted = overview.total > PAGE ? { sort: "state" } : { sort: "name" };
    const known = alertKeys();
    overview = await fetchJson("overview"); // first: the stream continues after its number, which must not be newer than the cities
    page = await fetchJson(`cities${query({ ...wanted, after: pages > 1 && turn % pages ? page.next : null, limit: PAGE })}`);
    setClock(overview.now);
    if (alertKeys().some((key) => !known.includes(key))) brightUntil = now() + BRIGHT; // an alert that fires is seen at night, too
    if (page.cities.length) curves = await fetchJson(`curves?city=${page.cities.map((city) => city.id).join(",")}`);
    shown = page.cities;
    draw();
    return overview.seq;
  }
  function draw() {
    setBrightness();
    drawHead();
    drawGrid();
    drawFoot();
  }
  function alertKeys() {
    return overview.notices.groups.filter((group) => group.kind === "alert").flatMap((group) => [`${group.title} ${group.since}`, ...group.cities.map((id) => `${group.title} ${id}`)]);
  }
  function redraw(city) {
    const node = grid.querySelector(`[data-id="${city.id}"]`);
    if (node) fillCard(node, city, curves.curves[city.id], curves);
  }

  // Night: from an hour after sunset to half an hour before sunrise at the first city, or as ?dim=22-6 says.
  function isDim() {
    if (dim) {
      const hour = new Date(now()).getHours(), [from, to] = [Number(dim[1]), Number(dim[2])];
      return from > to ? hour >= from || hour < to : hour >= from && hour < to;
    }
    const city = shown[0];
    return Boolean(city) && nights(city.lat, city.lon, now() - 86400000, now() + 86400000).some(([from, to]) => now() > from + 3600000 && now() < to - 1800000);
  }
  function setBrightness() {
    document.body.classList.toggle("dim", isDim() && now() >= brightUntil);
  }
  function everyMinute() {
    main.className = `p${Math.floor(now() / STEP) % 8}`; // against burn-in; before the head is drawn, which adds a class
    drawHead();
    setBrightness();
    const date = new Date();
    if (date.getHours() === 4 && date.getMinutes() === 0 && performance.now() > 120000) fetch("./").then((response) => response.ok && location.reload()).catch(() => {});
  }
  async function keepAwake() {
    if (!document.hidden) await navigator.wakeLock?.request("screen").catch(() => {});
  }
  let idle = 0;
  const wake = () => {
    document.body.classList.remove("idle");
    clearTimeout(idle);
    idle = setTimeout(() => document.body.classList.add("idle"), 3000);
  };
  addEventListener("pointermove", wake);
  addEventListener("resize", layOut);
  document.addEventListener("visibilitychange", keepAwake);
  wake();
  keepAwake();

  await load();
  everyMinute();
  setInterval(everyMinute, 60000 / 4);
  setInterval(() => {
    if (overview.total <= PAGE) return;
    turn += 1;
    load().then(restart).catch(() => {});
  }, TURN);
  return {
    seq: overview.seq,
    cities: () => shown.map((city) => city.id),
    draw,
    connection(state, lost) {
      lostAt = state === "lost" ? lost : null;
      drawHead();
    },
    update(observations) {
      applyObservations(observations, (id) => shown.find((city) => city.id === id), curves, redraw);
    },
    async digest(digest) {
      const changed = digest.edition !== overview.edition || digest.alerts !== overview.notices.alerts || digest.warnings !== overview.notices.warnings || JSON.stringify(digest.cluster) !== JSON.stringify(overview.cluster) || JSON.stringify(digest.counts) !== JSON.stringify(overview.counts);
      applyStates(digest.states, shown, redraw);
      applyNotices(digest.notices, shown, redraw);
      Object.assign(overview, { counts: digest.counts, total: digest.total });
      if (changed) restart(await load());
    },
    catchUp: load,
  };
}
