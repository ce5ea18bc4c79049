// Sort, idle times, zoom: the controls above the rows.

/** `tools` are elements of the owner, {start, end}, in the same line. */
export function createToolbar(root, { say, actions, signal, tools = {} }) {
  const bar = document.createElement("div");
  bar.className = "tl-bar";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", say("timeline.controls"));

  const order = document.createElement("select");
  for (const name of ["arrival", "newest", "function"]) {
    const option = document.createElement("option");
    option.value = name;
    option.textContent = say(`timeline.sort.${name}`);
    order.append(option);
  }
  order.addEventListener("change", () => actions.sort(order.value), { signal });
  const idle = document.createElement("input");
  idle.type = "checkbox";
  idle.checked = true;
  idle.addEventListener("change", () => actions.shortenIdle(idle.checked), { signal });

  const button = (name, text) => {
    const element = document.createElement("button");
    element.type = "button";
    element.dataset.action = name;
    element.textContent = text ?? say(`timeline.${name}`);
    if (text) element.setAttribute("aria-label", say(`timeline.${name}`));
    element.title = say(`timeline.${name}.help`);
    element.addEventListener("click", actions[name], { signal });
    return element;
  };
  const follow = button("follow");
  bar.append(
    ...(tools.start ?? []), labelled(say("timeline.sort"), order), labelled(say("timeline.idle"), idle, true), spacer(),
    button("zoom_out", "−"), button("zoom_in", "+"), button("fit"), follow, ...(tools.end ?? []),
  );
  root.append(bar);
  return { setFollowing(following) {
    if (follow.getAttribute("aria-pressed") !== String(following)) follow.setAttribute("aria-pressed", following);
  } };
}

function labelled(text, control, after = false) {
  const label = document.createElement("label");
  const words = document.createElement("span");
  words.textContent = text;
  label.append(...(after ? [control, words] : [words, control]));
  return label;
}

function spacer() {
  const gap = document.createElement("span");
  gap.className = "tl-space";
  return gap;
}
