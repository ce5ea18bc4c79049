// The rows as elements: a listbox of which only the visible options exist. The bars are on the canvas below.

import { sentence } from "./describe.js";
import { stateAt } from "./model.js";
import { ROW } from "./painter.js";

const SPARE = 4; // rows beyond each edge
let count = 0;

export class RowLayer {
  constructor(list, say) {
    this.list = list;
    this.say = say;
    this.prefix = `tl-row-${(count += 1)}`;
    this.shown = new Map(); // key -> {element, model, state}
    this.active = null; // key of the row that Tab reaches
    this.number = 0;
  }

  /** Make the options of the visible rows, and of the active one wherever it is. */
  render({ rows, index, top, height, selected, now, tip }) {
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + SPARE);
    if (!index.has(this.active)) this.active = rows[first + (first ? SPARE : 0)]?.key ?? null;
    const wanted = new Set();
    for (let at = first; at < last; at += 1) wanted.add(at);
    if (index.has(this.active)) wanted.add(index.get(this.active));
    const keys = new Set([...wanted].map((at) => rows[at].key));
    for (const [key, { element }] of this.shown) {
      if (!keys.has(key)) { element.remove(); this.shown.delete(key); }
    }
    for (const at of wanted) this.#row(rows[at], at, rows.length, { selected, now, tip });
  }

  #row(model, at, total, { selected, now, tip }) {
    let row = this.shown.get(model.key);
    if (!row) {
      row = this.#create(model);
      this.shown.set(model.key, row);
      this.list.append(row.element);
    }
    const { element } = row;
    const state = stateAt(model, now);
    if (row.model !== model || row.state !== state) {
      Object.assign(row, { model, state });
      element.dataset.state = state;
      element.setAttribute("aria-label", sentence(this.say, model, now));
    }
    if (row.at !== at) {
      row.at = at;
      element.style.transform = `translateY(${at * ROW}px)`;
      element.setAttribute("aria-posinset", at + 1);
    }
    if (row.total !== total) {
      row.total = total;
      element.setAttribute("aria-setsize", total);
    }
    const isActive = model.key === this.active, isSelected = model.key === selected;
    if (row.isActive !== isActive) {
      row.isActive = isActive;
      element.tabIndex = isActive ? 0 : -1;
      if (isActive) element.setAttribute("aria-describedby", tip); else element.removeAttribute("aria-describedby");
    }
    if (row.isSelected !== isSelected) {
      row.isSelected = isSelected;
      element.setAttribute("aria-selected", isSelected);
    }
  }

  #create(model) {
    const element = document.createElement("div");
    element.className = "tl-row";
    element.id = `${this.prefix}-${(this.number += 1)}`;
    element.dataset.call = model.call.callId;
    element.setAttribute("role", "option");
    element.rowKey = model.key;
    const name = document.createElement("bdi");
    name.className = "tl-name";
    name.textContent = model.name;
    const short = document.createElement("code");
    short.className = "tl-id";
    short.textContent = model.short;
    element.append(name, short);
    return { element };
  }

  /** The key of the row that an element belongs to, or undefined. */
  keyAt(target) { return target.closest?.(".tl-row")?.rowKey; }

  focus(key) { this.shown.get(key)?.element.focus({ preventScroll: true }); }

  hasFocus() { return this.list.contains(document.activeElement); }
}
