"use strict";
// Captured data is inserted through textContent only, so it stays text whatever it contains.
// All addresses are relative: a proxy may serve the page under a prefix.

const byId = (id) => document.getElementById(id);
const BIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$/; // as in bin_names.py
const SILENCE_LIMIT_MS = 25000; // the server sends an event at least every 10 s

// It stays in the address only where the cookie would not work, such as in a frame in another site.
const token = new URLSearchParams(location.search).get("token");
if (token && window.top === window) history.replaceState(null, "", location.pathname + location.hash);

const bins = new Map(); // name -> the API's object for the bin
let base = ""; // the inspector's URL for the queue-worker
let current = ""; // name of the bin that is shown
let requests = []; // its summaries, newest first
// A list is older than the events that arrive while it is being loaded: these are kept, and have precedence.
let binsLoading = null; // name -> bin, or null for a deleted one
let requestsLoading = null; // { arrived: summaries, newest first, deleted: ids }
let selected = ""; // id of the request that is shown
let follow = true; // show each new request; off while the user views an older one

// -- connection to the inspector

const withToken = (path) => (token ? `${path}?token=${encodeURIComponent(token)}` : path);
const binPath = (name, rest = "") => `api/v1/bins/${encodeURIComponent(name)}${rest}`;

async function callApi(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (options.body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { ...options, headers: { ...headers, ...options.headers } });
  const body = response.headers.get("Content-Type") === "application/json" ? await response.json() : null;
  if (!response.ok) throw Object.assign(new Error(body?.error || response.statusText), { status: response.status, body });
  return body;
}

let source = null;
let lastEventAt = 0;
let retryMs = 1000;

function connect() {
  source?.close();
  const opened = (source = new EventSource(withToken("api/v1/events")));
  lastEventAt = Date.now();
  const on = (kind, handle) => opened.addEventListener(kind, (event) => {
    lastEventAt = Date.now();
    handle(JSON.parse(event.data));
  });
  on("hello", () => { retryMs = 1000; showConnection("live", "live"); refresh(); });
  on("heartbeat", () => {});
  on("bin.created", ({ bin }) => { updateBin(bin); showBins(); if (!current) openBin(bin.name); });
  on("bin.changed", ({ bin }) => { updateBin(bin); showBins(); });
  on("bin.deleted", ({ bin }) => { updateBin(bin, true); if (bin.name === current) openBin(""); else showBins(); });
  on("bin.cleared", ({ bin }) => { updateBin(bin); if (bin.name === current) openBin(bin.name); else showBins(); });
  on("request.deleted", ({ bin, request }) => { updateBin(bin); removeRequest(request.id); });
  on("request.received", ({ bin, request }) => { updateBin(bin); addRequest(bin, request); });
  opened.onerror = () => { if (opened === source) onConnectionLost(); };
}

function onConnectionLost() {
  source.close();
  showConnection("lost", "connection lost, trying again…");
  setTimeout(async () => {
    try {
      await callApi("api/v1/version");
      connect();
    } catch (error) {
      if (error.status === 401) return showConnection("lost", "open the inspector's link with its token");
      retryMs = Math.min(retryMs * 2, 10000);
      onConnectionLost();
    }
  }, retryMs);
}

setInterval(() => {
  if (source?.readyState === EventSource.OPEN && Date.now() - lastEventAt > SILENCE_LIMIT_MS) onConnectionLost();
}, 5000);

function showConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection-text").textContent = text;
}

function updateBin(bin, deleted = false) {
  if (deleted) bins.delete(bin.name); else bins.set(bin.name, bin);
  binsLoading?.set(bin.name, deleted ? null : bin);
}

async function refresh() {
  const loading = (binsLoading = new Map());
  try {
    const list = await callApi("api/v1/bins");
    if (loading !== binsLoading) return; // a later one is being loaded
    binsLoading = null;
    base = list.url;
    bins.clear();
    for (const bin of list.bins) bins.set(bin.name, bin);
    for (const [name, bin] of loading) if (bin) bins.set(name, bin); else bins.delete(name);
    const wanted = current || fromHash();
    await openBin(wanted, wanted === current);
  } catch (error) {
    showConnection("lost", error.status === 401 ? "open the inspector's link with its token" : `can't read the bins: ${error.message}`);
  }
}

