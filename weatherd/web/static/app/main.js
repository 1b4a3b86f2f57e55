// The entry: opens the view that the document names, and keeps it live.
import { fetchJson, Unavailable } from "./api.js";
import { tickAges } from "./cards.js";
import { h, keep, recall } from "./dom.js";
import { chooseLanguage, setClock, wordLanguage } from "./format.js";
import { Live } from "./live.js";
import { setUpShell, showConnection, showUpdate } from "./shell.js";

const name = document.documentElement.dataset.view;
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");

async function start() {
  if (!data) return setUpShell(() => {});
  const [{ open }] = await Promise.all([import(`../views/${name}.js`), chooseLanguage(wordLanguage(), fetchJson).catch(() => {})]);
  setClock(data.overview?.now ?? data.city?.now ?? data.now ?? new Date().toISOString());
  main.replaceChildren(); // the table for browsers without scripts
  document.body.classList.add(`${name}-view`);
  let live = null;
  // A view returns {seq, cities(), update(observations), digest(digest), catchUp(), draw()}; it asks for a new stream by restart().
  const view = await open(main, data, { restart: (seq) => {
    if (!live) return;
    live.seq = seq ?? live.seq;
    live.open();
  } });
  setUpShell(() => view.draw());
  setInterval(() => tickAges(document), 30000);
  if (view.seq === undefined) return;
  live = new Live(view.seq, {
    cities: () => view.cities(),
    onObservations: (list) => view.update(list),
    onDigest: (digest) => {
      if (!import.meta.url.includes(`/${digest.files}/`)) return name === "wall" ? location.reload() : showUpdate(digest.version);
      view.digest(digest);
    },
    onState: (...state) => {
      showConnection(...state, () => live.retry());
      view.connection?.(...state);
    },
    catchUp: () => view.catchUp(),
  });
}

start().catch((error) => {
  if (error instanceof TypeError && /module/i.test(error.message) && Date.now() - recall("reloaded", 0) > 60000) { // another version serves now
    keep("reloaded", Date.now());
    return location.reload();
  }
  main.replaceChildren(h("h1", {}, "weatherd"), h("p", {}, error instanceof Unavailable ? error.message : `The page has a bug: ${error.message}`));
  throw error;
});
