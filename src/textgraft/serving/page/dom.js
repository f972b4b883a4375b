// Elements of the page. Text from users and models is only ever set as text.

export const find = (id) => document.getElementById(id);

// An element with properties, attributes in `attributes`, and children that are elements or strings.
export function make(tag, { attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function button(text, onClick, className = "") {
  const element = make("button", { type: "button", className, textContent: text });
  element.addEventListener("click", onClick);
  return element;
}

// A button that is disabled stays where the focus is, and does nothing.
export function setBusy(element, isBusy) {
  element.setAttribute("aria-disabled", String(isBusy));
}

export const isBusy = (element) => element.getAttribute("aria-disabled") === "true";

// A new heading takes the focus, so that the keyboard and a screen reader continue from it.
export function focusOn(element) {
  element.tabIndex = -1;
  element.focus({ preventScroll: false });
}

const percentages = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const integers = new Intl.NumberFormat("en");
const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export const percent = (value) => percentages.format(value);
export const integer = (value) => integers.format(value);
export const decimal = (value) => numbers.format(value);
export const signed = (text, value) => (value > 0 ? `+${text}` : text.replace("-", "\u2212"));
export const counted = (count, noun, plural = `${noun}s`) => `${integer(count)} ${count === 1 ? noun : plural}`;

// Offsets of the server count code points, and those of JavaScript UTF-16 units.
export function codePoints(text) {
  const points = Array.from(text);
  return { length: points.length, slice: (start, end) => points.slice(start, end).join("") };
}
