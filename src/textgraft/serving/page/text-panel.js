// The panel for texts that are typed or pasted: the answer, the words that it depends on, similar texts, its correction.

import { postPatiently } from "./api.js";
import { show, truncationNotice } from "./answers.js";
import { correctionForm } from "./correction.js";
import { explain, show as showExplanation } from "./explanation.js";
import { nearest, show as showNearest } from "./nearest.js";
import { button, counted, find, focusOn, isBusy, make, setBusy } from "./dom.js";

const MAX_TEXTS = 8; // that are compared
const PATIENT_MS = 300;

let model = null;
let limits = null;
let fields = [];
let running = null; // {controller, trigger}

export function useModel(newModel, newLimits) {
  const texts = fields.map(({ value }) => value);
  [model, limits] = [newModel, newLimits];
  reset();
  const isEmbedder = model.answer === "vector";
  fields = [];
  find("texts").replaceChildren();
  addField(texts[0]);
  if (model.pairs || isEmbedder) addField(texts[1]);
  find("add-text").hidden = !isEmbedder;
  find("predict").textContent = isEmbedder ? "Compare" : "Predict";
}

function addField(value = "") {
  const index = fields.length;
  const isAlone = !model.pairs && model.answer !== "vector";
  const names = model.pairs ? ["First text", "Second text"] : [];
  const id = `text-${index}`;
  const field = make("textarea", { id, value, dir: "auto", rows: isAlone ? 5 : 2 });
  const label = make("label", { htmlFor: id, textContent: isAlone ? "Text" : names[index] ?? `Text ${index + 1}` });
  find("texts").append(make("div", { className: "field" }, label, field));
  fields.push(field);
  if (fields.length === MAX_TEXTS) find("add-text").hidden = true;
  return field;
}

function reset() {
  stop();
  say("");
  find("answer").hidden = true;
  find("answer").replaceChildren();
}

function say(status, error = "") {
  find("text-status").textContent = status;
  find("text-error").textContent = error;
}

// For screen readers.
function announce(text) {
  find("announcement").textContent = text;
}

const waiting = (seconds) => say(`The server is busy. Trying again in ${counted(seconds, "second")} …`);

function stop() {
  if (!running) return;
  running.controller.abort();
  setBusy(running.trigger, false);
  running = null;
}

// Run a request of the panel, which ends an earlier one; its failure is shown.
async function run(trigger, task) {
  stop();
  const current = { controller: new AbortController(), trigger };
  running = current;
  setBusy(trigger, true);
  say("");
  const timer = setTimeout(() => say("Computing …"), PATIENT_MS);
  let failure = "";
  try {
    await task(current.controller.signal);
  } catch (error) {
    failure = error.message;
  }
  clearTimeout(timer);
  if (running !== current) return;
  stop();
  say("", failure);
}

function typedTexts() {
  const texts = fields.map(({ value }) => value);
  if (model.answer !== "vector") return texts;
  const filled = texts.filter((text) => text.trim() !== "");
  return filled.length ? filled : texts.slice(0, 1);
}

function predict() {
  if (isBusy(find("predict"))) return;
  const texts = typedTexts();
  if (texts.every((text) => text.trim() === "")) {
    say("", "Type or paste a text first.");
    fields[0].focus();
    return;
  }
  const longest = Math.max(...texts.map((text) => Array.from(text).length));
  if (longest > limits.characters) {
    say("", `The text has ${counted(longest, "character")}, and ${limits.characters.toLocaleString("en")} are allowed. Shorten it.`);
    return;
  }
  run(find("predict"), async (signal) => {
    const used = model;
    const body = { model: used.name, texts: model.answer === "vector" ? texts : [model.pairs ? texts : texts[0]] };
    const { predictions, truncated } = await postPatiently("predict", body, signal, waiting);
    showAnswer(used, texts, predictions, truncated);
  });
}

function showAnswer(used, texts, predictions, truncated) {
  const title = make("h2", { textContent: used.answer === "vector" && texts.length > 1 ? "Similarity" : "Answer" });
  const card = make("section", { className: "card" }, title, ...show(used, predictions, texts), truncationNotice(truncated));
  const details = make("div", {});
  const actions = make("div", { className: "actions" });
  if (["label", "labels", "value"].includes(used.answer)) actions.append(explainButton(used, texts, predictions[0], details));
  if (used.nearest) actions.append(nearestButton(used, texts, details));
  if (used.corrected) actions.append(correctButton(used, texts, predictions[0], actions, details));
  if (actions.children.length) card.append(actions);
  find("answer").replaceChildren(card, details);
  find("answer").hidden = false;
  announce(Array.from(card.querySelectorAll(".headline span"), ({ textContent }) => textContent).join(", "));
  // The focus stays in the text, which is often changed and tried again.
  card.scrollIntoView({ block: "nearest" });
}

const asSent = (used, texts) => (used.pairs ? texts : texts[0]);

function explainButton(used, texts, prediction, details) {
  const trigger = button("Which words mattered?", () => showFor(null));
  const showFor = (label) =>
    run(trigger, async (signal) => {
      const shown = details.firstChild;
      const explanation = await explain(used, asSent(used, texts), label, signal, waiting);
      if (details.firstChild !== shown) return; // something else was opened meanwhile, such as a correction
      const title = make("h2", { textContent: "Words that mattered" });
      const card = make("section", { className: "card" }, title,
        ...labelChooser(prediction, explanation.label), ...showExplanation(explanation, texts));
      const isChosen = details.contains(document.activeElement);
      details.replaceChildren(card);
      announce("The words that mattered are shown.");
      if (isChosen) card.querySelector("select").focus();
      card.scrollIntoView({ block: "nearest" });
    });
  function labelChooser(answer, label) {
    if (label === null) return [];
    const ranked = Object.entries(answer.probabilities).sort((first, second) => second[1] - first[1]);
    const options = ranked.map(([name]) => make("option", { value: name, textContent: name, selected: name === label }));
    const select = make("select", { id: "explained" }, ...options);
    select.addEventListener("change", () => showFor(select.value));
    return [make("div", { className: "field inline" }, make("label", { htmlFor: "explained", textContent: "For the label" }), select)];
  }
  return trigger;
}

function nearestButton(used, texts, details) {
  const trigger = button("Similar training texts", () =>
    run(trigger, async (signal) => {
      const answer = await nearest(used, asSent(used, texts), signal, waiting);
      const title = make("h2", { textContent: "Similar training texts" });
      const card = make("section", { className: "card" }, title, ...showNearest(answer));
      details.replaceChildren(card);
      announce(`${counted(answer.texts.length, "training text")} shown.`);
      card.scrollIntoView({ block: "nearest" });
    }));
  return trigger;
}

function correctButton(used, texts, prediction, actions, details) {
  const trigger = button("Wrong?", () => {
    const form = correctionForm(used, asSent(used, texts), prediction, (message) => {
      form.remove();
      say(message);
      if (message) trigger.remove();
      const next = message ? find("text-status") : trigger;
      next === trigger ? trigger.focus() : focusOn(next);
    });
    details.replaceChildren(form);
    form.querySelector("input, select").focus();
  });
  trigger.setAttribute("aria-label", "Wrong? Correct the answer");
  return trigger;
}

export function startTextPanel() {
  find("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    predict();
  });
  find("text-form").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      predict();
    }
  });
  find("add-text").addEventListener("click", () => addField().focus());
  if (/Mac|iPhone|iPad/.test(navigator.platform)) find("shortcut").textContent = "⌘ + Enter";
}
