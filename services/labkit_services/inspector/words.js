"use strict";
// How things are said: pure functions from what the API tells to what the page shows.

const HEX_BYTES = 1024;

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const failed = (said) => said?.function_status != null && !(said.function_status >= 200 && said.function_status < 300);
const mark = (said) => (said.function_status == null ? "" : `${said.function_status} ${failed(said) ? "✗" : "✓"}`);

function saidLine(said) {
  if (!said) return "";
  const parts = [];
  if (said.function_status != null) parts.push(`${said.function_name || "the function"} said ${said.function_status}`);
  else if (said.function_name) parts.push(said.function_name);
  if (said.duration_seconds != null) parts.push(`ran ${seconds(said.duration_seconds)} s`);
  if (said.retry != null) parts.push(`retry ${said.retry} of ${said.retry_max ?? "?"}`);
  if (said.call_id) parts.push(`call ${said.call_id}`);
  if (failed(said)) parts.push("and yet this callback was delivered");
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
    const piece = [...head.slice(at, at + 16)];
    const hex = piece.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47);
    const letters = piece.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${letters}`);
  }
  if (base64.length * 3 / 4 > HEX_BYTES + 2) lines.push(`… the first ${HEX_BYTES} bytes; Raw has all`);
  return lines.join("\n");
}
