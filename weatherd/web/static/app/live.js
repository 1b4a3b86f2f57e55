// The event stream: opened anew for ever, and continued after the last event that arrived.
import { query } from "./api.js";
import { now, setClock } from "./format.js";

const SILENCE = 45000; // ms without an event or a digest; the server sends a digest every 10 s
const PATIENCE = 20000; // ms that the page may be hidden before its stream is closed
const LONGEST = 60; // s between two attempts

// *handlers*: cities() → ids or null for all; onObservations(list), onDigest(digest), onState(state), catchUp() → promise of a sequence number.
export class Live {
  constructor(seq, handlers) {
    Object.assign(this, { seq, handlers, source: null, failures: 0, pending: [], timer: 0, heard: now(), lost: null });
    addEventListener("pagehide", () => this.close()); // an open stream would keep a browser from reusing the connection
    addEventListener("pageshow", (event) => event.persisted && this.retry());
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => this.see());
    setInterval(() => this.source && now() - this.heard > SILENCE && this.fail(), 5000); // a sleeping page has no source
    this.open();
  }

  open() {
    this.close();
    const ids = this.handlers.cities();
    const source = new EventSource(`api/v1/stream${query({ digest: ids && !ids.length ? "only" : "true", after: this.seq, city: ids?.join(",") || null })}`);
    this.source = source;
    this.heard = now();
    source.addEventListener("observation", (event) => this.hear(event, (data) => this.pending.push(data)));
    source.addEventListener("digest", (event) => this.hear(event, (digest) => {
      setClock(digest.now);
      this.handlers.onDigest(digest);
    }));
    source.addEventListener("unavailable", () => {
      this.close();
      this.report("full");
      this.timer = setTimeout(() => this.retry(), LONGEST * 1000);
    });
    source.onerror = () => this.fail();
  }

  hear(event, handle) {
    this.heard = now();
    if (event.lastEventId) this.seq = Math.max(this.seq, Number(event.lastEventId));
    handle(JSON.parse(event.data));
    if (this.lost !== null || this.state !== "live") this.report("live");
    this.failures = 0;
    this.lost = null;
    if (!document.hidden && !this.frame) this.frame = requestAnimationFrame(() => this.flush());
  }

  // Close the stream of a page that is hidden for a while, because browsers open only six connections to a host.
  see() {
    clearTimeout(this.hiding);
    if (document.hidden) this.hiding = setTimeout(() => {
      this.close();
      this.isAsleep = true;
    }, PATIENCE);
    else if (this.isAsleep) {
      this.isAsleep = false;
      this.retry();
    } else this.flush();
  }

  flush() {
    this.frame = 0;
    const events = this.pending.splice(0);
    if (events.length) this.handlers.onObservations(events);
  }

  fail() {
    if (!this.source && this.timer) return;
    this.close();
    this.lost ??= this.heard;
    const wait = Math.min(LONGEST, 2 ** this.failures) * (0.8 + 0.4 * Math.random());
    this.failures += 1;
    this.report("lost", now() + wait * 1000);
    this.timer = setTimeout(() => this.retry(), wait * 1000);
  }

  // Fetch what was missed, then listen again: first the values of now, then everything after them.
  async retry() {
    clearTimeout(this.timer);
    this.timer = 0;
    try {
      this.seq = (await this.handlers.catchUp()) ?? this.seq;
    } catch {
      this.timer = 0;
      this.source = null;
      return this.fail();
    }
    this.open();
  }

  report(state, next = null) {
    this.state = state;
    this.handlers.onState(state, this.lost, next);
  }

  close() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.source?.close();
    this.source = null;
  }
}
