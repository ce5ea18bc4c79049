// Says that a part of the page is missing. A script of its own, without imports: it runs if others can't be loaded.
//
// Browsers break off what they load when the computer joins another network, so a missing script is first asked for
// again, by itself.
"use strict";

{
  const WAIT_MS = 8_000;
  const RELOADS = 3;
  const PAUSE_MS = 1_000;
  const COUNT = "labkit-reloads"; // of this tab, since the page last started
  const isStarted = () => document.documentElement.dataset.ready === "true";
  const isChinese = navigator.languages.find((tag) => /^(zh|en)/.test(tag))?.startsWith("zh");

  const reloadAgain = ({ target }) => {
    const count = Number(sessionStorage.getItem(COUNT));
    if (!(target instanceof HTMLScriptElement) || isStarted() || count >= RELOADS) return;
    sessionStorage.setItem(COUNT, String(count + 1));
    setTimeout(() => location.reload(), PAUSE_MS);
  };
  addEventListener("error", reloadAgain, { capture: true });

  const show = () => {
    const trouble = document.getElementById("trouble");
    if (isStarted() || !trouble.hidden) return;
    const again = document.createElement("button");
    again.type = "button";
    again.id = "reload";
    again.textContent = isChinese ? "重新加载" : "Reload";
    again.addEventListener("click", () => location.reload());
    trouble.replaceChildren(isChinese ? "页面未能完整加载。" : "The page could not be loaded completely.", " ", again);
    trouble.hidden = false;
  };
  setTimeout(show, WAIT_MS);

  // A slow page may still start.
  const started = new MutationObserver(() => {
    if (!isStarted()) return;
    started.disconnect();
    sessionStorage.removeItem(COUNT);
    if (document.getElementById("reload")) document.getElementById("trouble").hidden = true;
  });
  started.observe(document.documentElement, { attributes: true, attributeFilter: ["data-ready"] });
}
