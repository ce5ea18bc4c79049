// Bins: the list of bins, one bin's requests, and one request.

import { showError } from "../components/toast.js";
import { fill, h } from "../dom.js";
import { hashOf } from "../router.js";
import { throttled } from "../throttle.js";
import { createBinHead } from "./bins/bin_head.js";
import { createBinList } from "./bins/bin_list.js";
import { createEmptyBin } from "./bins/empty_bin.js";
import { createRequestDetail } from "./bins/request_detail.js";
import { createRequestList } from "./bins/request_list.js";

const BIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$/; // as in bin_names.py
const EVENTS = "api/v1/events";
const DEFAULT_NAME = "callbacks";
const ARRIVED_MS = 100;

export function mount(root, context, route) {
  const { api, store, words, announce } = context;
  let name = "";
  let wantsNewest = true; // show each new request; off while an older one is viewed

  const open = (bin, id = "") => {
    const hash = hashOf("bins", bin, id);
    if (hash !== location.hash) history.replaceState(null, "", hash);
  };
  const bin = () => store.get("bins").get(name);

  const list = createRequestList(context, {
    onSelect(id, { isNewest }) {
      wantsNewest = isNewest;
      open(name, isNewest ? "" : id);
      detail.show(name, id);
      showFrame();
    },
    onNewest() {
      wantsNewest = true;
    },
  });
  const detail = createRequestDetail(context, { list });
  const head = createBinHead(context, { onDelete: () => context.navigate("bins") });
  const bins = createBinList(context);
  const empty = createEmptyBin(context);
  const panes = h("div", { class: "panes", id: "panes" }, list.element, detail.element);
  fill(root, h("div", { class: "bins-frame" }, bins.element, h("div", { class: "bin" }, head.element, empty.element, panes)));

  function showFrame() {
    const current = bin();
    const isEmpty = !current?.count && !list.isFiltered();
    empty.element.hidden = !isEmpty || !store.get("binsLoaded");
    panes.hidden = isEmpty;
    head.show(current, name);
    bins.show(name);
    if (isEmpty) empty.show(current, name);
    const shown = name || DEFAULT_NAME;
    document.title = `${current?.count ? `(${current.count}) ` : ""}${shown} · labkit`;
    document.getElementById("icon").href = icon(current?.color ?? "#59626c");
    root.style.setProperty("--bin", current?.color ?? "#59626c");
  }

  async function show({ parts }) {
    const known = store.get("bins");
    const wanted = parts[0] ?? "";
    // A link may name a bin that does not exist yet: its first request makes it.
    const next = known.has(wanted) || BIN_NAME.test(wanted) ? wanted : known.keys().next().value ?? "";
    const isOther = next !== name;
    name = next;
    if (name && !parts[0]) open(name);
    if (isOther) {
      wantsNewest = !parts[1];
      list.reset(name);
      detail.show(name, "");
      showFrame();
    }
    await load(parts[1]);
  }

  async function load(id = "") {
    if (!bin()) {
      list.reset(name);
      detail.show(name, "");
      return showFrame();
    }
    try {
      await list.load();
    } catch (error) {
      if (error.status !== 404) showError(error); // 404: deleted meanwhile, an event will follow
    }
    showFrame();
    if (id) wantsNewest = false;
    list.select(wantsNewest ? list.newest() : id || list.selected() || list.newest());
  }

  let arrived = [];
  let counts = null; // the bin as of the last arrival: the store's may be older, and too few rows would stay
  const showArrived = throttled(() => {
    const requests = arrived.filter((request) => request.bin === name);
    arrived = [];
    if (!requests.length || !bin()) return;
    const last = requests.at(-1);
    list.add(requests, counts);
    announce(words("bins.announce", { method: last.method, n: bin().count }));
    showFrame();
    if (wantsNewest && list.has(last.id)) list.select(list.newest());
  }, ARRIVED_MS);

  const stops = [
    store.on("bins", showFrame),
    api.listen(EVENTS, {
      async hello() {
        // The list of bins is read by bin_model.js; the requests here.
        if (!store.get("binsLoaded") || !bin()) return;
        const shown = detail.shown();
        await load(wantsNewest ? "" : list.selected());
        if (shown && shown === detail.shown()) await detail.refresh(); // it may have been answered meanwhile
      },
      "request.received"({ bin: of, request }) {
        if (!name) return void context.navigate("bins", of.name);
        if (of.name !== name) return;
        arrived.push(request);
        counts = of;
        showArrived();
      },
      "request.answered": changed,
      "request.changed": changed,
      "request.deleted"({ bin: of, request }) {
        if (of.name !== name) return;
        arrived = arrived.filter(({ id }) => id !== request.id);
        const next = list.remove(request.id);
        showFrame();
        if (request.id === list.selected()) list.select(next);
      },
      "bin.created": ({ bin: of }) => !name && context.navigate("bins", of.name),
      "bin.cleared": ({ bin: of }) => of.name === name && ((arrived = []), (wantsNewest = true), load()),
      "bin.deleted": ({ bin: of }) => of.name === name && ((name = ""), context.navigate("bins"), show({ parts: [] })),
    }),
  ];

  function changed({ bin: of, request }) {
    if (of.name !== name) return;
    arrived = arrived.map((each) => (each.id === request.id ? { ...each, ...request } : each));
    list.change(request);
    if (request.id === detail.shown()) detail.refresh();
  }

  const firstLoad = store.on("binsLoaded", () => {
    firstLoad();
    show(store.get("route"));
  });
  if (store.get("binsLoaded")) firstLoad(), show(route);
  else showFrame();
  return {
    update: show,
    unmount() {
      stops.forEach((stop) => stop());
      showArrived.cancel();
      firstLoad();
      list.close();
      detail.close();
      document.getElementById("icon").href = "data:,";
    },
  };
}

const icon = (color) =>
  "data:image/svg+xml," +
  encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="${color}"/></svg>`);
