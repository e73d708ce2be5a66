/**
 * The table of cases through the mount: the transcripts of `test/cases/`, and those of `test/fs/cases/` about open
 * files, typed by real tasks on the real machine.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../support/needs.ts';
import { type Case, parseTranscript } from '../support/transcript.ts';
import { MountedSession } from './mountedSession.ts';

const cases = suite('cases through the mount');
const lastRow = 64;

/** Where the path walk of Linux answers before anybody is asked, or the mount knows more: its answers, by the commands. */
const answeredBefore: ReadonlyMap<string, readonly string[]> = new Map([
  // It looks at the kinds of both last names before it looks for the first.
  ['rename /missing /.', ['EBUSY']],
  // There is nothing to exchange with.
  ['rename --exchange /a /b', ['ENOENT']],
  // It always knows which thread writes.
  ['as pid 0 echo 0 > /a/tasks', []],
]);

/** What cannot be had from a machine that others live on. */
const elsewhere: ReadonlyMap<number, string> = new Map([
  [63, 'not all tasks of the machine can end'],
  [64, 'the machine is not booted for a test: test/reboot.test.ts has one that is'],
]);

const transcripts = ['../cases/', './cases/'].flatMap((folder) => {
  const url = new URL(folder, import.meta.url);
  return readdirSync(url).map((file) => parseTranscript(readFileSync(new URL(file, url), 'utf8')));
});
const all = transcripts.flatMap(({ cases: each }) => each);
/** What a recorder concludes from what it has missed is no matter of the mount's. */
const possible = all.filter(
  ({ row, text }) => !elsewhere.has(row ?? 0) && !/^\$ (?:look|unseen .*)$/m.test(text),
);

let session: MountedSession | undefined;
cases.after(async () => session?.close());

for (const each of possible) {
  testNeeding(cases, ['ebpf', 'fuse', 'cc'], each.title, async () => {
    session ??= await MountedSession.open();
    await session.begin();
    try {
      await typeAll(session, each);
    } finally {
      await session.end();
    }
  });
}

cases('every row of the table is typed, or is known not to be possible', () => {
  const rows = new Set(possible.map(({ row }) => row));
  const missing = Array.from({ length: lastRow }, (_, i) => i + 1).filter((row) => !rows.has(row));
  assert.equal(missing, [...elsewhere.keys()]);
});

cases.run();

async function typeAll(here: MountedSession, { text }: Case): Promise<void> {
  for (const part of text.split(/^(?=\$ )/m).slice(1)) {
    const [first = '', ...rest] = part.split('\n');
    const command = first.slice(2);
    const told = rest.filter((line) => line !== '' && line !== 'no event' && !line.startsWith('#'));
    const expected = answeredBefore.get(command) ?? told.map(withoutReason);
    assert.equal(await here.run(command), expected, command);
  }
}

function withoutReason(line: string): string {
  return line.replace(/^(E[A-Z0-9]+): .*/, '$1');
}
