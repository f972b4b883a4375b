// Tables of delimited text: RFC 4180, with the delimiters of spreadsheets and the encodings of their files.

const DELIMITERS = ["\t", ",", ";", "|"];
// As `textgraft predict --escape-formulas`; plain numbers are no formulas.
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^[+-]?(\d+([.,]\d+)*|[.,]\d+)(e[+-]?\d+)?\s*%?$/i;

export class TableError extends Error {}

// The text of a file, and a notice about its encoding, if there is one.
export function decode(buffer) {
  const bytes = new Uint8Array(buffer);
  const mark = (bytes[0] << 8) | bytes[1];
  if (mark === 0xfffe || mark === 0xfeff) {
    return { text: new TextDecoder(mark === 0xfffe ? "utf-16le" : "utf-16be").decode(buffer), notice: "" };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(buffer), notice: "" };
  } catch {
    const text = new TextDecoder("windows-1252").decode(buffer);
    return { text, notice: "The file is not UTF-8 and was read as Windows-1252. Check its accents." };
  }
}

// The delimiter that the first row has most often, outside quotes; a comma for a single column.
function findDelimiter(text) {
  const counts = new Map(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  for (const character of text.slice(0, 100_000)) {
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (character === "\n" || character === "\r") break;
    else if (counts.has(character)) counts.set(character, counts.get(character) + 1);
  }
  const [delimiter, count] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return count ? delimiter : ",";
}

// Rows of cells; empty lines are none.
export function parse(text) {
  const content = text.replace(/^\ufeff/, "");
  const delimiter = findDelimiter(content);
  const special = new RegExp(`[${delimiter === "|" ? "\\|" : delimiter}\r\n]`, "g");
  const rows = [];
  let row = [];
  let line = 1;
  let position = 0;
  const finishRow = () => {
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  while (position < content.length) {
    let cell = "";
    if (content[position] === '"') {
      const opened = line;
      for (position += 1; ; ) {
        const quote = content.indexOf('"', position);
        if (quote < 0) throw new TableError(`Line ${opened}: a quote is opened and not closed. Correct the table.`);
        cell += content.slice(position, quote);
        position = quote + 1;
        if (content[position] !== '"') break;
        cell += '"';
        position += 1;
      }
      line += cell.split("\n").length - 1;
    }
    special.lastIndex = position;
    const match = special.exec(content);
    const end = match ? match.index : content.length;
    row.push(cell + content.slice(position, end));
    position = end + 1;
    if (!match) break;
    if (match[0] === delimiter) {
      if (position === content.length) row.push("");
      continue;
    }
    if (match[0] === "\r" && content[position] === "\n") position += 1;
    line += 1;
    finishRow();
  }
  if (row.length) finishRow();
  return rows;
}

// A table as CSV with a byte order mark, by which spreadsheets know that it is UTF-8, and the number of cells that a
// spreadsheet would calculate, before which an apostrophe was put.
export function format(rows) {
  let escaped = 0;
  const cellText = (value) => {
    let text = String(value ?? "");
    if (typeof value === "string" && FORMULA.test(text) && !NUMBER.test(text)) {
      text = `'${text}`;
      escaped += 1;
    }
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((cells) => `${cells.map(cellText).join(",")}\r\n`);
  return { parts: ["\ufeff", ...lines], escaped };
}
