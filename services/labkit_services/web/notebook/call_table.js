// The calls as a table: what a picture of them says, for screen readers and for copying. Filled while it is open.

import { plain } from "../timeline/say.js";
import { duration } from "../timeline/scale.js";

const MOST_ROWS = 100;
const REFRESH_MS = 1000;
const COLUMNS = ["function", "id", "mode", "state", "status", "waited", "ran", "attempts"];

/** `accepts(call)` chooses calls. Returns {refresh(), destroy()}. */
export function createCallTable(root, { feed, say, signal, accepts = () => true }) {
  const details = document.createElement("details");
  details.className = "lk-table";
  const summary = document.createElement("summary");
  summary.textContent = say("live.table");
  const place = document.createElement("div");
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", say("live.table"));
  details.append(summary, place);
  root.append(details);
  let timer = 0;

  const fill = () => {
    timer = 0;
    const calls = [...feed.calls.values()].filter(accepts);
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.textContent = say("live.table.caption", { shown: Math.min(calls.length, MOST_ROWS), n: calls.length });
    const head = table.createTHead().insertRow();
    for (const name of COLUMNS) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = say(`live.table.${name}`);
      head.append(cell);
    }
    const body = table.createTBody();
    for (const call of calls.slice(-MOST_ROWS).reverse()) {
      const row = body.insertRow();
      for (const text of rowOf(call)) row.insertCell().textContent = text;
    }
    place.replaceChildren(table);
  };
  const refresh = () => { if (details.open && !timer) timer = setTimeout(fill, REFRESH_MS); };
  details.addEventListener("toggle", () => { if (details.open) fill(); else place.replaceChildren(); }, { signal });
  return { refresh, destroy() { clearTimeout(timer); details.remove(); } };

  function rowOf(call) {
    return [
      plain(call.function), plain(call.callId), say(`mode.${call.mode ?? "unknown"}`), say(`state.${call.state}`),
      call.status ?? "", duration(call.durations?.waitedInQueue), duration(call.durations?.ran), call.attempts?.length ?? 0,
    ];
  }
}
