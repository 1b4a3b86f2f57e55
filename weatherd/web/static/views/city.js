// One city: its value, tiles, chart, days, and why the value is what it is.
import { fetchJson, query } from "../app/api.js";
import { ageOf, applyObservation, bigNumber, doubtMark, failedTests, isShown, observedAt, weatherOf } from "../app/cards.js";
import { makeChart, MIN_HOURS } from "../app/chart.js";
import { h, keep, recall } from "../app/dom.js";
import { capital, day, degrees, distance, duration, fullTime, hours, now, number, plural, pressure, rain, seconds, temperature, units, until, wind, wordLanguage, zoneName } from "../app/format.js";
import { arrow, conditionIcon, mark, WORDS } from "../app/icons.js";
import { announce, pins, shortcuts, togglePin } from "../app/shell.js";
import { isNight, nights, windName } from "../app/sky.js";
import { lastMidnight, rangeBar } from "../app/spark.js";
import { attemptList } from "./attempts.js";
import { noticeList } from "./city-notices.js";
import { makeComparison } from "./comparison.js";
import { radioSwitch } from "./radio-switch.js";
import { makeRecord, PARTS } from "./record.js";

const SPANS = [["24h", "24 h", "Last 24 hours"], ["7d", "7 d", "Last 7 days"], ["90d", "90 d", "Last 90 days"], ["1y", "1 y", "Last year"]];
const EXTRA = [["feels", "feels like"], ["humidity", "humidity"], ["cloud", "cloud"]];
const STALE = "Stale after";
const phone = matchMedia("(max-width: 719px)");

