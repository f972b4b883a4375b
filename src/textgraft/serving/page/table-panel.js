// The panel for tables: a CSV file or a pasted table is labelled row by row, and downloaded with the answers.

import { TableError, decode, format, parse } from "./csv.js";
import { button, counted, find, focusOn, integer, make, percent } from "./dom.js";
import { Labelling, answerColumns } from "./labelling.js";

const MAX_BYTES = 50_000_000;
const MAX_ROWS = 200_000;
const PREVIEW_ROWS = 3;
const PREVIEW_CHARACTERS = 200;
// Of the progress, between what a screen reader announces.
const ANNOUNCED_SHARE = 0.1;
const TEXT_NAMES = ["text", "sentence", "sentence1", "premise", "question1", "review", "comment", "message", "content", "body", "description", "title"];
const PAIR_NAMES = ["text_pair", "sentence2", "hypothesis", "question2"];

let model = null;
let limits = null;
let table = null; // {name, rows, notices}
let stopper = null;
let downloadUrl = "";

export function useModel(newModel, newLimits) {
  [model, limits] = [newModel, newLimits];
  stopper?.abort();
  const isSuitable = model.answer !== "vector";
  find("table-unsuitable").hidden = isSuitable;
  find("table-unsuitable").textContent = `${model.name} answers with vectors, which textgraft embed writes for whole tables.`;
  find("table-input").hidden = !isSuitable || table !== null;
  if (!isSuitable) clear();
  else if (table) showTable();
}

function clear(message = "") {
  stopper?.abort();
  table = null;
  URL.revokeObjectURL(downloadUrl);
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
      preview.replaceChildren(...cells.map((text) => make("li", { textContent: text.slice(0, PREVIEW_CHARACTERS) || "(empty)" })));
    };
    for (const { select } of choices) select.addEventListener("change", fill);
    fields.replaceChildren(...choices.map(({ element }) => element), preview);
    fill();
    form.onsubmit = (event) => {
      event.preventDefault();
      const columns = choices.map(({ select }) => Number(select.value));
      const texts = rows.map((row) => (model.pairs ? columns.map((column) => row[column] ?? "") : row[columns[0]] ?? ""));
      label({ names, rows, texts, header: header.checked });
    };
  };
  header.addEventListener("change", setUp);
  setUp();
  find("table-work").replaceChildren(form);
  find("table-work").hidden = false;
}

// Label the rows, and show the progress; it can be stopped and continued.
function label(source) {
  const used = model;
  const labelling = new Labelling(used, limits, source.texts);
  const title = make("h2", {});
  const bar = make("progress", { max: source.texts.length, value: 0, attributes: { "aria-label": "Rows done" } });
  const status = make("p", { className: "status" });
  const announcement = make("p", { className: "visually-hidden", attributes: { role: "status" } });
  const error = make("p", { className: "error", attributes: { role: "alert" } });
  const row = make("div", { className: "row" });
  const card = make("div", { className: "card" }, title, bar, status, announcement, error, row);
  find("table-work").replaceChildren(card);
  find("table-input").hidden = true;

  const end = (...buttons) => {
    row.replaceChildren(...buttons, button("Another table", chooseAnother));
    focusOn(title);
  };
  const run = async () => {
    const controller = new AbortController();
    stopper = controller;
    const [started, done, announced] = [performance.now(), labelling.answers.length, { share: 0 }];
    title.textContent = `Predicting ${counted(source.texts.length, "row")}`;
    error.textContent = "";
    row.replaceChildren(button("Stop", () => controller.abort()));
    focusOn(title);
    const progress = (busySeconds) => {
      const count = labelling.answers.length;
      const share = count / source.texts.length;
      const left = ((performance.now() - started) / (count - done || 1)) * (source.texts.length - count);
      bar.value = count;
      const estimate = count > done && !labelling.isDone ? `, about ${duration(left / 1000)} left` : "";
      const busy = busySeconds === null ? "" : `. The server is busy: trying again in ${counted(busySeconds, "second")}`;
      status.textContent = `${integer(count)} of ${integer(source.texts.length)} rows${estimate}${busy}`;
      if (share >= announced.share + ANNOUNCED_SHARE) {
        announced.share = share;
        announcement.textContent = `${Math.round(100 * share)} percent done`;
      }
    };
    progress(null);
    try {
      await labelling.run(controller.signal, progress);
      finish(used, source, labelling, card, end);
    } catch (failure) {
      if (!find("table-work").contains(card)) return;
      progress(null);
      const isStopped = failure.name === "AbortError";
      title.textContent = `Stopped after ${integer(labelling.answers.length)} of ${counted(source.texts.length, "row")}`;
      if (!isStopped) error.textContent = failure.message;
      const count = labelling.answers.length;
      end(button("Continue", run, "primary"), ...(count ? [download(used, source, labelling).link] : []));
    }
  };
  run();
}

