"use strict";
// Everything captured reaches the page through textContent, so it stays text whatever is in it.
// All addresses are relative: the page may be shown under a proxy's prefix.

const byId = (id) => document.getElementById(id);
const HEARD_TOO_LONG_AGO_MS = 25000; // the server says something every 10 s

// Given in the address only where the cookie would not work, such as a frame in another site.
const token = new URLSearchParams(location.search).get("token");
if (token && window.top === window) history.replaceState(null, "", location.pathname + location.hash);

const bins = new Map(); // name -> what the API says of the bin
let base = ""; // the inspector's URL as the queue-worker sees it
let current = ""; // name of the bin on show
let requests = []; // its summaries, newest first
// A list is older than the events that came while it was on its way: these are kept, and win.
let binsLoading = null; // name -> bin, or null for a deleted one
let requestsLoading = null; // { arrived: summaries, newest first, deleted: ids }
let chosen = ""; // id of the request on show
let follow = true; // show each new request; off while the reader looks at an older one

// -- talking to the inspector

const withToken = (path) => (token ? `${path}?token=${encodeURIComponent(token)}` : path);
const binPath = (name, rest = "") => `api/v1/bins/${encodeURIComponent(name)}${rest}`;

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers: { ...headers, ...options.headers } });
  const told = response.headers.get("Content-Type") === "application/json" ? await response.json() : null;
  if (!response.ok) throw Object.assign(new Error(told?.error || response.statusText), { status: response.status, told });
  return told;
}

let source = null;
let heardAt = 0;
let retryMs = 1000;

function listen() {
  source?.close();
  const opened = (source = new EventSource(withToken("api/v1/events")));
  heardAt = Date.now();
  const on = (kind, act) => opened.addEventListener(kind, (event) => {
    heardAt = Date.now();
    act(JSON.parse(event.data));
  });
  on("hello", () => { retryMs = 1000; showLive("live", "live"); refresh(); });
  on("heartbeat", () => {});
  on("bin.created", ({ bin }) => { note(bin); showBins(); if (!current) openBin(bin.name); });
  on("bin.changed", ({ bin }) => { note(bin); showBins(); });
  on("bin.deleted", ({ bin }) => { note(bin, true); if (bin.name === current) openBin(""); else showBins(); });
  on("bin.cleared", ({ bin }) => { note(bin); if (bin.name === current) openBin(bin.name); else showBins(); });
  on("request.deleted", ({ bin, request }) => { note(bin); forget(request.id); });
  on("request.received", ({ bin, request }) => { note(bin); take(bin, request); });
  opened.onerror = () => { if (opened === source) lost(); };
}

function lost() {
  source.close();
  showLive("lost", "connection lost, trying again…");
  setTimeout(async () => {
    try {
      await ask("api/v1/version");
      listen();
    } catch (error) {
      if (error.status === 401) return showLive("lost", "open the inspector's link with its token");
      retryMs = Math.min(retryMs * 2, 10000);
      lost();
    }
  }, retryMs);
}

setInterval(() => {
  if (source?.readyState === EventSource.OPEN && Date.now() - heardAt > HEARD_TOO_LONG_AGO_MS) lost();
}, 5000);

function showLive(state, text) {
  byId("live").dataset.state = state;
  byId("live-text").textContent = text;
}

function note(bin, deleted = false) {
  if (deleted) bins.delete(bin.name); else bins.set(bin.name, bin);
  binsLoading?.set(bin.name, deleted ? null : bin);
}

async function refresh() {
  const loading = (binsLoading = new Map());
  try {
    const told = await ask("api/v1/bins");
    if (loading !== binsLoading) return; // a later one is on its way
    binsLoading = null;
    base = told.url;
    bins.clear();
    for (const bin of told.bins) bins.set(bin.name, bin);
    for (const [name, bin] of loading) if (bin) bins.set(name, bin); else bins.delete(name);
    const wanted = current || fromHash();
    await openBin(wanted, wanted === current);
  } catch (error) {
    showLive("lost", error.status === 401 ? "open the inspector's link with its token" : `can't read the bins: ${error.message}`);
  }
}

// -- bins

const fromHash = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };

