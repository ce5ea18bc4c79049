// Where all calls are at a time: what rests at which station, what travels between two, and how many. No DOM.
// It is a pure function of the calls and the time, so that pause, step and replay show what was.

import { HOP, placeAt, stationAt } from "./track.js";

export const MOST_SINGLE = 40; // with more on the way, those that left together travel as one
const SLICE = 0.15; // seconds

const ease = (part) => part * part * (3 - 2 * part);
const within = (part) => Math.min(1, Math.max(0, part));

/**
 * Return {moving, resting, counts, until}. `moving` is [{key, from, to, progress, look, mode, n, call}], never more than a few
 * for each way; `resting` is {station: [{key, look, mode, call, since}]} in order of arrival; `counts` is {station: n}
 * by the events, so it holds however dots are drawn; `until` is when a resting dot vanishes, or Infinity.
 */
export function sceneAt(tracks, now) {
  const moving = [], resting = {}, counts = {};
  let until = Infinity;
  const count = (station) => { counts[station] = (counts[station] ?? 0) + 1; };
  for (const [key, track] of tracks) {
    if (now < track.start || now >= track.end) continue;
    const { call } = track;
    const station = stationAt(track, now);
    // The client waits until it has the answer; wherever the call is.
    if (track.asked <= now && now < track.answered) {
      count("client");
      (resting.client ??= []).push({ key: `${key}\nclient`, look: "waits", mode: "client", call, since: track.asked });
    }
    if (station && station !== "client") {
      count(station);
      if (call.mode === "async" && (station === "worker" || station === "function")) count("places");
    }
    const { answer } = track;
    if (answer && answer.leave <= now && now < answer.arrive) {
      moving.push({ key: `${key}\n202`, from: "gateway", to: "client", look: "answered", mode: call.mode, call, ...answer });
    }
    const place = placeAt(track, now);
    if (!place) continue;
    const { stop } = place;
    if (place.from) {
      moving.push({ key, from: place.from, to: place.to, look: stop.look, mode: call.mode, call, leave: place.leave, arrive: place.arrive });
    } else if (stop.isEnd || place.at !== "client") {
      if (stop.isEnd) until = Math.min(until, track.end);
      (resting[place.at] ??= []).push({ key, look: stop.isEnd ? stop.look : restingLook(stop), mode: call.mode, call, since: place.since });
    }
  }
  for (const list of Object.values(resting)) list.sort((one, other) => one.since - other.since);
  return { moving: travelling(moving, now), resting, counts, until };
}

function restingLook({ station, look, later }) {
  if (station === "retry") return "backoff";
  return station === "lease" ? "lease" : later ?? look;
}

function travelling(moving, now) {
  if (moving.length <= MOST_SINGLE) {
    return moving.map((dot) => ({ ...dot, n: 1, progress: ease(within((now - dot.leave) / Math.max(dot.arrive - dot.leave, 1e-3))) }));
  }
  const groups = new Map();
  for (const { from, to, look, mode, leave, call } of moving) {
    const slice = Math.floor(leave / SLICE);
    const key = `${from} ${to} ${look} ${mode} ${slice}`;
    const group = groups.get(key);
    if (group) group.n += 1;
    else groups.set(key, { key, from, to, look, mode, call, n: 1, progress: ease(within((now - (slice + 0.5) * SLICE) / HOP)) });
  }
  return [...groups.values()];
}
