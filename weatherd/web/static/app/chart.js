// The chart of a city: panels over one time axis, ours, in SVG. It is drawn anew at the width that it has.
import { drawn, h, svg } from "./dom.js";
import { bandClass, day, degrees, hours, monthDay, number, plural, pressure, rain, temperature, toDegrees, toPressure, toRain, toWind, units, wind, zoneName } from "./format.js";
import { arrowShape } from "./icons.js";
import { nights, windLetters } from "./sky.js";
import { temperatureGradient } from "./spark.js";

const HOUR = 3600, DAY = 86400, LEFT = 44, RIGHT = 12, GAP = 34;
export const MIN_HOURS = 18; // observed, for a whole day
const HEIGHTS = { temperature: [232, 150], rain: [62, 46], wind: [92, 64], pressure: [66, 50], humidity: [66, 50], cloud: [66, 50] };

// Steps of 1, 2, 5 or 10 (and their multiples by ten) that give at most *lines* lines.
function axis(low, high, lines = 7, least = 1e-9) {
  const rough = Math.max(least, (high - low) / (lines - 1)), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const first = Math.floor(low / step + 1e-9) * step, last = Math.ceil(high / step - 1e-9) * step;
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, index) => first + index * step);
}

// chart: the response of the API; city: with lat, lon; options: a set of "feels", "humidity", "cloud". onValue(text) gets the values at the crosshair.
export function makeChart(chart, city, options, onValue) {
  const { slots, zone } = chart, count = slots.begin.length, isRaw = chart.step === "raw", isDays = chart.step === "day";
  const middle = (index) => (slots.begin[index] + slots.end[index]) / 2;
  const isFew = (index) => isDays && index < count - 1 && slots.hours[index] !== null && slots.hours[index] < MIN_HOURS; // the last one is today
  let chosen = null, scales = null, last = 0;

  function chartName() {
    if (!count) return "No values in this time";
    return `Temperature from ${degrees(Math.min(...slots.low), 1)} to ${degrees(Math.max(...slots.high), 1)} ${units().temperature}`;
  }
  const bars = () => (isRaw ? chart.hours : slots); // of precipitation
  const rainAt = (index) => {
    if (!isRaw) return slots.precipitation[index];
    const place = chart.hours.end.findIndex((end, slot) => slots.begin[index] > chart.hours.begin[slot] && slots.begin[index] <= end);
    return place < 0 ? null : chart.hours.precipitation[place];
  };
  function timeText(index) {
    const at = slots.begin[index] * 1000;
    if (isDays) return day(at, zone);
    const twice = slots.begin.some((other, place) => place !== index && Math.abs(other - slots.begin[index]) <= 2 * HOUR && hours(other * 1000, zone) === hours(at, zone) && !isRaw);
    return `${day(at, zone)} ${hours(at, zone)}${twice ? ` ${zoneName(at, zone)}` : ""}`;
  }
  function texts(index) {
    const unit = units(), direction = slots.wind_direction[index], gust = slots.wind_gust[index];
    const range = `${temperature(slots.low[index], 1)} to ${temperature(slots.high[index], 1)}, mean ${temperature(slots.temperature[index], 1)}${isFew(index) ? ` (${plural(Math.round(slots.hours[index]), "observed hour")})` : ""}`;
    return {
      temperature: `${isRaw ? temperature(slots.temperature[index], 1) : range}${slots.suspect[index] ? "? (suspect)" : ""}`,
      rain: `${rain(rainAt(index))} ${unit.rain}`,
      wind: `${wind(slots.wind_speed[index], 1)} ${unit.wind}${gust === null ? "" : `, gust ${wind(gust, 1)}`}${direction === null || slots.wind_speed[index] < 0.5 ? "" : `, from ${windLetters(direction)}`}`,
      pressure: `${pressure(slots.pressure_msl[index])} ${unit.pressure}`,
      humidity: `${number(slots.relative_humidity[index])} %`,
      cloud: `${number(slots.cloud_cover[index])} %`,
    };
  }
  function valueText(index) {
    const found = texts(index);
    return `${timeText(index)}: ${panels().map((name) => found[name]).join(", ")}`;
  }
  const panels = () => ["temperature", "rain", "wind", "pressure", ...["humidity", "cloud"].filter((name) => options.has(name))];

  const drawing = svg("svg", { dir: "ltr", role: "img", "aria-label": chartName() });
  const slider = h("div", { class: "slider", role: "slider", tabindex: 0, "aria-label": "Time", "aria-valuemin": 0, "aria-valuemax": Math.max(0, count - 1), "aria-valuenow": Math.max(0, count - 1), "aria-valuetext": count ? valueText(count - 1) : "no data" }, drawing);

  function draw(width) {
    last = width;
    const isPhone = width < 560, x = (at) => LEFT + ((at - chart.begin) / (chart.end - chart.begin)) * (width - LEFT - RIGHT);
    const parts = [], tops = {};
    let y = 24;
    for (const name of panels()) {
      tops[name] = [y, HEIGHTS[name][isPhone ? 1 : 0]];
      y += tops[name][1] + GAP;
    }
    const bottom = y - GAP;
    for (const [top, height] of Object.values(tops)) parts.push(...backdrop(x, top, height));
    parts.push(...timeAxis(x, bottom, width, isPhone));
    for (const name of panels()) parts.push(...DRAW[name](x, ...tops[name], width, isPhone));
    for (const name of panels()) {
      parts.push(svg("text", { class: "strong", x: LEFT, y: tops[name][0] - 8 }, titles(isPhone)[name]));
      parts.push(svg("text", { class: "strong end value", "data-panel": name, x: width - RIGHT, y: tops[name][0] - 8 }));
    }
    const cross = svg("g", { class: "crosshair" });
    drawing.setAttribute("width", width);
    drawing.setAttribute("height", bottom + 24);
    drawing.replaceChildren(...parts, cross);
    scales = { x, bottom, tops, cross, y: temperatureScale(...tops.temperature), width };
    show(chosen);
  }
  const titles = (isPhone) => ({ temperature: `${isPhone && !isRaw ? "Temp." : "Temperature"} ${units().temperature}`, rain: `Precipitation ${units().rain}${isDays ? " a day" : "/h"}`, wind: `Wind ${units().wind}`, pressure: `Pressure ${units().pressure}`, humidity: "Humidity %", cloud: "Cloud %" });

  function backdrop(x, top, height) {
    const parts = [];
    if (!isDays) for (const [from, to] of nights(city.lat, city.lon, chart.begin * 1000, chart.end * 1000)) parts.push(svg("rect", { class: "night", x: x(from / 1000), y: top, width: x(to / 1000) - x(from / 1000), height }));
    for (const [from, to] of chart.gaps) if (from > chart.begin) parts.push(...hatch(x(from), x(to), top, height));
    return parts;
  }
  function hatch(left, right, top, height) {
    let path = "";
    for (let start = left - height; start < right; start += 6) {
      const begin = Math.max(left, start), end = Math.min(right, start + height);
      if (end > begin) path += `M${begin.toFixed(1)} ${(top + begin - start).toFixed(1)}L${end.toFixed(1)} ${(top + end - start).toFixed(1)}`;
    }
    const text = right - left > 48 && height > 100 && svg("text", { class: "strong middle halo", x: (left + right) / 2, y: top + height / 2 }, "no data");
    return [svg("path", { class: "hatch", d: path }), text].filter(Boolean);
  }
  function timeAxis(x, bottom, width, isPhone) {
    const parts = [], label = (at, text, shift = 0) => parts.push(svg("text", { class: shift ? "" : "middle", x: x(at) + shift, y: bottom + 16 }, text));
    const isMonths = isDays, first = chart.midnights.filter((at) => !isMonths || monthDay(at * 1000, zone).startsWith("1 "));
    for (const at of first) {
      if (x(at) < LEFT + 1) continue;
      parts.push(svg("path", { class: "day", d: `M${x(at)} ${isRaw ? 6 : 24}V${bottom}` }));
      const room = width - x(at) > 60;
      if (isMonths) room && label(at, monthDay(at * 1000, zone), 4);
      else if (!isRaw) room && label(at, isPhone ? day(at * 1000, zone).slice(0, 3) : day(at * 1000, zone), 4);
      else if (x(at) > LEFT + 100 && x(at) < width - 130) parts.push(svg("text", { class: "strong", x: x(at) + 5, y: 16 }, day(at * 1000, zone)));
    }
    if (isRaw) {
      const step = isPhone ? 6 : 3;
      for (let at = Math.ceil(chart.begin / HOUR) * HOUR; at <= chart.end; at += HOUR) {
        const text = hours(at * 1000, zone), hour = Number(text.slice(0, 2));
        if (!text.endsWith(":00") || hour % step || x(at) > width - 16) continue;
        label(at, isPhone ? text.slice(0, 2) : text);
      }
    }
    return parts;
  }

  // A panel's grid: the lines of its axis and their labels. Returns its parts and the scale from values to heights.
  function grid(top, height, width, low, high, text = number, lines = 7, least = 1e-9) {
    const ticks = axis(low, high, Math.min(lines, Math.max(3, Math.floor(height / 20))), least), [first, end] = [ticks[0], ticks.at(-1)];
    const scale = (value) => top + height - ((value - first) / (end - first || 1)) * height;
    const parts = ticks.flatMap((tick) => [
      svg("path", { class: tick === 0 && first < 0 ? "zero" : "grid", d: `M${LEFT} ${scale(tick)}H${width - RIGHT}` }),
      svg("text", { class: "end", x: LEFT - 6, y: scale(tick) + 4 }, text(tick)),
    ]);
    return [parts, scale];
  }
  const isBroken = (before, index) => (isDays ? slots.begin[index] - slots.end[before] > DAY / 2 : chart.gaps.some(([begin, end]) => middle(before) <= begin + HOUR / 2 && middle(index) >= end - HOUR / 2));
  function path(x, y, values) {
    let text = "", before = null;
    values.forEach((value, index) => {
      if (value === null) return;
      text += `${before === null || isBroken(before, index) ? "M" : "L"}${x(middle(index)).toFixed(1)} ${y(value).toFixed(1)}`;
      before = index;
    });
    return text;
  }
  function temperatureRange() {
    const all = [...slots.low, ...slots.high, ...(options.has("feels") ? slots.apparent_temperature.filter((value) => value !== null) : [])];
    if (!all.length) return [0, 10];
    const [low, high] = [toDegrees(Math.min(...all)), toDegrees(Math.max(...all))], room = Math.max(0.3, (high - low) * 0.08); // for the labels
    return [low - room, high + room];
  }
  function temperatureScale(top, height) {
    const [low, high] = temperatureRange();
    const scale = grid(top, height, 100, low, Math.max(high, low + 2), number, 7, 1)[1];
    return (celsius) => scale(toDegrees(celsius));
  }
  function drawTemperature(x, top, height, width) {
    const [low, high] = temperatureRange(), parts = grid(top, height, width, low, Math.max(high, low + 2), (value) => `${number(value)}°`, 7, 1)[0];
    const y = temperatureScale(top, height);
    if (!count) return [...parts, svg("text", { class: "strong middle halo", x: width / 2, y: top + height / 2 }, "No values in this time")];
    const [paint, gradient] = temperatureGradient(Math.min(...slots.low), Math.max(...slots.high), y);
    parts.push(gradient);
    if (isDays) {
      for (let index = 0; index < count; index += 1) {
        const full = x(slots.end[index]) - x(slots.begin[index]), left = x(slots.begin[index]) + full * 0.22;
        parts.push(svg("rect", { class: isFew(index) ? "few" : null, x: left, y: y(slots.high[index]), width: Math.max(1, full * 0.56), height: Math.max(1, y(slots.low[index]) - y(slots.high[index])), rx: full > 6 ? 2 : 0, fill: paint }));
      }
      parts.push(svg("path", { class: "mean halo-line", d: path(x, y, slots.temperature) }));
    } else {
      if (!isRaw) parts.push(...runs().map((run) => svg("path", { class: "band", fill: paint, d: `M${run.map((index) => `${x(middle(index))} ${y(slots.high[index])}`).join("L")}L${run.toReversed().map((index) => `${x(middle(index))} ${y(slots.low[index])}`).join("L")}Z` })));
      if (options.has("feels")) parts.push(svg("path", { class: "feels", d: path(x, y, slots.apparent_temperature) }));
      parts.push(svg("path", { class: "line", stroke: paint, d: path(x, y, slots.temperature) }));
    }
    return [...parts, ...extremes(x, y, width)];
  }
  function runs() {
    const found = [[]];
    for (let index = 0; index < count; index += 1) {
      if (index && isBroken(index - 1, index)) found.push([]);
      found.at(-1).push(index);
    }
    return found.filter((run) => run.length > 1);
  }
  function extremes(x, y, width) {
    const plausible = slots.low.map((_, index) => index).filter((index) => !slots.suspect[index]);
    const rings = slots.suspect.map((isSuspect, index) => isSuspect && isRaw && svg("circle", { class: "suspect", cx: x(middle(index)), cy: y(slots.temperature[index]), r: 8 })).filter(Boolean);
    if (!plausible.length) return rings;
    const low = plausible.reduce((best, index) => (slots.low[index] < slots.low[best] ? index : best)), high = plausible.reduce((best, index) => (slots.high[index] > slots.high[best] ? index : best));
    const label = (index, value, shift) => [
      !isDays && svg("circle", { class: `dot ${bandClass(value)}`, cx: x(middle(index)), cy: y(value), r: 3.5 }),
      svg("text", { class: "strong middle halo", x: Math.min(width - RIGHT - 14, Math.max(LEFT + 14, x(middle(index)))), y: y(value) + shift }, temperature(value, 1)),
    ];
    const end = slots.temperature.at(-1);
    return [...rings, ...(slots.high[high] - slots.low[low] < 0.5 ? [] : label(low, slots.low[low], 17)), ...label(high, slots.high[high], -8), isRaw && svg("circle", { class: `dot ${bandClass(end)}`, cx: x(middle(count - 1)), cy: y(end), r: 5 })].filter(Boolean);
  }
  function drawRain(x, top, height, width) {
    const { begin, end, precipitation } = bars(), most = Math.max(0, ...precipitation.map((value) => toRain(value ?? 0)));
    const [parts, y] = grid(top, height, width, 0, Math.max(most, toRain(2)), (value) => number(value, value % 1 ? 2 : 0), 3);
    precipitation.forEach((value, index) => {
      const left = Math.max(LEFT, x(begin[index])), wide = x(Math.min(end[index], chart.end)) - left;
      if (value > 0 && wide > 0) parts.push(svg("rect", { class: "rain", x: left + Math.min(1, wide / 5), y: y(toRain(value)), width: Math.max(1, wide - 2), height: top + height - y(toRain(value)) }));
    });
    return parts;
  }
  function drawWind(x, top, height, width, isPhone) {
    const most = Math.max(toWind(10), ...slots.wind_gust.map((value) => toWind(value ?? 0)), ...slots.wind_speed.map((value) => toWind(value ?? 0)));
    const [parts, y] = grid(top, height, width, 0, most, number, 3), of = (value) => y(toWind(value));
    for (const run of runs()) {
      const known = run.filter((index) => slots.wind_gust[index] !== null && slots.wind_speed[index] !== null);
      if (known.length > 1) parts.push(svg("path", { class: "gust", d: `M${known.map((index) => `${x(middle(index))} ${of(slots.wind_gust[index])}`).join("L")}L${known.toReversed().map((index) => `${x(middle(index))} ${of(slots.wind_speed[index])}`).join("L")}Z` }));
    }
    parts.push(svg("path", { class: "wind", d: path(x, of, slots.wind_speed) }));
    if (!isDays) {
      let next = 0;
      const space = isPhone ? 52 : 76;
      for (let index = 0; index < count; index += 1) {
        const place = x(middle(index));
        if (slots.wind_direction[index] === null || slots.wind_speed[index] < 0.5 || place < next || place < LEFT + 10 || place > width - 24) continue;
        parts.push(svg("g", { class: "arrow" }, arrowShape(slots.wind_direction[index], place - 8, top + 1)));
        next = place + space;
      }
    }
    return parts;
  }
  function drawLine(name, column, convert, text, fixed = null) {
    return (x, top, height, width) => {
      const known = slots[column].filter((value) => value !== null).map(convert);
      const [low, high] = fixed ?? (known.length ? [Math.min(...known), Math.max(...known)] : [0, 1]), spread = Math.max(high - low, fixed ? 0 : convert(8));
      const [parts, y] = grid(top, height, width, (low + high - spread) / 2, (low + high + spread) / 2, text, 4);
      return [...parts, svg("path", { class: name, d: path(x, (value) => y(convert(value)), slots[column]) })];
    };
  }
  const same = (value) => value;
  const DRAW = {
    temperature: drawTemperature, rain: drawRain, wind: drawWind,
    pressure: drawLine("pressure", "pressure_msl", toPressure, (value) => number(value, units().pressure === "inHg" ? 1 : 0).replace(",", "")),
    humidity: drawLine("humidity", "relative_humidity", same, number, [0, 100]), cloud: drawLine("cloud", "cloud_cover", same, number, [0, 100]),
  };

  // The crosshair: one line through all panels; the values stand at the end of each heading.
  function show(index) {
    chosen = index;
    if (!scales) return;
    const { x, bottom, cross, y, width } = scales, found = count ? texts(index ?? count - 1) : {};
    for (const node of drawing.querySelectorAll(".value")) node.textContent = found[node.dataset.panel] ?? "";
    if (index === null || !count) return cross.replaceChildren();
    const place = x(middle(index)), text = timeText(index), half = text.length * 3.4 + 8, at = Math.min(width - half - 2, Math.max(LEFT + half, place));
    cross.replaceChildren(svg("path", { class: "cross", d: `M${place} 22V${bottom}` }),
      svg("rect", { class: "tag", x: at - half, y: -2, width: half * 2, height: 18, rx: 4 }), svg("text", { class: "tag-text", x: at, y: 11 }, text),
      isDays ? "" : svg("circle", { class: `dot ${bandClass(slots.temperature[index])}`, cx: place, cy: y(slots.temperature[index]), r: 4.5 }));
  }
  function choose(index) {
    if (!count || index === chosen) return;
    show(index);
    slider.setAttribute("aria-valuenow", index);
    slider.setAttribute("aria-valuetext", valueText(index));
    onValue?.(valueText(index));
  }
  function nearest(event) {
    const place = event.clientX - drawing.getBoundingClientRect().left, { x } = scales;
    let best = 0;
    for (let index = 1; index < count; index += 1) if (Math.abs(x(middle(index)) - place) < Math.abs(x(middle(best)) - place)) best = index;
    return best;
  }
  for (const type of ["pointermove", "pointerdown"]) slider.addEventListener(type, (event) => scales && count && choose(nearest(event)));
  slider.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && document.activeElement !== slider && show(null));
  slider.addEventListener("blur", () => show(null));
  slider.addEventListener("keydown", (event) => {
    const at = chosen ?? count - 1, step = event.shiftKey ? 10 : 1;
    const target = { ArrowLeft: at - step, ArrowRight: at + step, ArrowDown: at - step, ArrowUp: at + step, Home: 0, End: count - 1 }[event.key];
    if (event.key === "Escape") return show(null);
    if (target === undefined) return;
    event.preventDefault();
    choose(Math.min(count - 1, Math.max(0, target)));
  });
  drawn(slider, draw);
  return { node: slider, redraw: () => last && draw(last) };
}
