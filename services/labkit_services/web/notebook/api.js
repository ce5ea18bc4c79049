// Requests to the lab from a view: through Jupyter's proxy, else by the kernel.
//
// The proxy answers also while a cell blocks. Through the kernel, a message goes to its background loop, which asks
// the inspector; a kernel that is busy may read the message only when its cell ends.

const PROXY_MS = 3_000; // for the check of the proxy
const DEADLINE_MS = 100_000; // a queue-worker that is removed finishes its calls
const QUEUED_MS = 700; // without a sign of the kernel for so long, it is busy
const CHECK_AGAIN_MS = 10_000;
const MISDIRECTED = 421; // it is for another run of the lab
const MOST_BYTES = 256 * 1024;
const PATH = /^api\/v1\/[\w.~%!$&'()*+,;=:@/?-]+$/;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The page's base URL, such as "/user/x/"; null where no Jupyter server's page is around, as in VS Code. */
export function baseUrl() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl ?? null;
  } catch {
    return null;
  }
}

/**
 * Returns {send(method, path, body, {onQueued, onAccepted}) -> Promise<{status, body, via}>}; `path` begins with
 * "api/v1/". A request without an answer has status 0 and a body {error, expected, seen, next}. `settings.run` is
 * the run id of the view's lab: another lab's inspector gets no request.
 */
export function createApi({ model, settings, signal, base = baseUrl() }) {
  const relay = createRelay(model, signal);
  const proxy = base === null ? null : createProxy(`${base}labkit/`, settings.run, signal);

  async function send(method, path, body, options = {}) {
    const text = body === undefined || body === null ? "" : JSON.stringify(body);
    if (!METHODS.includes(method) || !PATH.test(path) || path.includes("..") || text.length > MOST_BYTES) {
      return problem("The request can't be sent.", { expected: `a method, a path below api/v1/, at most ${MOST_BYTES} bytes`, seen: `${method} ${path.slice(0, 100)}` });
    }
    const answer = (await proxy?.send(method, path, text)) ?? null;
    return answer ?? relay.send({ method, path, body: text }, options);
  }

  return { send };
}

const problem = (error, details = {}) => ({ status: 0, body: { error, ...details }, via: "" });

/** `send` resolves with null if the request did not reach the lab, and may go another way. */
function createProxy(url, run, signal) {
  let works = null; // not known yet
  let checked = -Infinity;
  let checking = null;

  async function check() {
    checked = performance.now();
    const timeout = AbortSignal.timeout(PROXY_MS);
    try {
      const response = await fetch(`${url}api/v1/version`, { cache: "no-store", signal: AbortSignal.any([signal, timeout]) });
      works = response.ok && (await response.json()).run_id === run;
    } catch {
      works = false;
    }
    checking = null;
    return works;
  }

  async function isThere() {
    if (works || (works === false && performance.now() - checked < CHECK_AGAIN_MS)) return works;
    checking ??= check();
    return checking;
  }

  async function send(method, path, text) {
    if (!(await isThere())) return null;
    const headers = { "X-Labkit-Run": run };
    if (text) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(url + path, { method, headers, cache: "no-store", body: text || undefined, signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]) });
    } catch (error) {
      if (signal.aborted) return problem("The view was closed.");
      works = null;
      // It may have arrived: what is not safe to repeat is not sent again.
      if (method === "GET" || method === "PUT") return null;
      return problem("The request got no answer.", { seen: String(error.message ?? error) });
    }
    const body = await read(response);
    // Whatever is not the inspector's own answer comes from something in between.
    const isOurs = response.status === 204 || (body !== null && (response.ok || "error" in body));
    if (isOurs && response.status !== MISDIRECTED) return { status: response.status, body, via: "proxy" };
    works = null;
    return null;
  }

  return { send };
}

async function read(response) {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) return null;
  const body = await response.json().catch(() => null);
  return body !== null && typeof body === "object" ? body : null;
}

/** Requests as messages {request: {id, method, path, body}}; answers {response: {id, accepted} or {id, status, body}}. */
function createRelay(model, signal) {
  const waiting = new Map();
  let last = 0;
  const prefix = Math.random().toString(36).slice(2, 10); // of this view: other views of the model get its answers, too

  function receive({ response } = {}) {
    const entry = waiting.get(response?.id);
    if (!entry) return; // late, or another view's
    entry.hear(response);
  }

  function end() {
    model?.off("msg:custom", receive);
    for (const { finish } of [...waiting.values()]) finish(problem("The view was closed."));
  }

  model?.on("msg:custom", receive);
  signal.addEventListener("abort", end);

  function send(request, { onQueued = () => {}, onAccepted = () => {} }) {
    if (!model || signal.aborted) return Promise.resolve(problem("The view was closed."));
    return new Promise((resolve) => {
      const id = `${prefix}-${(last += 1)}`;
      const queued = setTimeout(onQueued, QUEUED_MS);
      const late = setTimeout(() => finish(problem("The kernel did not answer.", {
        expected: `an answer within ${DEADLINE_MS / 1000} s`, seen: "none", next: "wait until the running cell ends, or press ■",
      })), DEADLINE_MS);
      const finish = (answer) => {
        clearTimeout(queued);
        clearTimeout(late);
        waiting.delete(id);
        resolve(answer);
      };
      const hear = (response) => {
        clearTimeout(queued);
        if (response.accepted) onAccepted();
        else finish({ status: response.status, body: response.body ?? null, via: "kernel" });
      };
      waiting.set(id, { finish, hear });
      try {
        model.send({ request: { id, ...request } });
      } catch (error) {
        finish(problem("The kernel is gone.", { seen: String(error.message ?? error), next: "run the notebook's first cell again" }));
      }
    });
  }

  return { send };
}