// -- bins

const fromHash = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };

async function openBin(name, again = false) {
  // A link may name a bin that does not exist yet: its first request makes it.
  current = bins.has(name) || BIN_NAME.test(name) ? name : bins.keys().next().value ?? "";
  if (!again) [selected, follow] = ["", true];
  if (current) history.replaceState(null, "", `#${encodeURIComponent(current)}`);
  showBins();
  const loading = (requestsLoading = { arrived: [], deleted: new Set() });
  const loaded = bins.has(current) ? callApi(binPath(current, "/requests?limit=500&bodies=false")) : null;
  const list = (await loaded?.catch(() => null)) ?? { requests: [] }; // deleted meanwhile: an event will follow
  if (loading !== requestsLoading) return; // a later one is being loaded
  requestsLoading = null;
  const listed = new Set(list.requests.map(({ id }) => id));
  requests = [...loading.arrived.filter(({ id }) => !listed.has(id)), ...list.requests]
    .filter(({ id }) => !loading.deleted.has(id));
  byId("requests").replaceChildren(...requests.map(row));
  showBins();
  select(requests.some(({ id }) => id === selected) && !follow ? selected : requests[0]?.id ?? "");
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
  // The focus stays in place when a count changes.
  const focused = document.activeElement?.closest?.("#bins a")?.getAttribute("href");
  byId("bins").replaceChildren(...list);
  if (focused) byId("bins").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  showHead(bins.get(current));
}

function showHead(bin) {
  const name = bin?.name ?? (current || "callbacks"); // what the introduction proposes while there is no bin
  const url = bin?.url ?? `${base}/r/${name}`;
  document.documentElement.style.setProperty("--bin", bin?.color ?? "#59626c");
  byId("icon").href = "data:image/svg+xml," + encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="${bin?.color ?? "#59626c"}"/></svg>`);
  document.title = bin ? `${bin.count ? `(${bin.count}) ` : ""}${name} · Inspector` : "Inspector";
  byId("bin-name").textContent = current || "No bin yet";
  byId("bin-count").textContent = bin ? plural(bin.count, "request")
    : `the first request ${current ? "makes it" : "to any name makes one"}`;
  byId("bin-url").textContent = url;
  byId("dropped").hidden = !bin?.dropped;
  byId("dropped").textContent = `${bin?.dropped} older dropped`;
  byId("clear").hidden = byId("panes").hidden = !bin?.count;
  byId("introduction").hidden = Boolean(bin?.count) || !base;
  byId("newest").hidden = follow || !bin?.count;
  byId("snippet-curl").textContent = `curl -d 'hello' ${url}`;
  byId("snippet-faas").textContent =
    `echo -n "LaterIsBetter" | faas-cli invoke figlet --async \\\n  --header "X-Callback-Url: ${url}"`;
  byId("snippet-python").textContent =
    `bin = lab.bin("${name}")\ncall = lab.invoke_async("figlet", "LaterIsBetter", callback=bin)\nprint(bin.wait(call_id=call.id).text)`;
}

// -- requests

function addRequest(bin, request) {
  if (!current) return void openBin(bin.name);
  if (bin.name !== current || requests.some(({ id }) => id === request.id)) return showBins();
  if (requestsLoading) return void requestsLoading.arrived.unshift(request);
  requests.unshift(request);
  const item = row(request);
  item.classList.add("arrived");
  byId("requests").prepend(item);
  while (requests.length > bin.count) { // the bin has dropped the oldest
    requests.pop();
    byId("requests").lastElementChild.remove();
  }
  showBins();
  byId("announcement").textContent = `${request.method} request received. ${callbackSummary(request.openfaas)}`;
  if (follow) select(request.id);
}

function removeRequest(id) {
  requestsLoading?.deleted.add(id);
  const place = requests.findIndex((request) => request.id === id);
  if (place < 0) return showBins();
  requests.splice(place, 1);
  byId("requests").children[place].remove();
  showBins();
  if (id === selected) select(requests[Math.min(place, requests.length - 1)]?.id ?? "");
}

