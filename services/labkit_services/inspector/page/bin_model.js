// Keeps the list of bins up to date in the store.

import { throttled } from "./throttle.js";

const EVERY_MS = 100;

/** Follow the bins: store "bins" is a Map of name → bin, "base" the inspector's URL. */
export function followBins(api, store) {
  // The list is older than the events that arrive while it is loaded: those take precedence.
  let arrived = null;

  const put = (bin, deleted = false) => {
    const bins = store.get("bins");
    if (deleted) bins.delete(bin.name);
    else bins.set(bin.name, bin);
    arrived?.set(bin.name, deleted ? null : bin);
    if (deleted) store.set("bins", bins);
    else tell();
  };
  const tell = throttled(() => store.set("bins", store.get("bins")), EVERY_MS);
  const changed = ({ bin }) => put(bin);

  async function refresh() {
    const loading = (arrived = new Map());
    const list = await api.get("api/v1/bins").catch(() => null); // the stream tells that the connection is lost
    if (loading !== arrived || !list) return;
    arrived = null;
    const bins = new Map(list.bins.map((bin) => [bin.name, bin]));
    for (const [name, bin] of loading) {
      if (bin) bins.set(name, bin);
      else bins.delete(name);
    }
    store.set("base", list.url);
    store.set("bins", bins);
    store.set("binsLoaded", true);
  }

  return api.listen("api/v1/events", {
    hello: refresh,
    "bin.created": changed,
    "bin.changed": changed,
    "bin.cleared": changed,
    "rule.changed": changed,
    "bin.deleted": ({ bin }) => put(bin, true),
    "request.received": changed,
    "request.deleted": changed,
  });
}
