// A table while it is labelled, and its result: progress, stop and continue, the counts of labels, and the download.

import { barList } from "./bars.js";
import { format } from "./csv.js";
import { button, counted, focusOn, integer, make } from "./dom.js";
import { Labelling, answerColumns } from "./labelling.js";

// Of the progress, between what a screen reader announces.
const ANNOUNCED_SHARE = 0.1;
const SHOWN_COUNTS = 20;

export class LabelledTable {
  // `source` has the model and limits, the name of the table, the names of its columns, its rows and their texts.
  constructor(source, chooseAnother) {
    this.source = source;
    this.chooseAnother = chooseAnother;
    this.labelling = new Labelling(source.model, source.limits, source.texts);
    this.controller = null;
    this.downloadUrl = "";
    this.title = make("h2");
    this.error = make("p", { className: "error", attributes: { role: "alert" } });
    this.buttons = make("div", { className: "row" });
    this.progress = new Progress(source.texts.length);
    this.card = make("div", { className: "card" }, this.title, ...this.progress.elements, this.error, this.buttons);
  }

  // Label the rows that are not done yet.
  async run() {
    this.controller = new AbortController();
    this.title.textContent = `Predicting ${counted(this.source.texts.length, "row")}`;
    this.error.textContent = "";
    this.buttons.replaceChildren(button("Stop", () => this.controller.abort()));
    focusOn(this.title);
    this.progress.start(this.labelling.answers.length);
    const onProgress = (busySeconds) => this.progress.show(this.labelling.answers.length, busySeconds);
    try {
      await this.labelling.run(this.controller.signal, onProgress);
      this.#showResult();
    } catch (failure) {
      if (this.card.isConnected) this.#showStop(failure.name === "AbortError" ? "" : failure.message);
    }
  }

  // Stop, and release the download.
  end() {
    this.controller?.abort();
    URL.revokeObjectURL(this.downloadUrl);
  }

  #showStop(message) {
    const done = this.labelling.answers.length;
    this.title.textContent = `Stopped after ${integer(done)} of ${counted(this.source.texts.length, "row")}`;
    this.error.textContent = message;
    const links = done ? [this.#download().link] : [];
    this.buttons.replaceChildren(button("Continue", () => this.run(), "primary"), ...links, this.#another());
    focusOn(this.title);
  }

  #showResult() {
    const { answers, failures, truncated } = this.labelling;
    const { link, escaped } = this.#download();
    const notices = [];
    if (failures) {
      const { error } = answers.find((answer) => answer.error !== undefined);
      notices.push(`${counted(failures, "row")} without an answer; the column “error” has the reasons, such as: ${error}`);
    }
    if (truncated) notices.push(`${counted(truncated, "text")} longer than the model reads; a part of each was dropped.`);
    if (escaped) notices.push(`${counted(escaped, "cell")} would be a formula in a spreadsheet; the download has an apostrophe before it.`);
    const items = notices.map((text) => make("li", { textContent: text }));
    this.title.textContent = `${counted(answers.length, "row")} done`;
    this.buttons.replaceChildren(link, this.#another());
    this.card.replaceChildren(this.title, ...counts(this.source.model, answers),
      ...(items.length ? [make("ul", { className: "notice" }, ...items)] : []), this.buttons);
    focusOn(this.title);
  }

  #another() {
    return button("Another table", this.chooseAnother);
  }

  // A link to the rows that are done, with their answers, and the number of cells that begin like a formula.
  #download() {
    const { model, name, names, rows } = this.source;
    const { answers, failures } = this.labelling;
    const columns = answerColumns(model, answers.find(({ error }) => error === undefined));
    if (failures) columns.push(["error", ({ error }) => error ?? ""]);
    const header = [...names];
    for (const [column] of columns) header.push(unusedName(column, header));
    const cells = answers.map((answer, index) => [
      ...names.map((_, column) => rows[index][column] ?? ""),
      ...columns.map(([column, value]) => (answer.error === undefined || column === "error" ? value(answer) : "")),
    ]);
    const { parts, escaped } = format([header, ...cells]);
    URL.revokeObjectURL(this.downloadUrl);
    this.downloadUrl = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
    const download = `${name.replace(/\.[^.]*$/, "")}-${model.name}.csv`;
    const link = make("a", { className: "button primary", href: this.downloadUrl, download, textContent: `Download ${download}` });
    return { link, escaped };
  }
}

// The bar and the line under it.
class Progress {
  constructor(total) {
    this.total = total;
    this.bar = make("progress", { max: total, value: 0, attributes: { "aria-label": "Rows done" } });
    this.line = make("p", { className: "status" });
    this.announcement = make("p", { className: "visually-hidden", attributes: { role: "status" } });
    this.elements = [this.bar, this.line, this.announcement];
  }

  start(done) {
    [this.started, this.doneBefore, this.announced] = [performance.now(), done, done / this.total];
    this.show(done, null);
  }

  show(done, busySeconds) {
    const rest = this.total - done;
    const seconds = ((performance.now() - this.started) / 1000 / (done - this.doneBefore || 1)) * rest;
    const estimate = done > this.doneBefore && rest ? `, about ${duration(seconds)} left` : "";
    const busy = busySeconds === null ? "" : `. The server is busy: trying again in ${counted(busySeconds, "second")}`;
    this.bar.value = done;
    this.line.textContent = `${integer(done)} of ${counted(this.total, "row")}${estimate}${busy}`;
    if (done / this.total < this.announced + ANNOUNCED_SHARE) return;
    this.announced = done / this.total;
    this.announcement.textContent = `${Math.round(100 * this.announced)} percent done`;
  }
}

function duration(seconds) {
  if (seconds < 60) return counted(Math.max(1, Math.round(seconds)), "second");
  if (seconds < 3600) return counted(Math.round(seconds / 60), "minute");
  return counted(Number((seconds / 3600).toFixed(1)), "hour");
}

// How many rows have each label, the most frequent ones.
function counts(model, answers) {
  if (model.answer !== "label" && model.answer !== "labels") return [];
  const done = answers.filter(({ error }) => error === undefined);
  const byLabel = new Map();
  for (const { label, labels } of done) {
    for (const name of labels ?? [label ?? "no answer"]) byLabel.set(String(name), (byLabel.get(String(name)) ?? 0) + 1);
  }
  const ranked = [...byLabel].sort((first, second) => second[1] - first[1]).slice(0, SHOWN_COUNTS);
  if (!ranked.length) return [];
  const rows = ranked.map(([name, count]) => ({ name, share: count / done.length, value: integer(count), isChosen: true }));
  return [barList(rows, "counts")];
}

function unusedName(name, names) {
  let unused = name;
  for (let count = 2; names.includes(unused); count += 1) unused = `${name}_${count}`;
  return unused;
}
