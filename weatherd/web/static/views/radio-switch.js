// A switch of which one is chosen: a radio group, one Tab stop with arrows inside.
import { h } from "../app/dom.js";

// *options* are pairs of a name and its text. choose(name, focus): with focus if a key has chosen it, which a redrawn switch should get back.
export function radioSwitch(label, options, chosen, choose) {
  const radio = ([name, text]) => h("button", { type: "button", role: "radio", "aria-checked": String(name === chosen), tabindex: name === chosen ? 0 : -1, onclick: () => choose(name) }, text);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key], place = options.findIndex(([name]) => name === chosen);
    if (!step) return;
    event.preventDefault();
    choose(options[(place + step + options.length) % options.length][0], true);
  };
  return h("div", { class: "switch", role: "radiogroup", "aria-label": label, onkeydown: move }, options.map(radio));
}
