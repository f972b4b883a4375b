// The start of the page: the token, the models, and the two panels.

import { get, setToken } from "./api.js";
import { find, make } from "./dom.js";
import * as tables from "./table-panel.js";
import * as texts from "./text-panel.js";

const LOADING_MS = 1000;
const MAX_LISTED = 6;

let catalog = null;
let current = null; // the model
let hasToken = false;
const TABS = ["text", "table"];

// A phrase with names, or with the number of many.
function named(names, withNames, withNumber, type) {
  if (names.length > MAX_LISTED) return withNumber.replace("#", names.length);
  return `${withNames} ${new Intl.ListFormat("en-GB", { type }).format(names.map(String))}`;
}

const ANSWERS = {
  label: ({ labels }) => named(labels, "Label:", "One of # labels", "disjunction"),
  labels: ({ labels }) => named(labels, "Labels:", "Any of # labels", "conjunction"),
  entities: ({ labels }) => named(labels, "Entities:", "Entities of # types", "conjunction"),
  value: () => "A number",
  vector: () => "Similarity of texts, by their embeddings",
};

async function start() {
  try {
    useCatalog(await get("models"));
  } catch (error) {
    if (error.status === 401) askForToken();
    else find("start").textContent = error.message;
  }
}

function askForToken() {
  find("start").textContent = "";
  find("token-error").textContent = hasToken ? "This token is not one of the server's." : "";
  find("token-form").hidden = false;
  find("token").value = "";
  find("token").focus();
}

function useCatalog(newCatalog) {
  catalog = newCatalog;
  find("token-form").hidden = true;
  const { models } = catalog;
  const loaded = models.filter(({ answer }) => answer !== null);
  if (loaded.length < models.length) setTimeout(start, LOADING_MS);
  find("start").textContent = loaded.length ? "" : "The models are being loaded …";
  if (!loaded.length) return;
  const select = find("model");
  select.replaceChildren(...models.map(({ name, answer }) =>
    make("option", { value: name, textContent: answer ? name : `${name} (loading)`, disabled: answer === null })));
  select.value = (current ?? loaded[0]).name;
  find("model-field").hidden = false;
  find("work").hidden = false;
  if (current) return;
  use(loaded[0]);
  if (hasToken) find("text-0").focus();
}

function use(model) {
  current = model;
  const { limits } = catalog;
  document.title = `${model.name} · textgraft`;
  find("model-facts").textContent = `${ANSWERS[model.answer](model)}${model.pairs ? ", for pairs of texts" : ""}`;
  texts.useModel(model, limits);
  tables.useModel(model, limits);
}

function openTab(name, isFocused = false) {
  for (const other of TABS) {
    const tab = find(`${other}-tab`);
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
    find(`${other}-panel`).hidden = other !== name;
  }
  if (isFocused) find(`${name}-tab`).focus();
}

for (const [index, name] of TABS.entries()) {
  const tab = find(`${name}-tab`);
  tab.addEventListener("click", () => openTab(name));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) openTab(TABS[(index + step + TABS.length) % TABS.length], true);
    else if (key === "Home") openTab(TABS[0], true);
    else if (key === "End") openTab(TABS.at(-1), true);
  });
}

find("model").addEventListener("change", ({ target }) => use(catalog.models.find(({ name }) => name === target.value)));

find("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  hasToken = true;
  setToken(find("token").value.trim());
  start();
});

texts.startTextPanel();
tables.startTablePanel(() => openTab("table"));
start();
