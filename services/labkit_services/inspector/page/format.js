// From the API's values to texts.

const HEX_BYTES = 1024;

export const isSuccess = (status) => status >= 200 && status < 300;

export function seconds(number) {
  if (number == null) return "–";
  if (number < 0.001) return `${Number(number.toPrecision(1))} s`;
  return `${number < 10 ? number.toFixed(3) : number.toFixed(1)} s`;
}

/** The same for short times: in milliseconds below one second. */
export function shortTime(number) {
  if (number == null) return "–";
  const ms = number * 1000;
  if (ms >= 1000) return seconds(number);
  return `${ms < 1 ? Number(ms.toPrecision(1)) : ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

export function bytes(count) {
  if (count < 10_000) return `${count} B`;
  return count < 1e6 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`;
}

export function clock(time) {
  const date = new Date(time);
  return `${date.toLocaleTimeString([], { hour12: false })}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function ago(words, time) {
  const passed = Math.max(0, (Date.now() - new Date(time).getTime()) / 1000);
  if (passed < 1) return words("ago.now");
  if (passed < 60) return words("ago.seconds", { n: Math.floor(passed) });
  return passed < 3600 ? words("ago.minutes", { n: Math.floor(passed / 60) }) : clock(time).slice(0, 8);
}

/** Return the bytes of a base64 text. */
export const decodeBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Return the first bytes as a dump: offset, hexadecimal, ASCII. */
export function hexdump(content, limit = HEX_BYTES) {
  const lines = [];
  for (let at = 0; at < Math.min(content.length, limit); at += 16) {
    const row = [...content.slice(at, Math.min(at + 16, limit))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47);
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${letters}`);
  }
  return lines.join("\n");
}

/** Say what OpenFaaS's headers of a callback tell, in one line. */
export function callbackSummary(words, callback) {
  if (!callback) return "";
  const status = callback.function_status;
  const name = callback.function_name;
  const parts = [];
  if (status != null) parts.push(words("callback.returned", { function: name || words("callback.function"), status }));
  else if (name) parts.push(name);
  if (callback.duration_seconds != null) parts.push(words("callback.ran", { time: seconds(callback.duration_seconds) }));
  if (callback.retry > 0) parts.push(words("callback.retry", { number: callback.retry, most: callback.retry_max ?? "?" }));
  if (callback.call_id) parts.push(words("callback.call", { id: callback.call_id }));
  if (status != null && !isSuccess(status)) parts.push(words("callback.delivered"));
  return parts.join(words("list.separator"));
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const INDENTED_LENGTH = 200_000;
const INDENTED_DEPTH = 100;

/**
 * Return a JSON object or array with line breaks, null for any other text. The
 * tokens stay as they came: a number keeps all its digits, a key its place.
 */
export function indentJson(text) {
  if (!/^\s*[{[]/.test(text) || text.length > INDENTED_LENGTH) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const line = (depth) => `\n${"  ".repeat(depth)}`;
  let [result, depth, previous] = ["", 0, ""];
  for (const [token] of text.matchAll(TOKENS)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    const isEmpty = closes && (previous === "{" || previous === "[");
    if ((closes && !isEmpty) || (!closes && (previous === "{" || previous === "[" || previous === ","))) result += line(depth);
    result += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth += 1;
    if (depth > INDENTED_DEPTH) return null;
    previous = token;
  }
  return result;
}
