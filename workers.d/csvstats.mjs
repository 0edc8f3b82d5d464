#!/usr/bin/env node
// Describes the columns of a CSV file. An example of the protocol of docs/protocol.md in Node.js.
// There is nothing to clean up, so SIGTERM is left to do what it does by default: end the process.
import fs from 'node:fs';

const LONGEST_FIELD = 1 << 20;
const MOST_COLUMNS = 1000;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

class Failed extends Error {}

// Into a pipe, Node writes at once: nothing is lost at the end.
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function main() {
  const { params } = JSON.parse(fs.readFileSync(0, 'utf8'));
  const source = open(params.file);
  const rows = new Rows(params.delimiter ?? ',');
  let columns = null;
  let count = 0;
  let uneven = 0;
  const take = (row) => {
    if (columns === null) {
      columns = row.map((name) => new Column(name));
      return;
    }
    count += 1;
    if (row.length !== columns.length) uneven += 1;
    columns.forEach((column, index) => column.add(row[index] ?? ''));
  };
  for await (const text of texts(source)) rows.feed(text, take);
  rows.end(take);
  if (columns === null) throw new Failed(`${params.file} is empty`);
  if (uneven > 0) {
    say({ type: 'log', level: 'warning', message: 'rows with more or fewer fields than the first', rows: uneven });
  }
  say({ type: 'result', output: { rows: count, columns } });
}

class Column {
  constructor(name) {
    this.name = name.slice(0, 100);
    this.filled = 0;
    this.numbers = 0;
  }

  add(text) {
    if (text === '') return;
    this.filled += 1;
    const number = NUMBER.test(text) ? Number(text) : Infinity;
    if (!Number.isFinite(number)) return;
    this.numbers += 1;
    this.min = Math.min(this.min ?? number, number);
    this.max = Math.max(this.max ?? number, number);
    this.mean = (this.mean ?? 0) + (number - (this.mean ?? 0)) / this.numbers;
  }
}

// Text, in pieces of any size, to rows of fields (RFC 4180).
class Rows {
  constructor(delimiter) {
    this.delimiter = delimiter;
    this.row = [];
    this.field = '';
    this.quoted = false; // the field has an opening quote, and no closing one yet
    this.quote = false; // in a quoted field, the last character was a quote: it closes, or is the first of a pair
  }

  feed(text, take) {
    for (const character of text) {
      if (this.quoted && !this.quote) {
        if (character === '"') this.quote = true;
        else this.add(character);
      } else if (character === '"' && (this.quote || this.field === '')) {
        if (this.quote) this.add(character);
        this.quoted = true;
        this.quote = false;
      } else {
        this.quoted = this.quote = false;
        if (character === this.delimiter) this.endField();
        else if (character === '\n') this.endRow(take);
        else this.add(character);
      }
    }
  }

  end(take) {
    if (this.quoted && !this.quote) throw new Failed('a quoted field has no end');
    if (this.quoted || this.field !== '' || this.row.length > 0) this.endRow(take);
  }

  add(character) {
    if (this.field.length >= LONGEST_FIELD) throw new Failed(`a field has over ${LONGEST_FIELD} characters`);
    this.field += character;
  }

  endField() {
    if (this.row.length >= MOST_COLUMNS) throw new Failed(`a row has over ${MOST_COLUMNS} fields`);
    this.row.push(this.field);
    this.field = '';
  }

  endRow(take) {
    if (this.field.endsWith('\r')) this.field = this.field.slice(0, -1);
    this.endField();
    take(this.row);
    this.row = [];
  }
}

// Without blocking: to open a FIFO would otherwise wait until somebody writes to it.
function open(file) {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const status = fs.fstatSync(fd);
  if (!status.isFile()) throw new Failed(`not a regular file: ${file}`);
  return { fd, size: status.size };
}

async function* texts({ fd, size }) {
  const stream = fs.createReadStream(null, { fd, encoding: 'utf8', highWaterMark: 1 << 18 });
  let first = true;
  let shown = 0;
  for await (const text of stream) {
    yield first && text.startsWith('\uFEFF') ? text.slice(1) : text;
    first = false;
    const percent = Math.min(100, Math.floor((100 * stream.bytesRead) / size));
    if (percent > shown) {
      shown = percent;
      say({ type: 'progress', percent, message: `${stream.bytesRead} of ${size} bytes` });
    }
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failed) && error.code === undefined) throw error; // a mistake in this program
  say({ type: 'error', message: error.message, code: error.code });
  process.exitCode = 1;
}
