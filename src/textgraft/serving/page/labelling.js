// Rows of a table through the server, in requests of bounded size, one at a time, as fast as the server allows.

import { post, sleep } from "./api.js";

const FIRST_TEXTS = 16;
const MAX_TEXTS = 256;
const MAX_CHARACTERS = 100_000;
// Of a request: shorter ones grow, longer ones shrink, so that others are not kept waiting.
const SHORT_SECONDS = 0.5;
const LONG_SECONDS = 2;
// Without any answer: a laptop that changes its network.
const LOST_ATTEMPTS = 5;

const lengthOf = (text) => (typeof text === "string" ? text : text.join("")).length;

export class Labelling {
  // `texts` are strings or pairs; `answers` has, for each text that is done, a prediction or a message in `error`.
  constructor(model, limits, texts) {
    Object.assign(this, { model, limits, texts, answers: [], truncated: 0 });
    this.size = Math.min(FIRST_TEXTS, limits.texts);
  }

  get isDone() {
    return this.answers.length === this.texts.length;
  }

  get failures() {
    return this.answers.filter(({ error }) => error !== undefined).length;
  }

  // Continue until all rows are done; `onProgress` gets a number of seconds while the server is busy, otherwise null.
  async run(signal, onProgress) {
    for (let lost = 0; !this.isDone; ) {
      const batch = this.#next();
      const started = performance.now();
      try {
        const { predictions, truncated } = await post("predict", { model: this.model.name, texts: batch }, signal);
        this.answers.push(...predictions);
        this.truncated += truncated.texts;
        lost = 0;
        this.#adapt((performance.now() - started) / 1000);
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (error.isTemporary || (error.status === 0 && (lost += 1) < LOST_ATTEMPTS)) {
          const seconds = error.retrySeconds ?? lost;
          this.#shrink();
          onProgress(seconds);
          await sleep(seconds, signal);
        } else if (![413, 422, 500].includes(error.status)) throw error;
        else if (batch.length > 1) this.size = Math.max(1, Math.floor(batch.length / 2));
        else this.answers.push({ error: error.message });
      }
      onProgress(null);
    }
  }

  #next() {
    const start = this.answers.length;
    let [end, characters] = [start, 0];
    while (end < this.texts.length && end - start < this.size) {
      characters += lengthOf(this.texts[end]);
      if (end > start && characters > Math.min(MAX_CHARACTERS, this.limits.bytes / 8)) break;
      end += 1;
    }
    return this.texts.slice(start, end);
  }

  #adapt(seconds) {
    if (seconds > LONG_SECONDS) this.#shrink();
    else if (seconds < SHORT_SECONDS) this.size = Math.min(2 * this.size, MAX_TEXTS, this.limits.texts);
  }

  #shrink() {
    this.size = Math.max(1, Math.floor(this.size / 2));
  }
}

// Names and cells of the columns that answers are, as in files of `textgraft predict`.
export function answerColumns(model, answer) {
  const probabilities = (model.labels ?? []).map((label) => [`probability_${label}`, ({ probabilities: all }) => all[String(label)]]);
  const extra = [];
  if (answer?.abstained !== undefined) extra.push(["abstained", ({ abstained }) => String(abstained)]);
  if (answer?.unknown !== undefined) extra.push(["unknown", ({ unknown }) => String(unknown)]);
  if (answer?.candidates !== undefined) extra.push(["candidates", ({ candidates }) => JSON.stringify(candidates)]);
  const columns = {
    label: [["prediction", ({ label }) => String(label ?? "")], ...extra, ["probability", ({ probability }) => probability], ...probabilities],
    labels: [["prediction", ({ labels }) => JSON.stringify(labels)], ...probabilities],
    value: [["prediction", ({ value }) => value]],
    entities: [["entities", ({ entities }) => JSON.stringify(entities)]],
  };
  return columns[model.answer];
}
