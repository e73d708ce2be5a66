/**
 * The table of cases, row by row, as transcripts in `test/cases/`. `UPDATE=1` writes the output of today into
 * them: read the difference before it is committed, for the contract decides what is right.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTranscript, retell, type Transcript } from './support/transcript.ts';

const lastRow = 64;

/**
 * Rows that need a mount, wholly or (where a transcript has the number too) for the part that is said here.
 * `decide` takes one write at a time, with its writer, and knows of no open file.
 */
const needsMount: ReadonlyMap<number, string> = new Map([
  [6, 'in part: that a process keeps a removed working directory'],
  [34, 'in part: that a write is the act of who writes, not of who opened'],
  [35, 'in part: that the offset a first write leaves behind is not looked at'],
  [36, 'offsets, O_APPEND and O_TRUNC belong to an open file'],
  [42, 'what an open `tasks` file shows is fixed when it is opened'],
  [43, 'the end of a file belongs to an open file'],
  [44, 'an open flag file is read again'],
  [45, 'an open file outlives its container'],
]);

const update = process.env.UPDATE === '1';
const folder = new URL('./cases/', import.meta.url);
const transcripts = new Map<string, Transcript>();

for (const file of readdirSync(folder).sort()) {
  const transcript = parseTranscript(readFileSync(new URL(file, folder), 'utf8'));
  transcripts.set(file, transcript);
  if (update) rewrite(file, transcript);
  const theme = suite(file);
  for (const each of transcript.cases) {
    theme(each.title, () => {
      if (!update) assert.fixture(retell(each), each.text);
    });
  }
  theme.run();
}

const table = suite('the table of cases');

table('every row is a transcript, or is known to need a mount', () => {
  const told = new Set(rowsTold());
  const missing = rows().filter((row) => !told.has(row) && !needsMount.has(row));
  assert.equal(missing, []);
});

table('no row is told twice, and none that the table does not have', () => {
  const told = rowsTold();
  assert.is(told.length, new Set(told).size);
  const known = new Set(rows());
  assert.equal(
    [...told, ...needsMount.keys()].filter((row) => !known.has(row)),
    [],
  );
});

table('what needs a mount only in part is told for the rest', () => {
  const told = new Set(rowsTold());
  for (const [row, why] of needsMount) assert.is(told.has(row), why.startsWith('in part'), `row ${row}`);
});

table.run();

function rows(): number[] {
  return Array.from({ length: lastRow }, (_, i) => i + 1);
}

function rowsTold(): number[] {
  return [...transcripts.values()].flatMap(({ cases }) =>
    cases.flatMap(({ row }) => (row === undefined ? [] : [row])),
  );
}

function rewrite(file: string, { preface, cases }: Transcript): void {
  writeFileSync(new URL(file, folder), preface + cases.map(retell).join(''));
}
