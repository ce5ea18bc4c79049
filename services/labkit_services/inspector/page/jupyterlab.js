// The JupyterLab that shows this page as one of its tabs.

/** Return JupyterLab's document, or null: the page stands alone, or in another site. */
export function jupyterLabDocument() {
  try {
    const above = window.parent === window ? null : window.parent.document;
    return above?.getElementById("jupyter-config-data") ? above : null;
  } catch {
    return null; // another site's: its document can't be read
  }
}

/** Call `show("light" or "dark")` now, and whenever JupyterLab changes its theme. */
export function followTheme(jupyterLab, show) {
  const { body } = jupyterLab;
  const update = () => show(body.dataset.jpThemeLight === "false" ? "dark" : "light");
  const observer = new MutationObserver(update);
  observer.observe(body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  addEventListener("pagehide", () => observer.disconnect(), { once: true });
  update();
}
