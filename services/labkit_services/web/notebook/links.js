// Where the lab is, as the browser sees it: behind Jupyter's own address, or at this machine's ports.

const PAGE = "labkit/";
const GATEWAY = "labkit-gateway/";
const COMMAND = "server-proxy:open"; // jupyter-server-proxy's, which opens a tab of JupyterLab

/** Jupyter's settings of this page; {} where it is not Jupyter's (VS Code, Colab). */
export function jupyterConfig() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent) ?? {};
  } catch {
    return {};
  }
}

/** The base URL of Jupyter's server, absolute and with a slash at its end, or "". */
export function jupyterBase(config = jupyterConfig()) {
  return config.baseUrl ? new URL(`${config.baseUrl.replace(/\/+$/, "")}/`, location.href).href : "";
}

/**
 * Find the lab of `settings` ({run, inspector, gateway}). Resolves to
 *   behind   whether Jupyter's server leads to this very lab: no token is needed there
 *   page, gateway, bin(name)   addresses for this browser
 *   openTab  opens the page as a tab of JupyterLab, or null where that is not possible
 */
export async function findLab(settings, { signal } = {}) {
  const base = jupyterBase();
  const behind = base !== "" && (await runBehind(base, signal)) === settings.run;
  const page = behind ? base + PAGE : reachable(settings.inspector, base);
  const gateway = behind ? base + GATEWAY : reachable(settings.gateway, base);
  const openTab = behind && canOpenTabs() ? () => openPage(page) : null;
  return { behind, page, gateway, openTab, bin: (name) => `${page}r/${encodeURIComponent(name)}` };
}

/** Which lab Jupyter's server leads to: the id of its run, or null. */
async function runBehind(base, signal) {
  try {
    const response = await fetch(`${base}${PAGE}api/v1/status`, { signal, cache: "no-store" });
    return response.ok ? (await response.json()).run_id : null;
  } catch {
    return null;
  }
}

/** Another lab than that of Jupyter's folder: at its port, or where that is another machine's, through Jupyter. */
function reachable(url, base) {
  const isHere = !base || ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  return isHere ? `${url}/` : `${base}proxy/${new URL(url).port}/`;
}

/** JupyterLab's page has its commands there; labkit's extension of Jupyter's server has asked for it. */
const canOpenTabs = () => window.jupyterapp?.commands.hasCommand(COMMAND) ?? false;

/** The same tab as that of the launcher's tile. */
const openPage = (url) => window.jupyterapp.commands.execute(COMMAND, { id: "server-proxy:labkit", title: "Lab page", url, newBrowserTab: false });
