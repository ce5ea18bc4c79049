// What differs between two exchanges. Pure: values in, values out.

const MOST_CELLS = 4_000_000; // of the table below: about 2,000 lines each

/** Return lines as { kind: "same" | "removed" | "added", text } (longest common subsequence). */
export function diffLines(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const as = (kind) => (text) => ({ kind, text });
  const middle = left.length * right.length > MOST_CELLS ? [...left.map(as("removed")), ...right.map(as("added"))] : common(left, right);
  return [...a.slice(0, start).map(as("same")), ...middle, ...a.slice(a.length - end).map(as("same"))];
}

function common(a, b) {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push({ kind: "same", text: a[i] }), (i += 1), (j += 1);
    else if (i < a.length && (j >= b.length || lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) lines.push({ kind: "removed", text: a[i] }), (i += 1);
    else lines.push({ kind: "added", text: b[j] }), (j += 1);
  }
  return lines;
}

/** Return header differences as { name, before, after }; null where one side lacks it. */
export function diffHeaders(before, after) {
  const values = (pairs) => {
    const found = new Map();
    for (const [name, value] of pairs) {
      const key = name.toLowerCase();
      found.set(key, { name, values: [...(found.get(key)?.values ?? []), value] });
    }
    return found;
  };
  const [left, right] = [values(before), values(after)];
  const rows = [];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key), right.get(key)];
    const [was, is] = [a?.values.join("\n") ?? null, b?.values.join("\n") ?? null];
    if (was !== is) rows.push({ name: (a ?? b).name, before: was, after: is });
  }
  return rows;
}