async function openBin(name, again = false) {
  current = bins.has(name) ? name : bins.keys().next().value ?? "";
  if (!again) [chosen, follow] = ["", true];
  if (current) history.replaceState(null, "", `#${encodeURIComponent(current)}`);
  showBins();
  const loading = (requestsLoading = { arrived: [], deleted: new Set() });
  const list = current ? ask(binPath(current, "/requests?limit=500&bodies=false")) : null;
  const told = (await list?.catch(() => null)) ?? { requests: [] }; // gone meanwhile: an event will say so
  if (loading !== requestsLoading) return; // a later one is on its way
  requestsLoading = null;
  const listed = new Set(told.requests.map(({ id }) => id));
  requests = [...loading.arrived.filter(({ id }) => !listed.has(id)), ...told.requests]
    .filter(({ id }) => !loading.deleted.has(id));
  byId("requests").replaceChildren(...requests.map(row));
  showBins();
  choose(requests.some(({ id }) => id === chosen) && !follow ? chosen : requests[0]?.id ?? "");
}

function showBins() {
  const list = [...bins.values()].map((bin) => {
    const item = byId("bin-template").content.cloneNode(true);
    const link = item.querySelector("a");
    link.href = `#${encodeURIComponent(bin.name)}`;
    link.style.setProperty("--bin", bin.color);
    if (bin.name === current) link.setAttribute("aria-current", "true");
    link.querySelector(".name").textContent = bin.name;
    link.querySelector(".count").textContent = bin.count;
    link.title = `${bin.name}: ${plural(bin.count, "request")}`;
    return item;
  });
  // Keyboard users keep their place when a count changes.
  const focused = document.activeElement?.closest?.("#bins a")?.getAttribute("href");
  byId("bins").replaceChildren(...list);
  if (focused) byId("bins").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  showHead(bins.get(current));
}

function showHead(bin) {
  const name = bin?.name ?? "callbacks"; // what the lesson proposes while there is no bin at all
  const url = bin?.url ?? `${base}/r/${name}`;
  document.documentElement.style.setProperty("--bin", bin?.color ?? "#59626c");
  byId("icon").href = "data:image/svg+xml," + encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="${bin?.color ?? "#59626c"}"/></svg>`);
  document.title = bin ? `${bin.count ? `(${bin.count}) ` : ""}${name} · Inspector` : "Inspector";
  byId("bin-name").textContent = bin ? name : "No bin yet";
  byId("bin-count").textContent = bin ? plural(bin.count, "request") : "the first request to any name makes one";
  byId("bin-url").textContent = url;
  byId("dropped").hidden = !bin?.dropped;
  byId("dropped").textContent = `${bin?.dropped} older dropped`;
  byId("clear").hidden = byId("panes").hidden = !bin?.count;
  byId("lesson").hidden = Boolean(bin?.count) || !base;
  byId("newest").hidden = follow || !bin?.count;
  byId("snippet-curl").textContent = `curl -d 'hello' ${url}`;
  byId("snippet-faas").textContent =
    `echo -n "LaterIsBetter" | faas-cli invoke figlet --async \\\n  --header "X-Callback-Url: ${url}"`;
  byId("snippet-python").textContent =
    `bin = lab.bin("${name}")\ncall = lab.invoke_async("figlet", "LaterIsBetter", callback=bin)\nprint(bin.wait(call_id=call.id).text)`;
}

// -- requests

function take(bin, request) {
  if (!current) return void openBin(bin.name);
  if (bin.name !== current || requests.some(({ id }) => id === request.id)) return showBins();
  if (requestsLoading) return void requestsLoading.arrived.unshift(request);
  requests.unshift(request);
  const item = row(request);
  item.classList.add("arrived");
  byId("requests").prepend(item);
  while (requests.length > bin.count) { // the ring let the oldest go
    requests.pop();
    byId("requests").lastElementChild.remove();
  }
  showBins();
  byId("news").textContent = `${request.method} request received. ${saidLine(request.openfaas)}`;
  if (follow) choose(request.id);
}

function forget(id) {
  requestsLoading?.deleted.add(id);
  const place = requests.findIndex((request) => request.id === id);
  if (place < 0) return showBins();
  requests.splice(place, 1);
  byId("requests").children[place].remove();
  showBins();
  if (id === chosen) choose(requests[Math.min(place, requests.length - 1)]?.id ?? "");
}

function row(request) {
  const item = byId("request-template").content.firstElementChild.cloneNode(true);
  const said = request.openfaas;
  item.dataset.id = request.id;
  item.querySelector(".method").textContent = request.method;
  item.querySelector(".said").textContent = said?.function_name ? `${said.function_name} ${mark(said)}` : "";
  item.querySelector(".said").classList.toggle("failed", failed(said));
  item.querySelector("time").dateTime = request.received_at;
  item.querySelector("time").textContent = ago(request.received_at);
  const query = request.query_string && `?${request.query_string}`;
  item.querySelector(".where").textContent = `#${request.seq} ${request.subpath}${query}`;
  item.querySelector(".size").textContent = bytes(request.content_length);
  item.querySelector("button").onclick = () => { follow = request.id === requests[0]?.id; choose(request.id); };
  return item;
}

