// From degrees to the plane and back: Equal Earth for the world, true at the middle latitude for a part of it.
const RAD = Math.PI / 180, ROOT = Math.sqrt(3) / 2;
const A = [1.340264, -0.081106, 0.000893, 0.003796];

// Šavrič, Patterson, Jenny (2018), "The Equal Earth map projection".
const polynomial = (t) => t * (A[0] + A[1] * t ** 2 + t ** 6 * (A[2] + A[3] * t ** 2));
const slope = (t) => A[0] + 3 * A[1] * t ** 2 + t ** 6 * (7 * A[2] + 9 * A[3] * t ** 2);

export function makeProjection(center, isWorld, latitude) {
  const turn = (lon) => ((((lon - center) % 360) + 540) % 360) - 180;
  if (!isWorld) {
    const scale = Math.cos(latitude * RAD);
    return { project: (lat, lon) => [turn(lon) * RAD * scale, -lat * RAD], invert: (x, y) => [-y / RAD, x / RAD / scale + center], turn };
  }
  return {
    project(lat, lon) {
      const t = Math.asin(ROOT * Math.sin(lat * RAD));
      return [(turn(lon) * RAD * Math.cos(t)) / (ROOT * slope(t)), -polynomial(t)];
    },
    invert(x, y) {
      let t = -y / A[0];
      for (let round = 0; round < 8; round += 1) t -= (polynomial(t) + y) / slope(t);
      const sine = Math.sin(t) / ROOT;
      return [Math.asin(Math.max(-1, Math.min(1, sine))) / RAD, (x * ROOT * slope(t)) / Math.cos(t) / RAD + center];
    },
    turn,
  };
}

// The middle of the narrowest span of longitudes that has all cities, and that span in degrees.
export function findSpan(longitudes) {
  const sorted = [...longitudes].sort((a, b) => a - b);
  if (!sorted.length) return [10, 360];
  let widest = sorted[0] + 360 - sorted.at(-1), middle = (sorted.at(-1) + sorted[0] + 360) / 2;
  for (let index = 1; index < sorted.length; index += 1) {
    const gap = sorted[index] - sorted[index - 1];
    if (gap > widest) [widest, middle] = [gap, (sorted[index] + sorted[index - 1]) / 2];
  }
  return widest < 60 ? [10, 360] : [((middle + 180 + 540) % 360) - 180, 360 - widest];
}

export function decodeCoast(text) {
  return text.trim().split("\n").map((line) => {
    const [start, steps] = [line.slice(0, line.indexOf(":")).split(",").map(Number), line.slice(line.indexOf(":") + 1)];
    let [x, y] = start;
    const ring = [[y / 4, x / 4]];
    for (let index = 0; index < steps.length; index += 2) {
      x += steps.charCodeAt(index) - 79;
      y += steps.charCodeAt(index + 1) - 79;
      ring.push([y / 4, x / 4]);
    }
    return ring;
  });
}
