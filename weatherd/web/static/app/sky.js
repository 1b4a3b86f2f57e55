// The sun and the wind of a place.
const RAD = Math.PI / 180;

// Where the sun stands in the zenith: [declination in degrees, longitude in degrees] at a time in milliseconds.
export function subsolar(at) {
  const days = at / 86400000 - 10957.5;
  const anomaly = (357.529 + 0.98560028 * days) * RAD;
  const ecliptic = (280.459 + 0.98564736 * days + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RAD;
  const tilt = 23.439 * RAD;
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic)) / RAD;
  const sidereal = 280.46062 + 360.98564737 * days;
  return [Math.asin(Math.sin(tilt) * Math.sin(ecliptic)) / RAD, ((((ascension - sidereal) % 360) + 540) % 360) - 180];
}
export function altitude(lat, lon, at) {
  const [declination, longitude] = subsolar(at);
  const cosine = Math.cos(lat * RAD) * Math.cos(declination * RAD) * Math.cos((lon - longitude) * RAD);
  return Math.asin(Math.sin(lat * RAD) * Math.sin(declination * RAD) + cosine) / RAD;
}
export const isNight = (lat, lon, at) => altitude(lat, lon, at) < -0.83;

// The nights within [begin, end] (milliseconds) as pairs; found in steps of 10 minutes, then to the minute.
export function nights(lat, lon, begin, end, step = 600000) {
  const found = [];
  let start = isNight(lat, lon, begin) ? begin : null;
  for (let at = begin; at < end; at += step) {
    const later = Math.min(at + step, end);
    const dark = isNight(lat, lon, later);
    if (dark === (start !== null)) continue;
    let low = at, high = later;
    while (high - low > 30000) {
      const middle = (low + high) / 2;
      if (isNight(lat, lon, middle) === dark) high = middle;
      else low = middle;
    }
    if (dark) start = high;
    else {
      found.push([start, high]);
      start = null;
    }
  }
  if (start !== null) found.push([start, end]);
  return found;
}

const POINTS = ["north", "north-northeast", "northeast", "east-northeast", "east", "east-southeast", "southeast", "south-southeast",
  "south", "south-southwest", "southwest", "west-southwest", "west", "west-northwest", "northwest", "north-northwest"];
const point = (direction) => Math.round(direction / 22.5) % 16;
export const windName = (direction) => (direction === null ? "changing directions" : POINTS[point(direction)]);
export const windLetters = (direction) => (direction === null ? "" : POINTS[point(direction)].replace("-", "").replace(/(north|south|east|west)/g, (word) => word[0].toUpperCase()));