let showing = 0;

async function choose(id) {
  chosen = id;
  byId("newest").hidden = follow || !requests.length;
  for (const item of byId("requests").children) {
    const button = item.firstElementChild;
    if (item.dataset.id === id) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
  }
  const turn = ++showing;
  if (!id) return byId("detail").replaceChildren();
  try {
    const request = await ask(binPath(current, `/requests/${id}`));
    if (turn === showing) byId("detail").replaceChildren(detail(request));
  } catch (error) {
    if (turn === showing) byId("detail").replaceChildren(`This request is gone: ${error.message}`);
  }
}

function detail(request) {
  const made = byId("detail-template").content.cloneNode(true);
  const find = (selector) => made.querySelector(selector);
  find(".method").textContent = request.method;
  find(".target").textContent = request.path + (request.query_string && `?${request.query_string}`);
  find(".openfaas").textContent = saidLine(request.openfaas);
  find(".openfaas").classList.toggle("failed", failed(request.openfaas));
  find(".openfaas").title = "X-Duration-Seconds runs from the queue-worker's taking the call to this callback: the time in the queue is not in it.";
  find(".facts").textContent = [
    clock(request.received_at), `from ${request.remote_addr}:${request.remote_port}`, `HTTP/${request.http_version}`, `id ${request.id}`,
  ].join(" · ");
  find(".header-count").textContent = `${request.headers.length}, as they came`;
  find(".headers tbody").replaceChildren(...request.headers.map(([name, value]) => {
    const line = document.createElement("tr");
    line.append(document.createElement("th"), document.createElement("td"));
    line.firstChild.scope = "row";
    line.firstChild.textContent = name;
    line.lastChild.textContent = value;
    return line;
  }));
  showBody(find, request);
  find(".raw").href = withToken(binPath(request.bin, `/requests/${request.id}/raw`));
  find(".delete").onclick = () => ask(binPath(request.bin, `/requests/${request.id}`), { method: "DELETE" }).catch(refresh);
  return made;
}

function showBody(find, request) {
  const text = request.body;
  find(".body-kind").textContent = request.content_length === 0 ? "empty"
    : `${bytes(request.content_length)}${text === undefined ? ", not text: shown in hex" : ""}${request.content_type && `, sent as ${request.content_type}`}`;
  find(".body").hidden = find(".copy-body").hidden = find(".raw").hidden = request.content_length === 0;
  find(".body").textContent = text ?? hexdump(request.body_base64);
  find(".copy-body").onclick = (event) => copy(text ?? request.body_base64, event.currentTarget);
  find(".cut").hidden = !request.truncated;
  const kept = Math.floor(request.body_base64.length / 4) * 3;
  find(".cut").textContent = `The body was longer than what is kept: ${bytes(kept)} of ${bytes(request.content_length)}. SHA-256 of all of it: ${request.body_sha256}`;
}

setInterval(() => {
  for (const time of byId("requests").querySelectorAll("time")) {
    const text = ago(time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}, 1000);

// -- hands

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed in a frame, or no secure context
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1200);
}

for (const button of document.querySelectorAll("[data-copies]")) {
  button.onclick = () => copy(byId(button.dataset.copies).textContent, button);
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function showTab(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  tab.focus();
}
for (const [place, tab] of tabs.entries()) {
  tab.onclick = () => showTab(tab);
  tab.onkeydown = ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) showTab(tabs[(place + step + tabs.length) % tabs.length]);
  };
}

byId("requests").onkeydown = (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = step && event.target.closest("li")?.[step]?.firstElementChild;
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
};

byId("newest").onclick = () => { follow = true; choose(requests[0]?.id ?? ""); byId("list").scrollTop = 0; };
byId("clear").onclick = () => ask(binPath(current, "/requests"), { method: "DELETE" }).catch(refresh);
byId("send-test").onclick = () => fetch(`r/${encodeURIComponent(current || "callbacks")}`, { method: "POST", body: "hello from the inspector's page\n" });
byId("new-bin").onsubmit = async (event) => {
  event.preventDefault();
  byId("new-error").textContent = "";
  try {
    const bin = await ask("api/v1/bins", { method: "POST", body: JSON.stringify({ name: byId("new-name").value.trim() }) });
    note(bin);
    byId("new-name").value = "";
    openBin(bin.name);
  } catch (error) {
    byId("new-error").textContent = [error.message, error.told?.expected].filter(Boolean).join(": ");
  }
};
addEventListener("hashchange", () => { if (fromHash() !== current) openBin(fromHash()); });

refresh();
listen();
