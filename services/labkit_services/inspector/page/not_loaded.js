// Says that a part of the page is missing. A script of its own, without imports: it runs if others can't be loaded.
"use strict";

{
  const WAIT_MS = 8_000;
  const isStarted = () => document.documentElement.dataset.ready === "true";
  const isChinese = navigator.languages.find((tag) => /^(zh|en)/.test(tag))?.startsWith("zh");

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
    // A slow page may still start.
    const started = new MutationObserver(() => {
      if (!isStarted()) return;
      started.disconnect();
      if (trouble.contains(again)) trouble.hidden = true;
    });
    started.observe(document.documentElement, { attributes: true, attributeFilter: ["data-ready"] });
  };
  setTimeout(show, WAIT_MS);
}