export async function open(main, data) {
  let { city, chart, neighbours, alerts, warnings } = data, today = chart.span === "24h" ? chart : null, drawn = null, spokenAt = 0;
  let span = chart.span;
  const options = new Set(recall("panels", []));
  const zone = chart.zone, hasZone = city.timezone !== null;
  const clock = (at) => hours(at, zone);
  const head = h("div", { class: "city-head" }), panel = h("section", { class: "panel", "aria-label": "Now" }), notice = h("div"), notices = h("div");
  const chartPanel = h("section", { class: "panel", role: "group" }), daysPanel = h("section", { class: "panel" }), why = h("section", { class: "panel" });
  const record = makeRecord(city, zone, data.days, keepAddress), comparison = city.compare.length || city.providers.length > 1 ? makeComparison(city) : null;
  const rail = h("aside", { class: "rail last", "aria-label": "Why this value" }, why), columns = h("div", { class: "with-rail" }, h("div", { class: "stack" }, chartPanel, daysPanel, record.node, comparison?.node), rail);
  main.append(head, panel, notice, notices, columns);

  function drawHead() {
    const pinned = pins().includes(city.id);
    const star = h("button", { type: "button", class: "pill", "aria-pressed": String(pinned), onclick: pin }, pinned ? "★ Pinned" : "☆ Pin");
    const [before, after] = neighbours;
    const local = h("time", { datetime: fullTime(now()) }, clock(now()));
    head.replaceChildren(
      h("div", {}, h("nav", { "aria-label": "Path" }, h("a", { href: "./" }, "Overview"), " / ", h("bdi", {}, city.name)), h("h1", { title: city.name }, h("bdi", {}, city.name)),
        h("p", { class: "note" }, `${number(city.lat, 3)}, ${number(city.lon, 3)} · `, local, ` ${hasZone ? "local" : "here"} (${zoneName(now(), zone)})`)),
      h("div", {}, star, before.id !== city.id && h("span", { class: "switch" }, h("a", { href: `?city=${before.id}`, "aria-label": `Previous city: ${before.name}` }, "‹ ", h("bdi", {}, before.name)), h("a", { href: `?city=${after.id}`, "aria-label": `Next city: ${after.name}` }, h("bdi", {}, after.name), " ›"))));
    document.title = `${city.name} ${isShown(city) ? temperature(city.observation.temperature) : ""} – weatherd`;
  }
  function pin() {
    togglePin(city.id);
    drawHead();
    head.querySelector(".pill").focus();
  }
  Object.assign(shortcuts, { p: pin, "[": () => location.assign(`?city=${neighbours[0].id}`), "]": () => location.assign(`?city=${neighbours[1].id}`), Escape: () => location.assign("./") });
  SPANS.forEach(([name], index) => (shortcuts[index + 1] = () => choose(name)));

  function sunText() {
    const start = lastMidnight(now(), zone), end = start + 86400000, dark = nights(city.lat, city.lon, start, end);
    if (!dark.length) return "The sun does not set today.";
    if (dark.length === 1 && dark[0][0] === start && dark[0][1] === end) return "The sun does not rise today.";
    const rise = dark.find(([, to]) => to < end)?.[1], set = dark.find(([from]) => from > start)?.[0];
    return [rise && `Sunrise ${clock(rise)}`, set && `sunset ${clock(set)}`].filter(Boolean).join(", ") + ".";
  }
  const todayOf = ({ days }) => {
    const index = days.begin.length - 1;
    return index >= 0 && days.end[index] * 1000 > now() ? index : -1;
  };
  function drawNow() {
    const last = city.observation, shown = isShown(city), index = todayOf(chart), { days } = chart;
    const range = index < 0 ? "" : `Low ${temperature(days.low[index], 1)} and high ${temperature(days.high[index], 1)} today. `;
    const at = observedAt(city);
    const state = h("p", {}, mark(city.state), h("b", { class: city.state === "fresh" ? "" : city.state }, ` ${WORDS[city.state]}`), ...(at ? [" · observed ", `${clock(at)} ${zoneName(at, zone)}, `, ageOf(at), ` · ${last.provider}`] : [city.next ? ` · No value yet; the next poll is ${until(Date.parse(city.next.at))}.` : ""]));
    const ninety = chart.lowest === null || chart.highest - chart.lowest < 1 || index < 0 ? "" : h("div", { class: "ninety" }, h("p", { class: "note" }, "Last 90 days, and now"), h("div", { class: "range" }, rangeBar(chart.lowest, chart.highest, [chart.lowest, chart.highest], shown ? last.temperature : null)),
      h("p", { class: "ends" }, h("span", {}, temperature(chart.lowest, 1)), h("span", {}, temperature(chart.highest, 1))));
    panel.replaceChildren(
      h("div", { class: "now" }, bigNumber(shown ? last.temperature : null, 1, units().temperature, shown && doubtMark(last, "temperature")), shown ? conditionIcon(last.code, isNight(city.lat, city.lon, at)) : h("span", { class: "icon" }),
        h("div", { class: "text" }, h("p", { class: "words" }, shown ? h("bdi", { lang: wordLanguage() }, weatherOf(city)) : last ? `last ${temperature(last.temperature, 1)} at ${clock(at)}` : "No value yet"), h("p", {}, range + sunText()), state), ninety),
      tiles(shown ? last : null));
    notice.replaceChildren(city.failure && city.state !== "fresh" ? h("p", { class: `notice ${city.state === "down" ? "is-down" : ""}` }, mark(city.state), h("span", {}, h("b", {}, `${WORDS[city.state]}. `), h("bdi", {}, city.failure.slice(0, 400)))) : city.notices.length && !phone.matches ? "" : h("div", { class: "section" }));
  }
  function trend() {
    const source = today?.slots, values = source?.pressure_msl ?? [], end = values.length - 1;
    if (end < 0 || values[end] === null) return "";
    const start = source.begin.findIndex((begin, index) => begin >= source.begin[end] - 3 * 3600 && values[index] !== null);
    if (start < 0 || source.begin[end] - source.begin[start] < 2.5 * 3600) return "";
    const change = values[end] - values[start];
    return Math.abs(change) <= 1 ? "steady" : `${change > 0 ? "rising" : "falling"}, ${change > 0 ? "+" : "−"}${pressure(Math.abs(change))} in 3 h`;
  }
  function tiles(last) {
    const unit = units(), index = todayOf(chart), { days } = chart;
    const tile = (name, value, suffix, text, lead = "", ...fields) => h("div", {}, h("dt", {}, name), h("dd", {}, lead, lead && " ", value, doubtMark(last, ...fields), " ", h("small", {}, value === "—" ? "" : suffix)), h("dd", {}, failedTests(last, ...fields).length ? `suspect: ${failedTests(last, ...fields).join(", ")}` : text || "\u00a0"));
    const cold = last?.apparent_temperature !== null && last?.apparent_temperature < last?.temperature - 0.5, warm = last?.apparent_temperature > last?.temperature + 0.5;
    const [seen, seenUnit] = distance(last?.visibility), direction = last?.wind_direction ?? null;
    return h("dl", { class: "tiles" },
      tile("Feels like", degrees(last?.apparent_temperature, 1), unit.temperature, cold ? "colder than it is" : warm ? "warmer than it is" : ""),
      tile("Wind", wind(last?.wind_speed ?? null, 1), unit.wind, last && last.wind_speed !== null ? (last.wind_speed < 0.5 ? "calm" : `from ${windName(direction)}`) : "", last && last.wind_speed !== null ? arrow(direction, last.wind_speed) : "", "wind_speed", "wind_direction"),
      tile("Gust", wind(last?.wind_gust ?? null, 1), unit.wind, index >= 0 && days.wind_gust[index] !== null ? `most today ${wind(days.wind_gust[index], 1)}` : "", "", "wind_gust"),
      tile("Precipitation, last hour", rain(last?.precipitation ?? null), unit.rain, index >= 0 && days.precipitation[index] !== null ? `today ${rain(days.precipitation[index])} ${unit.rain}` : "", "", "precipitation"),
      tile("Humidity", last?.relative_humidity === null || !last ? "—" : Math.round(last.relative_humidity), "%", dew(last), "", "relative_humidity"),
      tile("Pressure", pressure(last?.pressure_msl ?? null), unit.pressure, trend(), "", "pressure_msl"),
      tile("Cloud", last?.cloud_cover === null || !last ? "—" : Math.round(last.cloud_cover), "%", ""),
      tile("Visibility", seen, seenUnit, ""));
  }
  function dew(last) { // Magnus formula, over water
    if (!last || !last.relative_humidity || failedTests(last, "temperature").length) return "";
    const gamma = Math.log(Math.min(100, last.relative_humidity) / 100) + (17.62 * last.temperature) / (243.12 + last.temperature);
    return `dew point ${temperature((243.12 * gamma) / (17.62 - gamma), 1)}`;
  }

  function drawChart() {
    const title = SPANS.find(([name]) => name === span)[2];
    chartPanel.setAttribute("aria-label", `${city.name}, ${title.toLowerCase()}`);
    const group = radioSwitch("Span", SPANS, span, choose);
    drawn = makeChart(chart, city, options, (text) => {
      if (Date.now() - spokenAt < 500) return;
      spokenAt = Date.now();
      announce(text);
    });
    const extras = EXTRA.filter(([name]) => name !== "feels" || chart.step !== "day").map(([name, text]) => {
      const box = h("input", { type: "checkbox", onchange: () => {
        options[box.checked ? "add" : "delete"](name);
        keep("panels", [...options]);
        drawn.redraw();
      } });
      box.checked = options.has(name);
      return h("label", {}, box, text);
    });
    const legend = { raw: "Arrows: where the wind blows. Shaded: night.", hour: "Line: mean of an hour; band: its low to its high. Shaded: night.", day: `A bar is a day of ${city.name} from its low to its high; line: mean. Pale: fewer than ${MIN_HOURS} observed hours.` }[chart.step];
    const tableBox = h("div", { hidden: true });
    const tableButton = h("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => {
      tableBox.hidden = !tableBox.hidden;
      tableButton.setAttribute("aria-expanded", String(!tableBox.hidden));
      if (!tableBox.hidden) tableBox.replaceChildren(table());
    } }, "Show as table");
    const first = chart.gaps[0]?.[0] === chart.begin && chart.gaps[0][1] * 1000;
    const history = first && h("span", {}, `Nothing before ${day(first, zone)}${chart.step === "raw" ? ` ${clock(first)}` : ""}: weatherd has watched this city since then. `);
    chartPanel.replaceChildren(h("header", { class: "span" }, h("h2", {}, title), group), h("div", { class: "chart" }, drawn.node),
      h("footer", {}, h("span", {}, history, legend), h("span", { class: "options" }, extras, tableButton, h("a", { href: `api/v1/cities/${city.id}/chart?span=${span}&format=csv`, download: `${city.id}-${span}.csv` }, "CSV"))), tableBox);
  }
  function table() {
    const slots = chart.hours ?? chart.slots, rows = slots.begin.map((begin, index) => h("tr", {},
      h("th", { scope: "row" }, chart.step === "day" ? day(begin * 1000, zone) : `${day(begin * 1000, zone)} ${clock(begin * 1000)}`),
      ...[degrees(slots.low[index], 1), degrees(slots.temperature[index], 1), degrees(slots.high[index], 1), rain(slots.precipitation[index]), wind(slots.wind_speed[index], 1), wind(slots.wind_gust[index], 1), pressure(slots.pressure_msl[index]), number(slots.relative_humidity[index]), slots.provider[index]].map((text) => h("td", { class: "num" }, text))));
    const unit = units(), heads = ["Time", `Low ${unit.temperature}`, `Mean ${unit.temperature}`, `High ${unit.temperature}`, `Precip. ${unit.rain}`, `Wind ${unit.wind}`, `Gust ${unit.wind}`, `Pressure ${unit.pressure}`, "Hum. %", "Provider"];
    return h("div", { class: "scroll", role: "region", "aria-label": "Values of the chart", tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "" }, text)))), h("tbody", {}, rows.toReversed())));
  }
  async function choose(name, focus = false) {
    if (name === span && chart.span === name) return;
    span = name;
    keepAddress();
    chart = await fetchJson(`cities/${city.id}/chart?span=${name}`);
    if (name === "24h") today = chart;
    drawChart();
    if (focus) chartPanel.querySelector("[aria-checked=true]").focus();
  }
  function keepAddress() {
    history.replaceState(null, "", query({ city: city.id, span: span === "24h" ? null : span, by: record.part() === PARTS[0][0] ? null : record.part() }));
  }

  function drawDays() {
    const { days } = chart, order = days.begin.map((_, index) => index).reverse(), unit = units();
    const scale = [Math.min(...days.low), Math.max(...days.high)], todays = todayOf(chart);
    daysPanel.hidden = !order.length;
    daysPanel.replaceChildren(h("header", {}, h("h2", {}, "Days"), h("span", { class: "note" }, `low, high, precipitation ${unit.rain}, highest gust ${unit.wind}; midnight to midnight`)),
      h("ul", { class: "days chart" }, order.map((index) => h("li", {}, h("span", {}, index === todays ? "Today" : day(days.begin[index] * 1000, zone).replace(/ \w+$/, "")), h("span", {}, temperature(days.low[index])), rangeBar(days.low[index], days.high[index], scale, index === todays && isShown(city) ? city.observation.temperature : null), h("span", {}, temperature(days.high[index])),
        h("span", { class: days.precipitation[index] ? "" : "note" }, rain(days.precipitation[index]), h("span", { class: "unit" }, ` ${unit.rain}`)), h("span", {}, h("span", { class: "unit" }, "gust "), wind(days.wind_gust[index]), h("span", { class: "unit" }, ` ${unit.wind}`))))));
  }

  function drawWhy() {
    const at = observedAt(city), poll = city.attempt, local = hasZone ? "" : ` ${zoneName(now(), zone)}`;
    const row = (name, strong, ...small) => h("div", {}, h("dt", {}, name), h("dd", {}, strong, small.filter(Boolean).map((text) => h("small", {}, h("bdi", {}, text)))));
    const rows = [row("State", h("span", {}, h("b", {}, `${WORDS[city.state]}.`), at ? ` Observed ${clock(at)}${local}, ` : " No value yet.", at && ageOf(at)), city.budget && `${STALE} ${duration(city.budget)} without a newer value.`, city.failure)];
    if (poll) {
      const began = Date.parse(poll.began), request = poll.tries.at(-1)?.exchanges?.at(-1);
      rows.push(row("Last attempt", h("span", {}, h("b", {}, seconds(began, zone)), request ? `, response ${request.status ?? "none"} in ${Math.round(poll.seconds * 1000)} ms` : `, ${Math.round(poll.seconds * 1000)} ms`), `${capital(poll.decided)}.`, poll.failures ? `${plural(poll.failures, "poll")} in a row without a fresh value.` : ""));
      for (const attempt of poll.tries.filter((attempt) => attempt.reason)) rows.push(row(attempt.provider, attempt.outcome, attempt.reason.slice(0, 400)));
    } else if (!city.failure) rows.push(row("Last attempt", "None since weatherd was started."));
    if (city.node) rows.push(row("Node", h("bdi", {}, city.node), "It polls this city and has its history since it does."));
    if (city.next) rows.push(row("Next poll", h("span", {}, h("b", {}, seconds(Date.parse(city.next.at), zone)), `, ${until(Date.parse(city.next.at))}`), capital(city.next.why) + ".", `Every ${duration(city.interval)}, ${duration(city.phase)} into the interval.`));
    else if (city.polling) rows.push(row("Next poll", "Being polled now.", city.polling.stuck && "The poll has lasted too long."));
    rows.push(row("Provider", h("span", {}, h("b", {}, city.observation?.provider ?? city.providers[0]), city.observation ? " serves." : ""), city.providers.length > 1 && `In order of preference: ${city.providers.join(", then ")}.`, city.observation?.station && `Station ${city.observation.station}.`));
    if (city.observation && city.observation.quality !== "ok") rows.push(row("Quality", h("b", {}, capital(`${city.observation.quality.replaceAll("_", " ")}.`)), "The values stay as the service sent them, but out of alerts, lows and highs."));
    const gaps = chart.gaps.filter(([from]) => from > chart.begin).slice(-4).reverse();
    if (gaps.length && chart.step !== "day") rows.push(row("No data", h("span", {}, gaps.map(([from, to]) => h("span", {}, `${day(from * 1000, zone).split(" ")[0]} ${clock(from * 1000)} to ${clock(to * 1000)}`, h("br")))), "No observation is stored for this time."));
    why.replaceChildren(h("header", {}, h("h2", {}, "Why this value"), mark(city.state)), h("dl", { class: "why" }, rows), attemptList(city, today?.slots, zone, why.querySelector("details")) || "");
  }

  function drawNotices() {
    if (phone.matches) panel.before(notices);
    else notice.after(notices);
    notices.replaceChildren(noticeList(alerts, warnings, zone));
  }

  function draw() {
    drawHead();
    drawNow();
    drawNotices();
    drawChart();
    drawDays();
    record.draw();
    comparison?.draw();
    drawWhy();
  }
  async function reload() {
    const focus = document.activeElement === drawn?.node;
    try {
      [city, chart, { alerts }, { warnings }] = await Promise.all([`cities/${city.id}`, `cities/${city.id}/chart?span=${span}`, `alerts?city=${city.id}`, `warnings?city=${city.id}`].map((path) => fetchJson(path)));
    } catch (error) {
      if (error.status === 404) notice.replaceChildren(h("p", { class: "notice" }, mark("waiting"), h("span", {}, h("bdi", {}, city.name), " is no longer in the list. Its stored observations stay in the journal. ", h("a", { href: "./" }, "Overview"))));
      throw error;
    }
    if (span === "24h") today = chart;
    draw();
    record.refresh();
    if (focus) drawn.node.focus();
  }
  draw();
  if (!today) fetchJson(`cities/${city.id}/chart`).then((found) => {
    today = found;
    drawNow();
  }).catch(() => {});
  let latest = data.seq;
  return {
    seq: data.seq,
    cities: () => [city.id],
    draw,
    update(observations) {
      for (const { seq, ...observation } of observations) {
        latest = Math.max(latest, seq);
        if (observation.city === city.id && applyObservation(city, observation)) {
          drawHead();
          drawNow();
        }
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => reload().catch(() => {}), 1000); // the chart, and what the poll was like
    },
    digest({ states, notices: known }) {
      const isOld = JSON.stringify(known[city.id] ?? []) !== JSON.stringify(city.notices);
      if (isOld || (states[city.id] ?? "fresh") !== city.state) reload().catch(() => {});
    },
    async catchUp() {
      const { seq } = await fetchJson("overview");
      await reload();
      return seq;
    },
  };
}
