// Answers to one text, or to several for an embedder, as elements.

import { barList, barRow } from "./bars.js";
import { button, codePoints, counted, decimal, focusOn, make, percent } from "./dom.js";

const SHOWN_LABELS = 8;
const FEW_LABELS = 3;
// Rounded to 0.0 %, below which labels are shown on demand.
const SHOWN_PROBABILITY = 0.0005;

// Probabilities as bars, the largest first; `chosen` says which labels the model predicts.
function bars(probabilities, chosen) {
  const ranked = Object.entries(probabilities).sort((first, second) => second[1] - first[1]);
  const rows = ranked.map(([label, probability]) => {
    const isChosen = chosen.has(label);
    const mark = isChosen && chosen.size !== 1 ? [make("span", { className: "tick", textContent: " ✓" })] : [];
    return { name: [label, ...mark], share: probability, value: percent(probability), isChosen };
  });
  // Those that the model predicts are always shown.
  const unlikely = ranked.findIndex(([, probability]) => probability < SHOWN_PROBABILITY);
  const likely = Math.min(SHOWN_LABELS, Math.max(FEW_LABELS, unlikely < 0 ? ranked.length : unlikely));
  const shown = Math.max(likely, ranked.findLastIndex(([label]) => chosen.has(label)) + 1);
  const list = barList(rows.slice(0, shown));
  if (rows.length <= shown) return [list];
  const more = button(`Show all ${rows.length} labels`, () => {
    list.append(...rows.slice(shown).map(barRow));
    more.remove();
    focusOn(list.children[shown]);
  }, "plain");
  return [list, more];
}

const headline = (text, quiet = "") =>
  make("p", { className: "headline" }, make("span", { textContent: text, dir: "auto" }),
    quiet ? make("span", { className: "quiet", textContent: quiet }) : null);

function showLabel({ label, probability, probabilities, unknown, candidates }) {
  const sets = candidates ? [make("p", { className: "quiet", textContent: `Set of labels: ${candidates.join(", ") || "none"}` })] : [];
  if (label === null) return [headline("No answer", unknown ? "unlike the texts of the training" : `unsure: ${percent(probability)}`), ...bars(probabilities, new Set()), ...sets];
  return [headline(String(label), percent(probability)), ...bars(probabilities, new Set([String(label)])), ...sets];
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
  const passage = make("p", { className: "passage", dir: "auto" });
  let position = 0;
  for (const { start, end, label } of entities) {
    passage.append(points.slice(position, start));
    const mark = make("mark", { className: "entity" }, points.slice(start, end), make("small", { textContent: label }));
    mark.style.setProperty("--hue", hue(model.labels.indexOf(label)));
    passage.append(mark);
    position = end;
  }
  passage.append(points.slice(position));
  const title = headline(entities.length ? counted(entities.length, "entity", "entities") : "No entities");
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

const asCosine = (value) => value.toFixed(3).replace("-", "\u2212");

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
  const [first, second, best] = pairs[0];
  if (pairs.length === 1) return [headline(asCosine(best), "cosine similarity")];
  const rows = pairs.map(([one, other, similarity], index) => (
    { name: `${one + 1} and ${other + 1}`, share: similarity, value: asCosine(similarity), isChosen: index === 0 }));
  return [headline(`Texts ${first + 1} and ${second + 1}`, `most similar: cosine ${asCosine(best)}`), barList(rows)];
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
