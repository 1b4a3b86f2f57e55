// The daemon itself: providers with their quotas and pauses, forwarders, counts of observations, quarantined rows, the last warnings.
import { fetchJson } from "../app/api.js";
import { ageOf } from "../app/cards.js";
import { h, svg } from "../app/dom.js";
import { age, capital, duration, hours, now, number, plural, seconds, setClock, until } from "../app/format.js";
import { mark } from "../app/icons.js";
import { clusterNotices } from "../app/notices.js";
import { clockText } from "../app/shell.js";

const NOTIFY = "notify "; // begins the names of deliveries of alerts
const QUARTER = 900000, HEIGHTS = { good: 5, some: 9, all: 12 };
const WINDOWS = { second: 1000, minute: 60000, hour: 3600000, day: 86400000 };

// How much of a window is over, from 0 to 1; null for windows under a minute. Windows are aligned to UTC.
function windowShare(name, at) {
  if (name === "month") {
    const date = new Date(at), start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth()), end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
    return (at - start) / (end - start);
  }
  const length = WINDOWS[name];
  return length >= 60000 ? (at % length) / length : null;
}

export async function open(main, data) {
  let service = data, isFetching = false;
  const head = h("div", { class: "head" }), tiles = h("section", { class: "panel", "aria-label": "Figures" }), body = h("div");
  main.append(head, tiles, body);

  function sentence() {
    const { status } = service, paused = status.providers.filter((provider) => provider.paused).length, down = status.forwarders.filter((forwarder) => forwarder.is_down), targets = down.filter(isNotification).length, behind = down.length - targets;
    const mute = status.warnings?.services.filter(({ failure }) => failure).length;
    const silent = service.polls.filter(({ outcomes }) => !outcomes.fresh && Object.keys(outcomes).length).length - paused;
    const faults = [silent > 0 && `${plural(silent, "provider does", "providers do")} not respond`, paused && `${plural(paused, "provider is", "providers are")} paused`, behind && `${plural(behind, "forwarder is", "forwarders are")} behind`, targets && `notifications do not reach ${plural(targets, "target")}`, mute && `${plural(mute, "service of warnings does", "services of warnings do")} not respond`, status.quarantined && `${plural(status.quarantined, "row is", "rows are")} quarantined`, !status.reload_successful && "the last reload failed"].filter(Boolean);
    const text = faults.length ? `Working. ${capital(faults.join(", "))}.` : "Working.";
    return h("p", {}, mark(faults.length ? "stale" : "fresh"), ` ${status.ready ? text : "Starting or stopping."}`);
  }
  function drawTiles() {
    const { status, polls } = service, total = Object.values(status.cities).reduce((sum, count) => sum + count, 0), since = (now() - Date.parse(service.started)) / 1000;
    const attempts = polls.reduce((sum, { outcomes }) => sum + Object.values(outcomes).reduce((all, count) => all + count, 0), 0);
    const tile = (name, value, suffix, text) => h("div", {}, h("dt", {}, name), h("dd", {}, value, " ", h("small", {}, suffix)), h("dd", {}, text || "\u00a0"));
    const size = service.journal_bytes, [value, unit] = size >= 1e9 ? [number(size / 1e9, 1), "GB"] : [number(size / 1e6, size < 1e7 ? 1 : 0), "MB"];
    tiles.replaceChildren(h("dl", { class: "tiles" },
      tile("Running for", duration(since), "", `version ${status.version}`),
      tile("Cities", number(total), "", status.quarantined ? `${plural(status.quarantined, "row")} quarantined` : ""),
      tile("Polls", number((attempts / Math.max(60, since)) * 60, attempts / since < 0.16 ? 1 : 0), "a minute", service.next_poll ? `next ${until(Date.parse(service.next_poll))}` : ""),
      tile("Queue", number(status.account.queued), "", "observations"),
      tile("Journal", value, unit, `${number(service.seq)} entries so far`),
      tile("List read", hours(Date.parse(service.list_read)), "", status.reload_successful ? age(Date.parse(service.list_read)) : "the last reload failed")));
  }
  function gauge(provider, { window: name, used, limit }) {
    const share = used / limit, over = windowShare(name, now()), pace = over ? share / over : share;
    const level = share >= 1 ? "full" : share > 0.8 || (over > 0.05 && pace > 1) ? "high" : "used";
    const text = `${number(used)} of ${number(limit)}`, tick = over === null ? "" : svg("rect", { class: "tick", x: `${over * 100}%`, y: 0, width: 2, height: 14 });
    return h("div", { class: "gauge", role: "meter", "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": Math.min(used, limit), "aria-label": `${provider}, ${name}`, "aria-valuetext": `${provider}, ${name}: ${text} calls used${over === null ? "" : `, ${Math.round(over * 100)} % of the ${name} is over`}` },
      h("span", { class: "note" }, name), svg("svg", { dir: "ltr", "aria-hidden": "true" }, svg("rect", { class: "track", y: 3, width: "100%", height: 8 }), svg("rect", { class: level, y: 3, width: `${Math.min(100, share * 100)}%`, height: 8 }), tick), h("span", {}, text));
  }
  // The last day: a column is a quarter of an hour with attempts; its height says how they ended, too.
  function dayStrip({ provider, day }) {
    const first = Math.floor(now() / QUARTER) - 95, seen = { good: 0, some: 0, all: 0 };
    const columns = day.map(([begin, served, failed]) => {
      const name = failed ? (served ? "some" : "all") : "good", height = HEIGHTS[name];
      seen[name] += 1;
      return svg("rect", { class: name, x: `${(((begin * 1000) / QUARTER - first) / 96) * 100}%`, y: 13 - height, width: "0.83%", height });
    });
    const text = `${provider}, last 24 hours by quarter of an hour: ${number(seen.good)} without failures, ${number(seen.some)} with some, ${number(seen.all)} with nothing but failures`;
    const failed = day.reduce((sum, [, , count]) => sum + count, 0);
    return day.length > 0 && h("div", { class: "gauge" }, h("span", { class: "note" }, "24 h"), svg("svg", { class: "quarters", dir: "ltr", role: "img", "aria-label": text }, svg("rect", { class: "track", y: 13, width: "100%", height: 1 }), columns), h("span", {}, failed ? `${number(failed)} failed` : "none failed"));
  }
  function lagCurve(name) {
    const samples = service.backlogs[name] ?? [], most = Math.max(1, ...samples);
    return svg("svg", { class: "lag", width: 120, height: 26, dir: "ltr", role: "img", "aria-label": `Waiting rows in the last hour: at most ${number(Math.max(0, ...samples))}` },
      svg("rect", { class: "track", y: 25, width: 120, height: 1 }), samples.map((count, index) => svg("rect", { x: (60 - samples.length + index) * 2, y: 25 - (count / most) * 24, width: 2, height: (count / most) * 24 + 1 })));
  }
  function providerPanel(polls) {
    const provider = service.status.providers.find((other) => other.provider === polls.provider), paused = provider?.paused;
    const failed = Object.entries(polls.outcomes).filter(([outcome]) => outcome !== "fresh"), good = polls.outcomes.fresh ?? 0;
    const texts = [good || failed.length ? `${plural(good, "attempt")} served${failed.length ? `, ${failed.map(([outcome, count]) => `${number(count)} ${outcome}`).join(", ")}` : ""}.` : "No attempt yet.", polls.median_seconds && `Half of them took at most ${polls.median_seconds < 1 ? `${polls.median_seconds * 1000} ms` : `${polls.median_seconds} s`}.`];
    return h("section", { class: "panel" }, h("header", {}, h("h3", {}, polls.provider), h("span", {}, mark(paused ? "paused" : failed.length && !good ? "down" : "fresh"), paused ? " paused" : failed.length && !good ? " does not respond" : ` serves ${plural(polls.serves, "city", "cities")}`)),
      paused && h("p", { class: "notice" }, h("span", {}, h("bdi", {}, capital(paused.reason)), `. Next try at ${hours(Date.parse(paused.until))}, ${until(Date.parse(paused.until))}.`)),
      provider?.quotas.length ? provider.quotas.map((quota) => gauge(polls.provider, quota)) : h("p", {}, "No limit."), dayStrip(polls), h("p", {}, texts.filter(Boolean).join(" ")));
  }
  const isNotification = ({ forwarder }) => forwarder.startsWith(NOTIFY);
  function forwardersPanel() {
    const forwarders = service.status.forwarders.filter((forwarder) => !isNotification(forwarder));
    const rows = forwarders.map((forwarder) => h("tr", {}, ...deliveryCells(forwarder, forwarder.forwarder), h("td", {}, lagCurve(forwarder.forwarder)), h("td", { class: "num" }, number(forwarder.delivered)), h("td", { class: "num" }, number(forwarder.skipped))));
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Forwarders")), rows.length ? table("Forwarders", [["State", ""], ["Forwarder", ""], ["Waiting rows", "num"], ["Last hour", ""], ["Delivered", "num"], ["Skipped", "num"]], rows) : h("p", {}, "None is configured."));
  }
  function deliveryCells({ is_down: isDown, behind }, name) {
    return [h("td", {}, mark(isDown ? "down" : behind > 1000 ? "stale" : "fresh"), h("span", { class: "hidden" }, isDown ? "Down" : "Working")), h("th", { scope: "row" }, h("bdi", {}, name)), h("td", { class: `num ${isDown ? "down" : ""}` }, number(behind))];
  }
  const table = (name, heads, rows) => h("div", { class: "scroll", role: "region", "aria-label": name, tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))), h("tbody", {}, rows)));
  // Targets of notifications: what waits are changes of alerts, of which some concern other targets.
  function notificationsPanel() {
    const { alerts, forwarders } = service.status, rows = forwarders.filter(isNotification).map((target) => h("tr", {}, ...deliveryCells(target, target.forwarder.slice(NOTIFY.length)), h("td", { class: "num" }, number(target.held)), h("td", { class: "num" }, number(target.delivered)), h("td", { class: `num ${target.skipped ? "down" : ""}` }, number(target.skipped))));
    if (!alerts && !rows.length) return null;
    const counts = alerts ? [plural(alerts.rules, "rule"), `${number(alerts.firing)} firing`, `${number(alerts.pending)} pending`, alerts.silenced && `${number(alerts.silenced)} silenced`].filter(Boolean).join(", ") : "";
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Notifications of alerts"), h("span", { class: "note" }, counts)), rows.length ? table("Notifications of alerts", [["State", ""], ["Target", ""], ["Waiting, at most", "num"], ["In quiet hours", "num"], ["Delivered", "num"], ["Failed for good", "num"]], rows) : h("p", {}, "Nobody is notified."));
  }
  function servicesPanel() {
    const { warnings } = service.status;
    if (!warnings) return null;
    const rows = warnings.services.filter(({ cities }) => cities).map(({ provider, cities, last_success: at, failure }) => h("tr", {}, h("td", {}, mark(failure ? "down" : at ? "fresh" : "waiting"), h("span", { class: "hidden" }, failure ? "Down" : at ? "Working" : "Waiting")), h("th", { scope: "row" }, provider), h("td", { class: "num" }, number(cities)),
      h("td", { class: "num" }, at ? ageOf(Date.parse(at)) : "—"), h("td", {}, failure && h("bdi", {}, failure.slice(0, 200)))));
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Official warnings"), h("span", { class: "note" }, `${number(warnings.in_force)} in force in ${plural(warnings.cities, "city", "cities")}`)), rows.length ? table("Services of official warnings", [["State", ""], ["Service", ""], ["Cities", "num"], ["Last answer", "num"], ["Problem", ""]], rows) : h("p", {}, "No service covers a city of the list."));
  }
  function countsPanel() {
    const { account } = service.status, parts = [["stored", "new values"], ["repeated", "the service had nothing newer"], ["dropped", "the journal cannot represent them"], ["queued", "not written yet"]];
    let at = 0;
    const bars = parts.map(([name]) => {
      const width = account.fetched ? (account[name] / account.fetched) * 100 : 0, bar = svg("rect", { class: name, x: `${at}%`, width: `${width}%`, height: 18 });
      at += width;
      return bar;
    });
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Observations"), h("span", { class: "note" }, `since ${hours(Date.parse(service.started))}`)), svg("svg", { class: "account", dir: "ltr", "aria-hidden": "true" }, bars),
      h("div", { class: "sum" }, parts.map(([name, text]) => [h("i", { class: name }), h("span", {}, capital(name)), h("span", { class: `num ${name === "dropped" && account.dropped ? "down" : ""}` }, number(account[name])), h("span", { class: "note" }, text)]), h("i"), h("b", {}, "Fetched"), h("span", { class: "num" }, number(account.fetched)), h("span", { class: "note" }, "the sum of these four")));
  }
  // The nodes of a cluster: a link leads to the Service of another one.
  function nodesPanel() {
    const { cluster } = service.status;
    if (!cluster) return null;
    const rows = cluster.nodes.map(({ name, url, is_this: isThis, shards, cities, seen_ago: ago, problem }) => h("tr", {}, h("td", {}, mark(problem ? "stale" : "fresh"), h("span", { class: "hidden" }, problem ? "Does not answer" : "Working")),
      h("th", { scope: "row" }, isThis || !/^https?:/.test(url ?? "") ? h("bdi", {}, name) : h("a", { href: `${url}/?view=service` }, h("bdi", {}, name)), isThis && " (this one)"), h("td", { class: "num" }, number(shards)), h("td", { class: "num" }, cities === null ? "—" : number(cities)), h("td", { class: "num" }, `${number(ago, 1)} s`), h("td", {}, problem && h("bdi", {}, problem.slice(0, 200)))));
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Nodes"), h("span", { class: "note" }, `${number(cluster.held)} of ${number(cluster.shards)} shards are held`)), ...clusterNotices(cluster.problems), table("Nodes of the cluster", [["State", ""], ["Node", ""], ["Shards", "num"], ["Cities", "num"], ["Seen", "num"], ["Problem", ""]], rows));
  }
  function quarantinedPanel() {
    const rows = service.rejected.map(({ where, message }) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, where.replace(/^.*\//, ""))), h("td", {}, h("bdi", {}, message))));
    return rows.length && h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Quarantined rows"), h("span", { class: "note" }, "the others run")), h("div", { class: "scroll", role: "region", "aria-label": "Quarantined rows", tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Where"), h("th", { scope: "col" }, "What is wrong"))), h("tbody", {}, rows))));
  }
  function logEntry(line) {
    try {
      const { timestamp, level, event, exception, ...facts } = JSON.parse(line);
      const rest = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
      const at = Date.parse(timestamp);
      return h("li", { class: level }, h("time", { datetime: timestamp, title: timestamp }, seconds(at)), " ", h("b", {}, event), ` ${rest}${exception ? ` ${exception.split("\n").at(-1)}` : ""}`.slice(0, 600));
    } catch {
      return h("li", {}, line.replace(/\x1b\[[0-9;]*m/g, "").slice(0, 600));
    }
  }
  function warningsPanel() {
    const lines = service.warnings.toReversed();
    return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Last warnings of the log"), h("span", { class: "note" }, plural(lines.length, "line"))), lines.length ? h("ul", { class: "log", tabindex: 0, "aria-label": "Last warnings of the log, the newest first" }, lines.map(logEntry)) : h("p", {}, "None since the start."));
  }
  function draw() {
    const place = body.querySelector(".log")?.scrollTop ?? 0;
    head.replaceChildren(h("h1", {}, "Service"), sentence(), h("span", { class: "clock" }, clockText()));
    drawTiles();
    body.replaceChildren(h("div", { class: "section" }, h("h2", {}, "Providers"), h("span", { class: "note" }, "Bar: used calls; tick: how much of the time is over. 24 h: the higher a column, the more attempts failed")),
      h("div", { class: "columns" }, service.polls.filter(({ provider, serves, outcomes }) => serves || Object.keys(outcomes).length || service.status.providers.find((other) => other.provider === provider)?.paused).map(providerPanel)), h("div", { class: "columns wide" }, forwardersPanel(), countsPanel()), h("div", { class: "columns wide" }, notificationsPanel(), servicesPanel()), nodesPanel() || "", quarantinedPanel() || "", h("div", { class: "section" }), warningsPanel());
    if (place) body.querySelector(".log").scrollTop = place;
  }
  async function refresh() {
    if (isFetching) return service.seq;
    isFetching = true;
    try {
      service = await fetchJson("service");
      setClock(service.now);
      if (!body.contains(document.activeElement) || document.activeElement.classList.contains("log")) draw();
      return service.seq;
    } finally {
      isFetching = false;
    }
  }
  draw();
  return { seq: data.seq, cities: () => [], draw, update() {}, digest: () => refresh().catch(() => {}), catchUp: refresh };
}
