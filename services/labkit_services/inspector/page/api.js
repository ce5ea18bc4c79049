// The inspector's REST API, and its live events.

import { LiveStream } from "./live_stream.js";

/** A response that is not 2xx, or none at all (status 0). */
export class ApiError extends Error {
  constructor(status, document, fallback) {
    super(document?.error || fallback);
    this.status = status;
    this.expected = document?.expected ?? "";
    this.seen = document?.seen ?? "";
    this.next = document?.next ?? "";
    this.document = document;
  }

  /** Whether this inspector does not have the route. */
  get isMissing() {
    return this.status === 404 || this.status === 405 || this.status === 501;
  }

  /** Whether the route needs a part of the lab that is not there. */
  get isUnavailable() {
    return this.isMissing || this.status === 503;
  }

  /** All that the server says, in one sentence. */
  get sentence() {
    const details = [this.expected && `expected ${this.expected}`, this.seen && `but got ${this.seen}`].filter(Boolean);
    return [this.message, details.join(", "), this.next].filter(Boolean).join("; ");
  }
}

export const binPath = (bin, rest = "") => `api/v1/bins/${encodeURIComponent(bin)}${rest}`;

/** Append a query without empty values. */
export function withQuery(path, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value != null));
  return query.size ? `${path}?${query}` : path;
}

/**
 * `token` stays in addresses only where the cookie would not work, such as in
 * a frame in another site.
 */
export function createApi(token, { onState }) {
  const streams = new Map();
  let paused = false;

  const url = (path) => (token ? `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}` : path);

  async function send(method, path, body, options = {}) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, null, error.message);
    }
    const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
    if (!response.ok) {
      throw new ApiError(response.status, isJson ? await response.json().catch(() => null) : null, `${response.status} ${response.statusText}`);
    }
    if (response.status === 204) return null;
    return isJson ? response.json() : response.text();
  }

  const api = {
    url,
    get: (path, options) => send("GET", path, undefined, options),
    post: (path, body = {}) => send("POST", path, body),
    /** Send a file's text; the type keeps other sites' forms out. */
    postText: (path, text) => send("POST", path, null, { body: text }),
    put: (path, body = {}) => send("PUT", path, body),
    patch: (path, body) => send("PATCH", path, body),
    delete: (path) => send("DELETE", path),
    /**
     * Call `handlers[kind](data)` for the events of a stream. `hello` means:
     * read what you show again, from now on no event is missed. All listeners
     * of a path share one connection; browsers allow six to a server. Returns
     * a function that ends it.
     */
    listen(path, handlers) {
      let stream = streams.get(path);
      if (!stream) {
        stream = new LiveStream(path, api, (state) => onState(path, state));
        stream.pause(paused);
        streams.set(path, stream);
      }
      stream.add(handlers);
      return () => {
        if (stream.remove(handlers)) {
          stream.close();
          streams.delete(path);
        }
      };
    },
    /** Hold all live events back; after it every listener gets a `hello`. */
    pause(wanted) {
      paused = wanted;
      for (const stream of streams.values()) stream.pause(wanted);
    },
  };
  return api;
}
