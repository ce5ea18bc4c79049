// The flow as a table: each station with its number and what waits there, then the calls that are not over.

import { element } from "../timeline/skeleton.js";
import { shortName } from "../timeline/model.js";
import { plain } from "../timeline/say.js";
import { stationAt } from "./track.js";

const MOST_CALLS = 50;

export class Twin {
  constructor(root, say) {
    this.say = say;
    this.element = element("div", "fl-twin");
    this.element.hidden = true;
    this.stations = table(say, "flow.table", ["flow.table.station", "flow.table.number", "flow.table.why"]);
    this.calls = table(say, "flow.table.calls", ["flow.table.function", "flow.table.id", "flow.table.where", "flow.table.since"]);
    this.element.append(this.stations.element, this.calls.element);
    root.append(this.element);
  }

  get isOpen() { return !this.element.hidden; }

  toggle() { this.element.hidden = !this.element.hidden; }

  /** `lines` are [{name, text, why}] of the stations; `tracks` are of the calls, as of `now`. */
  tell({ lines, tracks, now, accepts }) {
    if (!this.isOpen) return;
    fill(this.stations.body, lines.map(({ name, text, why }) => [name, text, why]));
    const open = [];
    for (const track of tracks.values()) {
      if (accepts && !accepts(track.call)) continue;
      const station = accepts ? placeOf(track, now) : stationAt(track, now);
      if (!station || (!accepts && track.end < now)) continue;
      const since = track.stops.findLast((stop) => stop.at <= now).at;
      open.push([shortName(track.call.function), plain(track.call.callId).slice(0, 8), this.say(`flow.${station}`), this.say("flow.ago", { s: (now - since).toFixed(1) })]);
    }
    const shown = open.slice(-MOST_CALLS);
    fill(this.calls.body, shown.length ? shown : [[this.say("flow.table.none"), "", "", ""]]);
    this.calls.caption.textContent = this.say("flow.table.calls", { shown: shown.length, n: open.length });
  }
}

/** Where a call is, or ended. */
function placeOf(track, now) { return track.start <= now ? track.stops.findLast((stop) => stop.at <= now)?.station ?? null : null; }

function table(say, caption, heads) {
  const made = element("table");
  const title = element("caption", "", say(caption, { shown: 0, n: 0 }));
  const head = element("thead"), row = element("tr"), body = element("tbody");
  for (const name of heads) {
    const cell = element("th", "", say(name));
    cell.scope = "col";
    row.append(cell);
  }
  head.append(row);
  made.append(title, head, body);
  return { element: made, body, caption: title };
}

/** Change only what differs, so that a reader's place in the table stays. */
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells.forEach((text, index) => {
      const cell = row.cells[index] ?? row.appendChild(index ? element("td") : Object.assign(element("th"), { scope: "row" }));
      if (cell.textContent !== text) cell.textContent = text;
    });
  });
}
