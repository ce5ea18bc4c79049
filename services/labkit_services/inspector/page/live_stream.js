// One server-sent event stream: reconnects with back-off, and can be paused.

const SILENCE_LIMIT_MS = 25_000; // the server sends an event at least every 10 s
const RESTART_MS = 6_000; // a reset of the lab restarts its inspector within this time: so long it is no trouble
const RESTART_RETRY_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 10_000;
const HIDDEN_MS = 20_000; // then a tab that nobody sees frees its connection: browsers allow six to a server

/**
 * States: "connecting", "live", "reconnecting" (lost a moment ago), "lost", "denied" (no token), "missing" (this
 * inspector has no such stream).
 */
export class LiveStream {
  #path;
  #api;
  #onState;
  #source = null;
  #handlers = new Set();
  #kinds = new Set();
  #retryMs = FIRST_RETRY_MS;
  #timer = 0;
  #hiddenTimer = 0;
  #watchdog;
  #lastEventAt = 0;
  #wasLiveUntil = -Infinity;
  #paused = false;
  #missed = false;
  #closed = false;
  state = "connecting";

  constructor(path, api, onState) {
    this.#path = path;
    this.#api = api;
    this.#onState = onState;
    this.#watchdog = setInterval(() => {
      if (this.state === "live" && Date.now() - this.#lastEventAt > SILENCE_LIMIT_MS) this.#lost();
    }, 5_000);
    document.addEventListener("visibilitychange", this.#onVisibility);
    queueMicrotask(() => this.#connect());
  }

  #onVisibility = () => {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => {
        clearTimeout(this.#timer);
        this.#source?.close();
        this.#source = null;
        this.#setState("connecting");
      }, HIDDEN_MS);
    } else if (this.#source === null) this.#connect();
  };

  add(handlers) {
    this.#handlers.add(handlers);
    for (const kind of Object.keys(handlers)) this.#subscribe(kind);
    if (this.state === "live") handlers.hello?.({});
    if (this.state === "missing") handlers.missing?.();
  }

  /** Forget a listener; return whether none is left. */
  remove(handlers) {
    this.#handlers.delete(handlers);
    return this.#handlers.size === 0;
  }

  pause(wanted) {
    this.#paused = wanted;
    if (wanted || !this.#missed) return;
    this.#missed = false;
    this.#dispatch("hello", {});
  }

  close() {
    this.#closed = true;
    clearInterval(this.#watchdog);
    clearTimeout(this.#timer);
    clearTimeout(this.#hiddenTimer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#source?.close();
  }

  #setState(state) {
    this.state = state;
    if (!this.#closed) this.#onState(state);
  }

  #connect() {
    if (this.#closed) return;
    const source = (this.#source = new EventSource(this.#api.url(this.#path)));
    this.#lastEventAt = Date.now();
    for (const kind of ["hello", "heartbeat", ...this.#kinds]) this.#attach(kind);
    source.onerror = () => source === this.#source && this.#lost();
  }

  #subscribe(kind) {
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    if (this.#source && kind !== "hello") this.#attach(kind);
  }

  #attach(kind) {
    const source = this.#source;
    if (source.attached?.has(kind)) return;
    (source.attached ??= new Set()).add(kind);
    source.addEventListener(kind, (event) => {
      this.#lastEventAt = Date.now();
      if (kind === "hello") {
        this.#retryMs = FIRST_RETRY_MS;
        this.#setState("live");
      }
      if (kind === "heartbeat") return;
      if (this.#paused) this.#missed = true;
      else this.#dispatch(kind, JSON.parse(event.data));
    });
  }

  #dispatch(kind, data) {
    for (const handlers of [...this.#handlers]) handlers[kind]?.(data);
  }

  #lost() {
    this.#source.close();
    if (this.state === "live") this.#wasLiveUntil = Date.now();
    if (this.state !== "missing") this.#setState(this.#mayRestart() ? "reconnecting" : "lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tryAgain(), this.#mayRestart() ? RESTART_RETRY_MS : this.#retryMs);
  }

  #mayRestart() {
    return Date.now() - this.#wasLiveUntil < RESTART_MS;
  }

  async #tryAgain() {
    // EventSource does not tell why it failed, so ask with a request first.
    if (!this.#mayRestart()) this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    const asked = new AbortController();
    try {
      // Jupyter's proxy passes a stream on only to whom accepts nothing else.
      const response = await fetch(this.#api.url(this.#path), { signal: asked.signal, headers: { Accept: "text/event-stream" } });
      asked.abort(); // the head is enough
      if (response.ok) return this.#connect();
      if (response.status === 401) this.#setState("denied");
      else if (response.headers.has("Retry-After")) this.#setState(this.#mayRestart() ? "reconnecting" : "lost"); // the proxy's: no lab runs
      else if ([404, 405, 409, 501, 503].includes(response.status) && this.state !== "missing") {
        this.#setState("missing");
        this.#dispatch("missing");
      }
      if (response.status === 409) return; // a record has none, and never will
    } catch {
      // The server does not answer.
      if (this.state === "reconnecting" && !this.#mayRestart()) this.#setState("lost");
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#tryAgain(), this.#mayRestart() ? RESTART_RETRY_MS : this.#retryMs);
  }
}
