// The alerts and the official warnings of one city.
import { h } from "../app/dom.js";
import { capital, duration, now } from "../app/format.js";
import { mark } from "../app/icons.js";
import { momentText, noticeMark } from "../app/notices.js";

const LONG = 300; // characters of an area that are shown at once

export function noticeList(alerts, warnings, zone) {
  if (!alerts.length && !warnings.length) return "";
  return h("section", { class: "notices", "aria-labelledby": "notices" }, h("h2", { class: "hidden", id: "notices" }, "Alerts and warnings"),
    h("ul", {}, alerts.map((alert) => h("li", {}, alertBox(alert, zone))), warnings.map((warning) => h("li", {}, warningBox(warning, zone)))));
}

function alertBox(alert, zone) {
  const isFiring = alert.state === "firing", isLoud = isFiring && !alert.silenced_until, since = `${momentText(alert.since, zone)}, ${duration((now() - Date.parse(alert.since)) / 1000)} ago`;
  return h("div", { class: `notice ${isLoud ? "is-down" : "is-quiet"}` }, isFiring ? noticeMark({ kind: "alert", severity: alert.severity }) : mark("waiting"),
    h("div", {}, h("p", {}, h("b", {}, isFiring ? "Alert: " : "Pending alert: ", h("bdi", {}, alert.rule)), ` · ${alert.severity}`),
      alert.message && h("p", {}, h("bdi", {}, alert.message)),
      alert.silenced_until && h("p", {}, `Silenced until ${momentText(alert.silenced_until, zone)}: nobody is notified.`),
      h("p", { class: "note" }, isFiring ? `Its condition has held since ${since}.` : `Its condition has held since ${since}, which is not long enough yet.`)));
}

function warningBox(warning, zone) {
  const { severity, event, headline, area, onset, ends, sent, url } = warning, lang = warning.language || null;
  const times = [onset && Date.parse(onset) > now() && `from ${momentText(onset, zone)}`, ends ? `until ${momentText(ends, zone)}` : "until further notice"].filter(Boolean).join(" ");
  const texts = (text) => text.split(/\n{2,}/).filter(Boolean).map((part) => h("p", {}, h("bdi", { lang }, part)));
  const source = [h("bdi", {}, warning.provider), sent && `, issued ${momentText(sent, zone)}`, /^https?:\/\//.test(url) && [" · ", h("a", { href: url, rel: "noreferrer" }, "Source")]];
  return h("div", { class: "notice" }, noticeMark({ kind: "warning", severity }),
    h("div", {}, h("p", {}, h("b", {}, severity === "unknown" ? "Warning" : capital(severity), ": ", h("bdi", {}, event)), ` ${times}`),
      headline && headline !== event && h("p", {}, h("bdi", { lang }, headline)),
      warning.instruction && texts(warning.instruction),
      h("p", { class: "note" }, area && [h("bdi", { lang }, area.length > LONG ? `${area.slice(0, LONG)} …` : area), " · "], source),
      warning.description && h("details", {}, h("summary", {}, "Read it"), texts(warning.description))));
}
