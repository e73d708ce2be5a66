/**
 * Frozen recordings, one of each format: every later tasktrail reads the same events out of them, and goes on with them.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventsOf } from '../../src/log/commit.ts';
import { exportOf } from '../../src/log/exporter.ts';
import { importWith } from '../../src/log/importer.ts';
import { metaKey } from '../../src/log/keys.ts';
import { openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { sha256 } from '../../src/log/sha256.ts';
import type { LogReader } from '../../src/ports.ts';
import { eventTypes } from '../support/facts.ts';
import { testNeeding } from '../support/needs.ts';
import { expectedOfFrozen, recordingsFolder, recordingsOf } from './frozen.ts';
import { changeLevel, openedEvents, Scratch } from './recordings.ts';
import { commitRandom, sealAll } from './sealed.ts';

const frozen = suite('frozen recordings');
const scratch = await Scratch.open();
frozen.after(() => scratch.remove());

const { format0, format1, exported } = recordingsOf(recordingsFolder);
const expected = expectedOfFrozen();

async function imported(): Promise<string> {
  const folder = scratch.folder();
  await importWith(folder, createReadStream(exported), () => {}, Sealer.open);
  return folder;
}

const sources: Readonly<Record<string, () => Promise<string>>> = {
  'a recording of format 0': () => scratch.copy(format0),
  'a recording of format 1': () => scratch.copy(format1),
  'an export of version 1': imported,
};

async function digestOf(log: LogReader): Promise<{ readonly digest: string; readonly types: object }> {
  const hash = createHash('sha256');
  const types: Record<string, number> = {};
  for await (const events of log.read(1)) {
    for (const event of events) {
      hash.update(`${JSON.stringify(event)}\n`);
      types[event.type] = (types[event.type] ?? 0) + 1;
    }
  }
  return { digest: hash.digest('hex'), types: inOrder(types) };
}

/** The types in the order of the layout. */
function inOrder(types: Readonly<Record<string, number>>): object {
  return Object.fromEntries(
    eventTypes.flatMap((type) => (types[type] === undefined ? [] : [[type, types[type]]])),
  );
}

for (const [name, open] of Object.entries(sources)) {
  frozen(`${name} is read to the events, the head and the export that it was made of`, async () => {
    const folder = await open();
    const { unsound, commits, seq, hash } = await verifyLog({ folder });
    assert.equal([unsound, commits, seq, hash], [undefined, expected.commits, expected.seq, expected.hash]);
    const reader = await openLogReader({ folder });
    const { digest, types } = await digestOf(reader);
    assert.equal(types, expected.types);
    assert.is(digest, expected.events);
    const pieces: Uint8Array[] = [];
    for await (const bytes of exportOf(reader)) pieces.push(bytes);
    assert.ok(Buffer.concat(pieces).equals(readFileSync(exported)), 'its export is the same, byte by byte');
    await reader.close();
  });

  frozen(`${name} is gone on with`, async () => {
    const folder = await open();
    const log = await openLevelLog({ folder });
    assert.is(log.head.hash, expected.hash);
    await commitRandom(log, 1, 2000, 30);
    assert.is(await sealAll(log), 4096);
    await log.close();
    const { unsound, events } = await verifyLog({ folder }, { expect: expected });
    assert.equal([unsound, events], [undefined, expected.seq + 2000]);
  });
}

frozen('the recording of format 1 has blocks, chunks of the dictionary, and a tail', async () => {
  const folder = await scratch.copy(format1);
  const kinds: Record<string, number> = {};
  await changeLevel(folder, async (level) => {
    for await (const key of level.keys()) {
      const kind = key.length > 6 ? String.fromCharCode(key[0] ?? 0) : 'name';
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
  });
  assert.is(kinds.b, 2);
  assert.ok((kinds.d ?? 0) >= 3 && (kinds.c ?? 0) >= 2, JSON.stringify(kinds));
});

frozen('every type of event that there was is in them', () => {
  for (const [type, count] of Object.entries(expected.types)) assert.ok(count > 0, type);
});

frozen('a recording of a newer format is refused with a sentence', async () => {
  const folder = await scratch.copy(format1);
  await changeLevel(folder, (level) => level.put(metaKey, Buffer.from('{"format":2,"id":"x"}')));
  assert.match(
    String(await openedEvents(folder)),
    /the recording in .* is format 2, this tasktrail reads format 1: use a newer tasktrail/,
  );
});

/** What a reader makes of a recording that knows nothing but the documentation. */
function readElsewhere(what: 'export' | 'keys', input: Buffer): object {
  const [reader, pages] = ['./reader.py', '../../docs/reference'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return JSON.parse(
    execFileSync('python3', [String(reader), String(pages), what], { input, encoding: 'utf8' }),
  );
}

testNeeding(
  frozen,
  ['python3'],
  'a reader in another language, made after the description, reads the same',
  async () => {
    const { commits, seq, hash, events } = expected;
    assert.equal(readElsewhere('export', readFileSync(exported)), { events, commits, seq, hash });
    for (const source of [format0, format1]) {
      const pairs: string[] = [];
      await changeLevel(await scratch.copy(source), async (level) => {
        for await (const entry of level.iterator()) {
          pairs.push(entry.map((bytes) => Buffer.from(bytes).toString('hex')).join(' '));
        }
      });
      assert.equal(readElsewhere('keys', Buffer.from(pairs.join('\n'))), { events, commits, seq, hash });
    }
  },
);

frozen('the example in the description of the format is a commit as it says', () => {
  const page = readFileSync(new URL('../../docs/reference/log-format.md', import.meta.url), 'utf8');
  const [, example = ''] = /```hex\n(.*?)```/s.exec(page) ?? [];
  // What the bytes mean stands behind them, from the same column on.
  const digits = example.split('\n').map((line) => line.slice(0, 66).replaceAll(' ', ''));
  const bytes = Buffer.from(digits.join(''), 'hex');
  const events = eventsOf(bytes);
  assert.equal(
    events.map((event) => ({ ...event })),
    [
      { type: 'recording', id: 'xyz', version: '1.0', seq: 1, timeUs: 1_795_489_920_000_000, skewUs: 0 },
      { type: 'comm', task: 300, comm: 'sh', seq: 2, timeUs: 1_795_489_920_000_200, skewUs: -5 },
    ],
  );
  assert.ok(Buffer.from(sha256(new Uint8Array(32), bytes.subarray(33))).equals(bytes.subarray(1, 33)));
});

frozen.run();
