// Answers to one text, or to several for an embedder, as elements.

import { button, codePoints, counted, decimal, make, percent } from "./dom.js";

const SHOWN_LABELS = 8;

// Probabilities as bars, the largest first; `chosen` says which labels the model predicts.
function bars(probabilities, chosen) {
  const ranked = Object.entries(probabilities).sort((first, second) => second[1] - first[1]);
  const list = make("ul", { className: "bars" });
  const add = (entries) => {
    for (const [label, probability] of entries) {
      const fill = make("span");
      fill.style.width = `${100 * probability}%`;
      const isChosen = chosen.has(label);
      const mark = isChosen && chosen.size !== 1 ? make("span", { className: "tick", textContent: " ✓" }) : null;
      list.append(
        make(
          "li",
          { className: isChosen ? "chosen" : "" },
          make("span", {}, label, mark),
          make("span", { className: "bar", attributes: { "aria-hidden": "true" } }, fill),
          make("span", { className: "value", textContent: percent(probability) }),
        ),
      );
    }
  };
  // Those that the model predicts are always shown.
  const shown = Math.max(SHOWN_LABELS, ranked.findLastIndex(([label]) => chosen.has(label)) + 1);
  add(ranked.slice(0, shown));
  if (ranked.length <= shown) return [list];
  const more = button(`Show all ${ranked.length} labels`, () => {
    const first = list.children.length;
    add(ranked.slice(shown));
    more.remove();
    list.children[first].tabIndex = -1;
    list.children[first].focus();
  }, "plain");
  return [list, more];
}

const headline = (text, quiet = "") =>
  make("p", { className: "headline" }, make("span", { textContent: text }),
    quiet ? make("span", { className: "quiet", textContent: quiet }) : null);

function showLabel({ label, probability, probabilities }) {
  return [headline(String(label), percent(probability)), ...bars(probabilities, new Set([String(label)]))];
}

function showLabels({ labels, probabilities }) {
  const names = labels.map(String);
  return [headline(names.join(", ") || "None of the labels"), ...bars(probabilities, new Set(names))];
}

const showValue = ({ value }) => [headline(decimal(value))];

// Hues far from each other, by the order of the labels.
const hue = (index) => Math.round((index * 137.5 + 210) % 360);

function showEntities({ entities }, [text], model) {
  const points = codePoints(text);
  const passage = make("p", { className: "passage" });
  let position = 0;
  for (const { start, end, label } of entities) {
    passage.append(points.slice(position, start));
    const mark = make("mark", { className: "entity" }, points.slice(start, end), make("small", { textContent: label }));
    mark.style.setProperty("--hue", hue(model.labels.indexOf(label)));
    passage.append(mark);
    position = end;
  }
  passage.append(points.slice(position));
  const title = headline(entities.length ? counted(entities.length, "entity").replace("entitys", "entities") : "No entities");
  if (!entities.length) return [title, passage];
  const rows = entities.map(({ text: name, label, score }) =>
    make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", { textContent: label }),
      make("td", { className: "value", textContent: percent(score) })));
  const heads = [["Entity", ""], ["Label", ""], ["Score", "value"]].map(([textContent, className]) =>
    make("th", { scope: "col", textContent, className }));
  return [title, passage, make("h3", { textContent: "All entities" }),
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows))];
}

function cosine(first, second) {
  let [product, firstSquares, secondSquares] = [0, 0, 0];
  for (let index = 0; index < first.length; index += 1) {
    product += first[index] * second[index];
    firstSquares += first[index] ** 2;
    secondSquares += second[index] ** 2;
  }
  const norm = Math.sqrt(firstSquares * secondSquares);
  return norm ? product / norm : 0;
}

function showVectors(predictions) {
  const vectors = predictions.map(({ vector }) => vector);
  if (vectors.length === 1) {
    const norm = Math.sqrt(vectors[0].reduce((sum, value) => sum + value * value, 0));
    return [headline(counted(vectors[0].length, "number"), `a vector of length ${decimal(Number(norm.toFixed(4)))}`),
      make("p", { className: "quiet", textContent: "Add a text to see how similar the two are." })];
  }
  const pairs = [];
  vectors.forEach((vector, index) => {
    for (let other = index + 1; other < vectors.length; other += 1) {
      pairs.push([index, other, cosine(vector, vectors[other])]);
    }
  });
  pairs.sort((first, second) => second[2] - first[2]);
  const list = make("ul", { className: "bars" });
  for (const [first, second, similarity] of pairs) {
    const fill = make("span");
    fill.style.width = `${100 * Math.max(0, similarity)}%`;
    list.append(make("li", { className: list.children.length ? "" : "chosen" },
      make("span", {}, `${first + 1} and ${second + 1}`),
      make("span", { className: "bar", attributes: { "aria-hidden": "true" } }, fill),
      make("span", { className: "value", textContent: similarity.toFixed(3).replace("-", "\u2212") })));
  }
  const [first, second, best] = pairs[0];
  const similarity = best.toFixed(3).replace("-", "\u2212");
  if (pairs.length === 1) return [headline(similarity, "cosine similarity")];
  return [headline(`Texts ${first + 1} and ${second + 1}`, `most similar: cosine ${similarity}`), list];
}

const FORMS = { label: showLabel, labels: showLabels, value: showValue, entities: showEntities };

// The elements of an answer to texts; all texts of an embedder, otherwise one text or the two of a pair.
export function show(model, predictions, texts) {
  return model.answer === "vector" ? showVectors(predictions) : FORMS[model.answer](predictions[0], texts, model);
}

// What was dropped of long texts, as an element; null where nothing was.
export function truncationNotice({ texts, tokens }) {
  if (!texts) return null;
  const subject = texts === 1 ? "The text is" : `${counted(texts, "text")} are`;
  return make("p", { className: "notice", textContent: `${subject} longer than the model reads: ${counted(tokens, "token")} dropped.` });
}
