// Training texts nearest to a text, where the model folder keeps them.

import { postPatiently } from "./api.js";
import { make, percent } from "./dom.js";

export async function nearest(model, text, signal, onWait) {
  return postPatiently("nearest", { model: model.name, text }, signal, onWait);
}

function item({ text, label, similarity }) {
  const texts = [text].flat().map((part) => make("p", { className: "passage", dir: "auto", textContent: part }));
  const heading = make("p", {},
    label ? make("strong", { dir: "auto", textContent: label }) : null,
    make("span", { className: "quiet", textContent: `${label ? " · " : ""}similarity ${percent(similarity)}` }));
  return make("li", {}, heading, ...texts);
}

// The elements of an answer.
export function show({ texts }) {
  return [
    make("p", { className: "quiet", textContent: "The texts of the training whose vectors are most similar to that of this text." }),
    make("ol", { className: "nearest" }, ...texts.map(item)),
  ];
}