function duration(seconds) {
  if (seconds < 60) return counted(Math.max(1, Math.round(seconds)), "second");
  if (seconds < 3600) return counted(Math.round(seconds / 60), "minute");
  return counted(Number((seconds / 3600).toFixed(1)), "hour");
}

function finish(used, source, labelling, card, end) {
  const { link, escaped } = download(used, source, labelling);
  const notices = [];
  if (labelling.failures) {
    const first = labelling.answers.find(({ error }) => error !== undefined).error;
    notices.push(`${counted(labelling.failures, "row")} without an answer; the column “error” has the reasons, such as: ${first}`);
  }
  if (labelling.truncated) notices.push(`${counted(labelling.truncated, "text")} longer than the model reads; a part of each was dropped.`);
  if (escaped) notices.push(`${counted(escaped, "cell")} would be a formula in a spreadsheet; the download has an apostrophe before it.`);
  card.replaceChildren(make("h2", { textContent: `${counted(labelling.answers.length, "row")} done` }),
    ...summary(used, labelling.answers),
    ...notices.map((text) => make("p", { className: "notice", textContent: text })), card.querySelector(".row"));
  end(link);
  focusOn(card.querySelector("h2"));
}

// How many rows have each label.
function summary(used, answers) {
  if (used.answer !== "label" && used.answer !== "labels") return [];
  const counts = new Map();
  const done = answers.filter(({ error }) => error === undefined);
  for (const answer of done) {
    for (const name of used.answer === "label" ? [answer.label] : answer.labels) counts.set(String(name), (counts.get(String(name)) ?? 0) + 1);
  }
  const ranked = [...counts].sort((first, second) => second[1] - first[1]).slice(0, 20);
  const list = make("ul", { className: "bars" });
  for (const [name, count] of ranked) {
    const fill = make("span");
    fill.style.width = `${(100 * count) / done.length}%`;
    list.append(make("li", { className: "chosen" }, make("span", { textContent: name }),
      make("span", { className: "bar", attributes: { "aria-hidden": "true" } }, fill),
      make("span", { className: "value", textContent: `${integer(count)}` })));
  }
  return ranked.length ? [list] : [];
}

// A link to the table with the answers; rows that are not done yet are not in it.
function download(used, source, labelling) {
  const columns = answerColumns(used);
  const answers = labelling.answers;
  const added = columns.map(([name]) => name);
  if (labelling.failures) added.push("error");
  const names = [...source.names];
  for (const name of added) {
    let unused = name;
    for (let count = 2; names.includes(unused); count += 1) unused = `${name}_${count}`;
    names.push(unused);
  }
  const rows = answers.map((answer, index) => {
    const cells = source.names.map((_, column) => source.rows[index][column] ?? "");
    const isDone = answer.error === undefined;
    const values = columns.map(([, value]) => (isDone ? value(answer) : ""));
    return [...cells, ...values, ...(labelling.failures ? [answer.error ?? ""] : [])];
  });
  const { parts, escaped } = format([names, ...rows]);
  const name = `${table.name.replace(/\.[^.]*$/, "")}-${used.name}.csv`;
  URL.revokeObjectURL(downloadUrl);
  downloadUrl = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  const link = make("a", { className: "button primary", href: downloadUrl, download: name, textContent: `Download ${name}` });
  return { link, escaped };
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
