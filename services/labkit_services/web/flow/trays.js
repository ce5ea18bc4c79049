// Where resting dots lie at a station: pairs of places, and how many more there are than places. No DOM.

export const PITCH = 12;
const ROW = 6; // from the middle to each of two rows

/** Return {points: [[x, y], …], more}: a place for each of the first `count` dots, and how many have none. */
export function placesFor(station, count) {
  if (station.kind === "pill") return inPill(station, count);
  const columns = Math.max(1, Math.floor((station.width - 16) / PITCH));
  const most = 2 * columns;
  // Where not all fit, the number of the others takes the last six places.
  const shown = count > most ? most - 6 : count;
  const rows = shown > columns ? 2 : 1;
  const used = Math.ceil(shown / rows);
  const right = station.name === "queue" ? station.right - 8 - PITCH / 2 : station.cx + ((used - 1) * PITCH) / 2;
  const points = Array.from({ length: shown }, (_, index) => [
    right - Math.floor(index / rows) * PITCH, station.cy + (rows === 1 ? 0 : index % 2 ? ROW : -ROW),
  ]);
  return { points, more: count - shown };
}

/** The dots of a small station lie before its text; where calls end, they only pass. */
function inPill(station, count) {
  if (station.room === undefined) return { points: Array.from({ length: count }, () => [station.hub, station.cy]).slice(0, 3), more: 0 };
  const shown = Math.min(count, Math.max(1, Math.floor(station.room / 11)));
  return { points: Array.from({ length: shown }, (_, index) => [station.hub + index * 11, station.cy]), more: 0 };
}
