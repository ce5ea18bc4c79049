// The calls: a table for now, in the place of the timeline.

import { snippet } from "../components/copy.js";
import { fill, h, visible } from "../dom.js";
import { clock, seconds } from "../format.js";
import { hashOf } from "../router.js";

const EVENTS = "api/v1/calls/events";

export function mount(root, context, route) {
  const { api, store, words } = context;
  const calls = new Map();
  const body = h("div", { class: "view-body" });
  fill(root, h("div", { class: "page-head" }, h("h2", null, words("nav.calls"))), body);

  async function refresh() {
    try {
      const list = await api.get("api/v1/calls?limit=200");
      calls.clear();
      for (const call of [...list.calls].reverse()) put(call);
      store.set("counts", list.counts);
    } catch (error) {
      return void fill(body, h("p", { class: "notice" }, error.isMissing ? words("missing.calls") : error.sentence));
    }
    show();
  }

  const put = (call) => calls.set(`${call.callId} ${call.function}`, call);

  function show() {
    if (!calls.size) return void fill(body, empty(context));
    fill(
      body,
      h("table", { class: "calls-table" },
        h("thead", null, h("tr", null, ["call.function", "call.id", "call.state", "call.status", "call.waited", "call.ran"].map((key) => h("th", { scope: "col" }, words(key))))),
        h("tbody", null, [...calls.values()].reverse().slice(0, 200).map((call) =>
          h("tr", { "aria-current": route.parts[0] === call.callId && "true" },
            h("td", null, visible(call.function)),
            h("td", null, h("a", { href: hashOf("calls", call.callId) }, visible(call.callId))),
            h("td", null, call.state),
            h("td", null, String(call.status ?? "")),
            h("td", null, seconds(call.durations?.waitedInQueue)),
            h("td", null, seconds(call.durations?.ran)),
            h("td", null, call.times?.received ? clock(call.times.received) : ""))))),
    );
  }

  const stop = api.listen(EVENTS, {
    hello: refresh,
    reset: refresh,
    missing: refresh,
    calls(event) {
      event.calls.forEach(put);
      if (event.counts) store.set("counts", event.counts);
      show();
    },
  });
  refresh();
  return {
    update(next) {
      route = next;
      show();
    },
    unmount: stop,
  };
}

function empty({ words }) {
  return h(
    "section",
    { class: "empty" },
    h("h3", null, words("calls.empty.title")),
    h("p", null, words("calls.empty.text")),
    snippet(words, 'curl -i http://127.0.0.1:8080/async-function/figlet -d "LaterIsBetter"'),
    snippet(words, 'echo -n "LaterIsBetter" | faas-cli invoke figlet --async'),
    snippet(words, 'call = lab.invoke_async("figlet", "LaterIsBetter")'),
  );
}
