// The lab itself in a notebook: its services, its addresses, the way to its page. settings.options: {note, bin}.

import { plain, sayer } from "../timeline/say.js";
import { findLab } from "./links.js";

const SHAPES = { ready: "●", starting: "◐", stopping: "◐", blocked: "■", failed: "✕", stopped: "○" };

export function mount({ root, words, settings, feed, announce, signal }) {
  const say = sayer(words);
  const title = element("h2", "lk-card-title", say("links.card.looking"));
  const services = element("ul", "lk-card-services");
  services.setAttribute("aria-label", say("links.card.services"));
  const faults = element("p", "lk-card-faults");
  faults.hidden = true;
  const ways = element("p", "lk-card-ways");
  const addresses = element("dl", "lk-card-addresses");
  const note = element("p", "lk-card-note", plain(settings.options?.note ?? ""));
  note.hidden = !note.textContent;
  const card = element("div", "lk-card");
  card.append(title, services, faults, ways, addresses, note);
  root.append(card);

  let last = "";
  let links = null;
  const showLinks = async () => {
    links = await findLab(settings, { signal });
    if (signal.aborted) return;
    ways.replaceChildren(...wayTo(links, say));
    addresses.replaceChildren(...rows(links, settings, say));
  };
  const show = ({ state, services: list, faults: injected = [] }) => {
    if (!list) return; // the supervisor did not answer
    services.replaceChildren(...list.map((service) => chip(service, say)));
    faults.hidden = !injected.length;
    faults.textContent = injected.length ? say("links.card.faults", { faults: injected.map(plain).join(say("list.separator")) }) : "";
    if (state === last) return;
    last = state;
    title.textContent = say("links.card.title", { state: stateName(state, say) });
    announce(title.textContent);
    if (!links?.behind) showLinks(); // the inspector may have just started
  };
  const ends = [
    feed.on("services", show),
    feed.on("ended", ({ text }) => {
      if (!text) return;
      services.replaceChildren();
      title.textContent = say("links.card.ended");
    }),
  ];
  showLinks();
  return { destroy() { for (const end of ends) end(); card.remove(); } };
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function chip({ name, state, error }, say) {
  const made = element("li", "");
  made.dataset.state = state;
  const shape = element("span", "lk-card-shape", SHAPES[state] ?? "?");
  shape.setAttribute("aria-hidden", "true");
  made.append(shape, ` ${plain(name)} `, element("span", "lk-card-state", stateName(state, say)));
  if (error) made.title = plain(error);
  return made;
}

const stateName = (state, say) => say(`links.state.${state}`, {}, plain(state));

function link(href, text) {
  const made = element("a", "", text);
  Object.assign(made, { href, target: "_blank", rel: "noopener" });
  return made;
}

/** Links to the lab's page. */
function wayTo({ page, behind, openTab }, say) {
  const first = link(page, say("links.page.open"));
  if (!openTab) return behind ? [first] : [first, element("span", "lk-card-quiet", say("links.page.first"))];
  first.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the reader wants a browser's tab
    event.preventDefault();
    openTab();
  });
  return [first, link(page, say("links.page.browser"))];
}

/** The addresses, each with what it is for: programs in the lab need another one than the browser may have. */
function rows(links, settings, say) {
  const code = (text) => element("code", "", text);
  const found = [
    [say("links.gateway.program"), code(`OPENFAAS_URL=${settings.gateway}`)],
    [say("links.bin.callback"), code(`${settings.inspector}/r/callbacks`)],
  ];
  if (links.page !== `${settings.inspector}/`) {
    found.push([say("links.gateway.browser"), link(links.gateway, links.gateway)], [say("links.bin.browser"), link(links.bin("callbacks"), links.bin("callbacks"))]);
  }
  return found.flatMap(([label, value]) => {
    const detail = element("dd", "");
    detail.append(value);
    return [element("dt", "", label), detail];
  });
}