function row(request) {
  const item = byId("request-template").content.firstElementChild.cloneNode(true);
  const callback = request.openfaas;
  item.dataset.id = request.id;
  item.querySelector(".method").textContent = request.method;
  item.querySelector(".function-status").textContent = callback?.function_name ? `${callback.function_name} ${statusMark(callback)}` : "";
  item.querySelector(".function-status").classList.toggle("failed", failed(callback));
  item.querySelector("time").dateTime = request.received_at;
  item.querySelector("time").textContent = ago(request.received_at);
  const query = request.query_string && `?${request.query_string}`;
  item.querySelector(".where").textContent = `#${request.seq} ${request.subpath}${query}`;
  item.querySelector(".size").textContent = bytes(request.content_length);
  item.querySelector("button").onclick = () => { follow = request.id === requests[0]?.id; select(request.id); };
  return item;
}

let latestTurn = 0;

async function select(id) {
  selected = id;
  byId("newest").hidden = follow || !requests.length;
  for (const item of byId("requests").children) {
    const button = item.firstElementChild;
    if (item.dataset.id === id) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
  }
  const turn = ++latestTurn;
  if (!id) return byId("detail").replaceChildren();
  try {
    const request = await callApi(binPath(current, `/requests/${id}`));
    if (turn === latestTurn) byId("detail").replaceChildren(detail(request));
  } catch (error) {
    if (turn === latestTurn) byId("detail").replaceChildren(`This request was deleted: ${error.message}`);
  }
}

function detail(request) {
  const content = byId("detail-template").content.cloneNode(true);
  const find = (selector) => content.querySelector(selector);
  find(".method").textContent = request.method;
  find(".target").textContent = request.path + (request.query_string && `?${request.query_string}`);
  find(".openfaas").textContent = callbackSummary(request.openfaas);
  find(".openfaas").classList.toggle("failed", failed(request.openfaas));
  find(".openfaas").title = "X-Duration-Seconds is the time from the queue-worker's start of the call to this callback. The time in the queue is not included.";
  find(".metadata").textContent = [
    clock(request.received_at), `from ${request.remote_addr}:${request.remote_port}`, `HTTP/${request.http_version}`, `id ${request.id}`,
  ].join(" · ");
  find(".header-count").textContent = `${request.headers.length}, in their original order`;
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
  find(".delete").onclick = () => callApi(binPath(request.bin, `/requests/${request.id}`), { method: "DELETE" }).catch(refresh);
  return content;
}

function showBody(find, request) {
  const text = request.body;
  find(".body-kind").textContent = request.content_length === 0 ? "empty"
    : `${bytes(request.content_length)}${text === undefined ? ", binary: shown in hex" : ""}${request.content_type && `, sent as ${request.content_type}`}`;
  find(".body").hidden = find(".copy-body").hidden = find(".raw").hidden = request.content_length === 0;
  find(".body").textContent = text ?? hexdump(request.body_base64);
  find(".copy-body").onclick = (event) => copy(text ?? request.body_base64, event.currentTarget);
  find(".cut").hidden = !request.truncated;
  const kept = Math.floor(request.body_base64.length / 4) * 3;
  find(".cut").textContent = `Only the beginning of the body was kept: ${bytes(kept)} of ${bytes(request.content_length)}. SHA-256 of the whole body: ${request.body_sha256}`;
}

setInterval(() => {
  for (const time of byId("requests").querySelectorAll("time")) {
    const text = ago(time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}, 1000);

// -- user actions

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

byId("newest").onclick = () => { follow = true; select(requests[0]?.id ?? ""); byId("list").scrollTop = 0; };
byId("clear").onclick = () => callApi(binPath(current, "/requests"), { method: "DELETE" }).catch(refresh);
byId("send-test").onclick = () => fetch(`r/${encodeURIComponent(current || "callbacks")}`, { method: "POST", body: "hello from the inspector's page\n" });
byId("new-bin").onsubmit = async (event) => {
  event.preventDefault();
  byId("new-error").textContent = "";
  try {
    const bin = await callApi("api/v1/bins", { method: "POST", body: JSON.stringify({ name: byId("new-name").value.trim() }) });
    updateBin(bin);
    byId("new-name").value = "";
    openBin(bin.name);
  } catch (error) {
    byId("new-error").textContent = [error.message, error.body?.expected].filter(Boolean).join(": ");
  }
};
addEventListener("hashchange", () => { if (fromHash() !== current) openBin(fromHash()); });

refresh();
connect();
