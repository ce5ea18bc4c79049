"use strict";
// Pure functions from the API's values to the texts on the page.

const HEX_BYTES = 1024;

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const failed = (callback) =>
  callback?.function_status != null && !(callback.function_status >= 200 && callback.function_status < 300);
const statusMark = (callback) =>
  (callback.function_status == null ? "" : `${callback.function_status} ${failed(callback) ? "✗" : "✓"}`);

function callbackSummary(callback) {
  if (!callback) return "";
  const parts = [];
  const name = callback.function_name;
  if (callback.function_status != null) parts.push(`${name || "the function"} returned ${callback.function_status}`);
  else if (name) parts.push(name);
  if (callback.duration_seconds != null) parts.push(`ran ${seconds(callback.duration_seconds)} s`);
  if (callback.retry != null) parts.push(`retry ${callback.retry} of ${callback.retry_max ?? "?"}`);
  if (callback.call_id) parts.push(`call ${callback.call_id}`);
  if (failed(callback)) parts.push("but this callback was delivered");
  return parts.join(", ");
}

const seconds = (number) => (number < 0.001 ? number.toPrecision(1) : number.toFixed(3));

function bytes(count) {
  if (count < 10000) return `${count} B`;
  return count < 1e6 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}

function clock(iso) {
  const time = new Date(iso);
  return `${time.toLocaleTimeString([], { hour12: false })}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : clock(iso).slice(0, 8);
}

function hexdump(base64) {
  const head = Uint8Array.from(atob(base64.slice(0, Math.ceil(HEX_BYTES / 3) * 4)), (letter) => letter.charCodeAt(0)).slice(0, HEX_BYTES);
  const lines = [];
  for (let at = 0; at < head.length; at += 16) {
    const row = [...head.slice(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47);
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${letters}`);
  }
  if (base64.length * 3 / 4 > HEX_BYTES + 2) lines.push(`… the first ${HEX_BYTES} bytes; Raw has all`);
  return lines.join("\n");
}
