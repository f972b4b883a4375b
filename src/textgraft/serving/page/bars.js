// Rows of a name, a bar and a value.

import { make } from "./dom.js";

// A list of rows, each with `name` (a string or elements), `share` from 0 to 1, `value`, and whether it `isChosen`.
export function barList(rows, className = "") {
  return make("ul", { className: `bars ${className}`.trim() }, ...rows.map(barRow));
}

export function barRow({ name, share, value, isChosen }) {
  const fill = make("span");
  fill.style.width = `${100 * Math.max(0, share)}%`;
  return make(
    "li",
    { className: isChosen ? "chosen" : "" },
    make("span", {}, ...[name].flat()),
    make("span", { className: "bar", attributes: { "aria-hidden": "true" } }, fill),
    make("span", { className: "value", textContent: value }),
  );
}
