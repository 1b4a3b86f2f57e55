// Elements. Text becomes text nodes only, never HTML.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Read or write a choice that this browser keeps. A browser may forbid it; then it lasts as long as the page.
const kept = {};
export function recall(key, otherwise = null) {
  try {
    return JSON.parse(localStorage.getItem(`weatherd.${key}`)) ?? kept[key] ?? otherwise;
  } catch {
    return kept[key] ?? otherwise;
  }
}
export function keep(key, value) {
  kept[key] = value;
  try {
    localStorage.setItem(`weatherd.${key}`, typeof value === "string" && key === "theme" ? value : JSON.stringify(value));
  } catch {}
}

// Act once when a node comes in sight, or nearly.
export function whenSeen(node, act) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    act();
  }, { rootMargin: "200px" });
  observer.observe(node);
}

// Draw at the width that the node has, and again when that changes. draw(width, height) fills the SVG.
const drawings = new WeakMap();
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (!target.isConnected) sizes.unobserve(target);
    else if (contentRect.width) drawings.get(target)(contentRect.width, contentRect.height);
  }
});
export function drawn(node, draw) {
  drawings.set(node, draw);
  sizes.observe(node);
  return node;
}
