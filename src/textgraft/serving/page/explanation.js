// Words that a prediction depends on.

import { postPatiently } from "./api.js";
import { codePoints, decimal, make, percent, signed } from "./dom.js";

const LISTED_WORDS = 5;
// Of the largest effect, below which a word is not marked.
const MARKED_SHARE = 0.1;
const ENDS = /^[\p{P}\p{S}]+|[\p{P}\p{S}]+$/gu;

export async function explain(model, text, label, signal, onWait) {
  const body = { model: model.name, text, ...(label !== null && { label }) };
  return postPatiently("explain", body, signal, onWait);
}

// Probabilities change by percentage points.
const effectText = (label, effect) =>
  signed(label === null ? decimal(effect) : percent(effect).replace("%", ""), effect);

function passage(text, words, largest) {
  const points = codePoints(text);
  const element = make("p", { className: "passage", dir: "auto" });
  let position = 0;
  for (const { start, end, effect } of words) {
    element.append(points.slice(position, start));
    const share = largest ? Math.abs(effect) / largest : 0;
    if (share < MARKED_SHARE) element.append(points.slice(start, end));
    else {
      const mark = make("mark", { className: `word ${effect > 0 ? "for" : "against"}`, textContent: points.slice(start, end) });
      mark.style.setProperty("--strength", (0.08 + 0.27 * share).toFixed(2));
      element.append(mark);
    }
    position = end;
  }
  element.append(points.slice(position));
  return element;
}

function column(title, words, label) {
  if (!words.length) return null;
  const rows = words.map(({ text, effect }) =>
    make("li", {}, make("span", { dir: "auto", textContent: text.replace(ENDS, "") || text }), make("span", { textContent: effectText(label, effect) })));
  return make("div", {}, make("h3", { textContent: title }), make("ul", { className: "pairs" }, ...rows));
}

// The elements of an explanation of the answer to a text, or to the two of a pair.
export function show(explanation, texts) {
  const { label, words, truncated } = explanation;
  const largest = Math.max(0, ...words.map(({ effect }) => Math.abs(effect)));
  if (!largest) return [make("p", { textContent: "No single word changes the answer." })];
  const ranked = [...words].sort((first, second) => second.effect - first.effect);
  const raising = ranked.filter(({ effect }) => effect > 0).slice(0, LISTED_WORDS);
  const lowering = ranked.filter(({ effect }) => effect < 0).reverse().slice(0, LISTED_WORDS);
  const subject = label === null ? "the number" : `“${label}”`;
  const change = label === null ? "much the number falls" : `many percentage points ${subject} falls`;
  return [
    make("p", { className: "quiet", textContent: `Each word was removed by itself. The numbers say by how ${change} without it.` }),
    truncated ? make("p", { className: "notice", textContent: "The model reads only a part of this text." }) : null,
    ...texts.map((text, part) => passage(text, words.filter((group) => group.part === part), largest)),
    make("div", { className: "columns" }, column(`For ${subject} (solid line)`, raising, label),
      column(`Against ${subject} (dashed line)`, lowering, label)),
  ].filter((element) => element !== null);
}
