// Waits for a lab, then shows its page in the place of this one.
"use strict";

const RETRY_MS = 1000;

function storedLanguage() {
  try {
    return localStorage.getItem("labkit.language");
  } catch {
    return null; // a frame in another site may have no storage
  }
}

const shown = document.querySelectorAll("main");
const languages = [...shown].map((main) => main.lang.slice(0, 2));
const wanted = [storedLanguage() ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2));
const language = wanted.find((tag) => languages.includes(tag)) ?? "en";
for (const main of shown) main.hidden = main.lang.slice(0, 2) !== language;
document.documentElement.lang = language === "zh" ? "zh-CN" : language;
document.title = document.querySelector("main:not([hidden]) h1").textContent;
const problem = document.getElementById("problem");
problem.hidden = problem.textContent === "";

async function look() {
  // The header makes "not yet" no error, which the browser's console would list each second.
  const options = { cache: "no-store", headers: { "Labkit-Waiting": "1" } };
  const isUp = await fetch("healthz", options).then((response) => response.status === 200, () => false);
  if (isUp) location.reload();
  else setTimeout(look, RETRY_MS);
}

setTimeout(look, RETRY_MS);
