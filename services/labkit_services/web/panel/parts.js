// What every section of the panel is made of: heading, labelled control with its help, the Python call that does the same.

import { append, h, uniqueId } from "../dom.js";

/** A section with a heading: {element, body}. */
export function section(say, name, ...children) {
  const id = uniqueId("pn");
  const body = h("div", { class: "pn-body" }, children);
  return h("section", { class: `pn-card pn-${name}`, "aria-labelledby": id },
    h("h2", { id }, say(`panel.${name}.title`)), h("p", { class: "pn-help" }, say(`panel.${name}.help`)), body);
}

/** The Python call that does what a control does: {element, show(name, values)}. */
export function pythonCall(say) {
  const element = h("code", { class: "pn-python", title: say("panel.python.help") });
  return {
    element,
    show(name, values = {}) {
      const text = say(`panel.python.${name}`, values);
      if (element.textContent !== text) element.textContent = text;
    },
  };
}

/** A label, its control, and a help text that a screen reader reads with it. */
export function field(say, name, control, ...more) {
  const [id, help] = [uniqueId("pn"), uniqueId("pn")];
  control.id = id;
  control.setAttribute("aria-describedby", help);
  return h("div", { class: "pn-field", data: { field: name } },
    h("label", { for: id }, say(`panel.${name}`)), control, more,
    h("p", { class: "pn-help", id: help }, say(`panel.${name}.help`)));
}

/** A button with a help text; `name` is its word and its data-action. */
export function button(say, name, onClick, { values = {}, className = "", text = null } = {}) {
  return h("button", {
    type: "button", class: className, title: say(`panel.${name}.help`, values), data: { action: name }, on: { click: onClick },
  }, text ?? say(`panel.${name}`, values));
}

/** Options that change: what is chosen stays, if it is still there. */
export function choice(onChange) {
  const element = h("select", { on: { change: () => onChange(element.value) } });
  let shown = "";
  return {
    element,
    get value() { return element.value; },
    /** `options` are [value, text] pairs. */
    offer(options, preferred = "") {
      const text = JSON.stringify(options);
      if (text === shown) return;
      shown = text;
      const chosen = element.value;
      element.replaceChildren();
      append(element, options.map(([value, label]) => h("option", { value }, label)));
      const values = options.map(([value]) => value);
      element.value = [chosen, preferred, values[0]].find((value) => values.includes(value)) ?? "";
      if (element.value !== chosen) onChange(element.value);
    },
  };
}

/** A group of buttons of which one is pressed; `choose(name)` is called, `press(name)` shows. */
export function switches(say, name, names, choose) {
  const buttons = names.map((each) =>
    h("button", { type: "button", data: { action: `${name}.${each}` }, title: say(`panel.${name}.${each}.help`), "aria-pressed": "false", on: { click: () => choose(each) } },
      say(`panel.${name}.${each}`)));
  return {
    buttons,
    element: h("div", { class: "pn-switches", role: "group", "aria-label": say(`panel.${name}`) }, buttons),
    press(pressed) {
      buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(names[at] === pressed)));
    },
  };
}
