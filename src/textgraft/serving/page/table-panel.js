// The panel for tables: a CSV file or a pasted table, and the column of its texts.

import { TableError, decode, parse } from "./csv.js";
import { button, counted, find, focusOn, integer, make } from "./dom.js";
import { LabelledTable } from "./labelled-table.js";

const MAX_BYTES = 50_000_000;
const MAX_ROWS = 200_000;
const PREVIEW_ROWS = 3;
const PREVIEW_CHARACTERS = 200;
const TEXT_NAMES = ["text", "sentence", "sentence1", "premise", "question1", "review", "comment", "message", "content", "body", "description", "title"];
const PAIR_NAMES = ["text_pair", "sentence2", "hypothesis", "question2"];

let model = null;
let limits = null;
let table = null; // {name, rows, notices}
let labelled = null;

export function useModel(newModel, newLimits) {
  [model, limits] = [newModel, newLimits];
  labelled?.end();
  const isSuitable = model.answer !== "vector";
  find("table-unsuitable").hidden = isSuitable;
  find("table-unsuitable").textContent = `${model.name} answers with vectors, which textgraft embed writes for whole tables.`;
  find("table-input").hidden = !isSuitable || table !== null;
  if (!isSuitable) clear();
  else if (table) showTable();
}

function clear(message = "") {
  labelled?.end();
  table = null;
  find("table-error").textContent = message;
  find("table-work").hidden = true;
  find("table-work").replaceChildren();
}

function chooseAnother() {
  clear();
  find("table-input").hidden = false;
  find("pasted").value = "";
  find("file").focus();
}

async function readFile(file) {
  if (file.size > MAX_BYTES) {
    clear(`${file.name} has ${integer(Math.round(file.size / 1e6))} MB, and this page takes ${MAX_BYTES / 1e6}. Use textgraft predict for it.`);
    return;
  }
  try {
    const { text, notice } = decode(await file.arrayBuffer());
    read(file.name, text, notice);
  } catch {
    clear(`${file.name} cannot be read. Choose it again.`);
  }
}

// Show a table; `isTyped` leaves the field and its focus as they are.
function read(name, text, notice = "", isTyped = false) {
  try {
    const rows = parse(text);
    if (!rows.length) throw new TableError("The table has no rows.");
    if (rows.length > MAX_ROWS) {
      throw new TableError(`The table has ${integer(rows.length)} rows, and this page takes ${integer(MAX_ROWS)}. Use textgraft predict for it.`);
    }
    clear();
    table = { name, rows, notices: notice ? [notice] : [] };
    showTable();
    if (isTyped) return;
    find("table-input").hidden = true;
    focusOn(find("table-title"));
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    clear(error.message);
  }
}

// Whether the first row names the columns: its cells are short, different, and no numbers.
function hasNames([first, ...others]) {
  const names = first.map((cell) => cell.trim());
  const areNames = names.every((name) => name !== "" && name.length <= 60 && !/^[\d.,+-]+$/.test(name));
  const isKnown = names.some((name) => [...TEXT_NAMES, ...PAIR_NAMES, "label"].includes(name.toLowerCase()));
  return others.length > 0 && areNames && new Set(names).size === names.length && (names.length > 1 || isKnown);
}

// The column whose name is usual for texts, otherwise the one with the longest cells.
function guessColumn(names, rows, usual, taken = -1) {
  const byName = usual.map((name) => names.findIndex((column) => column.trim().toLowerCase() === name));
  const known = byName.find((index) => index >= 0 && index !== taken);
  if (known !== undefined) return known;
  const lengths = names.map((_, index) =>
    index === taken ? -1 : rows.slice(0, 100).reduce((sum, row) => sum + (row[index] ?? "").length, 0));
  return lengths.indexOf(Math.max(...lengths));
}

function selectField(id, label, names, index) {
  const options = names.map((name, column) => make("option", { value: String(column), textContent: name, selected: column === index }));
  const select = make("select", { id }, ...options);
  return { select, element: make("div", { className: "field" }, make("label", { htmlFor: id, textContent: label }), select) };
}

function showTable() {
  const header = make("input", { type: "checkbox", checked: table.header ?? hasNames(table.rows) });
  const fields = make("div", {});
  const title = make("h2", { id: "table-title" });
  const start = make("button", { type: "submit", className: "primary" });
  const form = make("form", { className: "card" }, title,
    ...table.notices.map((text) => make("p", { className: "notice", textContent: text })),
    make("label", { className: "check" }, header, "The first row has the names of the columns"), fields,
    make("div", { className: "row" }, start, button("Another table", chooseAnother)));
  const setUp = () => {
    table.header = header.checked;
    const rows = header.checked ? table.rows.slice(1) : table.rows;
    const width = table.rows.reduce((most, row) => Math.max(most, row.length), 0);
    const names = Array.from({ length: width }, (_, index) => (header.checked && table.rows[0][index]) || `column ${index + 1}`);
    title.textContent = `${table.name}: ${counted(rows.length, "row")}`;
    start.textContent = model.answer === "entities" ? `Find entities in ${counted(rows.length, "row")}` : `Predict ${counted(rows.length, "row")}`;
    start.disabled = rows.length === 0;
    const guess = guessColumn(names, rows, TEXT_NAMES);
    const choices = [selectField("text-column", model.pairs ? "Column of first texts" : "Column of texts", names, guess)];
    if (model.pairs) choices.push(selectField("pair-column", "Column of second texts", names, guessColumn(names, rows, PAIR_NAMES, guess)));
    const preview = make("ul", { className: "preview", attributes: { "aria-label": "First texts" } });
    const fill = () => {
      const cells = rows.slice(0, PREVIEW_ROWS).map((row) => choices.map(({ select }) => row[select.value] ?? "").join(" | "));
      preview.replaceChildren(...cells.map((text) => make("li", { dir: "auto", textContent: text.slice(0, PREVIEW_CHARACTERS) || "(empty)" })));
    };
    for (const { select } of choices) select.addEventListener("change", fill);
    fields.replaceChildren(...choices.map(({ element }) => element), preview);
    fill();
    form.onsubmit = (event) => {
      event.preventDefault();
      const columns = choices.map(({ select }) => Number(select.value));
      const texts = rows.map((row) => (model.pairs ? columns.map((column) => row[column] ?? "") : row[columns[0]] ?? ""));
      find("table-input").hidden = true;
      labelled = new LabelledTable({ model, limits, name: table.name, names, rows, texts }, chooseAnother);
      find("table-work").replaceChildren(labelled.card);
      labelled.run();
    };
  };
  header.addEventListener("change", setUp);
  setUp();
  find("table-work").replaceChildren(form);
  find("table-work").hidden = false;
}

export function startTablePanel(openPanel) {
  const drop = find("drop");
  find("file").addEventListener("change", ({ target }) => {
    if (target.files[0]) readFile(target.files[0]);
    target.value = "";
  });
  find("pasted").addEventListener("input", ({ target, inputType }) => {
    if (target.value.trim() === "") clear();
    else read("pasted table", target.value, "", inputType !== "insertFromPaste");
  });
  // A file that is dropped beside the field does not replace the page.
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.remove("over");
    if (!model || model.answer === "vector") return;
    openPanel();
    if (event.dataTransfer.files[0]) readFile(event.dataTransfer.files[0]);
  });
}
