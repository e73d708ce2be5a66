/**
 * Makes the frozen recordings of `test/fixtures/recordings` anew: one and the same in each format that has to be read for
 * good, and as an export, with events of every type. Not to be run once a format is frozen: what lies there then is the
 * truth. `--again` says that it shall be run all the same.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Event } from '../events/event.ts';
import { exportOf } from '../src/log/exporter.ts';
import { commitKey, metaKey } from '../src/log/keys.ts';
import { writeMark } from '../src/log/mark.ts';
import { type LevelLog, openLevelLog, openLogReader, verifyLog } from '../src/log/openLog.ts';
import { beginningOf, passageFrom } from '../src/log/passage.ts';
import { seededRandom } from '../src/random.ts';
import { recordingsFolder, recordingsOf } from '../test/log/frozen.ts';
import { sealAll } from '../test/log/sealed.ts';
import { eventTypes, randomStamped } from '../test/support/facts.ts';

const seed = 20;
/** The rest of the third block stays in the tail. */
const sealedEvents = 2100;
const allEvents = 2300;
const mostInCommit = 40;

if (existsSync(recordingsFolder) && !process.argv.includes('--again')) {
  throw new Error('the frozen recordings are there already: --again makes others in their place');
}
rmSync(recordingsFolder, { recursive: true, force: true });
mkdirSync(recordingsFolder, { recursive: true });
const folders = recordingsOf(recordingsFolder);
const random = seededRandom(seed);
const id = 'frozen-recording-0001';

/** What is read changes: LevelDB makes a table of its log file when it is opened. */
const copy = mkdtempSync(join(tmpdir(), 'tasktrail-frozen-'));

await makeFormat1();
cpSync(folders.format1, copy, { recursive: true });
await makeFormat0();
await makeExport();
await makeExpected();
rmSync(copy, { recursive: true });
for (const folder of [folders.format0, folders.format1]) {
  for (const name of ['LOCK', 'LOG', 'LOG.old']) rmSync(join(folder, name), { force: true });
}

/** In two sittings, so that some of it is in a table of LevelDB and some in a log file. */
async function makeFormat1(): Promise<void> {
  const first = await openLevelLog({ folder: folders.format1 });
  first.append([{ fact: { type: 'recording', id, version: '0.1.0' }, timeUs: 1.7e15, skewUs: 0 }]);
  await first.commit('written');
  await record(first, sealedEvents);
  await sealAll(first);
  await first.close();
  const second = await openLevelLog({ folder: folders.format1 });
  await record(second, allEvents);
  await second.close();
}

/** Up to this seq. */
async function record(log: LevelLog, lastSeq: number): Promise<void> {
  while (log.seq < lastSeq) {
    const count = Math.min(1 + random.below(mostInCommit), lastSeq - log.seq);
    log.append(randomStamped(random, count, log.head.timeUs));
    await log.commit('written');
  }
}

/** As the first tasktrail wrote it: commits and nothing else. */
async function makeFormat0(): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folders.format0, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: false,
  });
  await level.put(metaKey, Buffer.from(JSON.stringify({ format: 0, id })));
  const reader = await openLogReader({ folder: copy });
  let firstSeq = 1;
  for await (const commits of passageFrom(reader, beginningOf(reader))) {
    for (const { value, link } of commits) {
      await level.put(commitKey(firstSeq), value);
      firstSeq = link.seq + 1;
    }
  }
  await reader.close();
  await level.close();
  await writeMark(folders.format0, firstSeq - 1);
}

async function makeExport(): Promise<void> {
  const reader = await openLogReader({ folder: copy });
  const pieces: Uint8Array[] = [];
  for await (const bytes of exportOf(reader)) pieces.push(bytes);
  await reader.close();
  writeFileSync(folders.exported, Buffer.concat(pieces));
}

/** What reading any of them has to come to. */
async function makeExpected(): Promise<void> {
  const { unsound, commits, seq, hash } = await verifyLog({ folder: copy });
  if (unsound) throw new Error(unsound.why);
  const reader = await openLogReader({ folder: copy });
  const events: Event[] = [];
  for await (const some of reader.read(1)) events.push(...some);
  await reader.close();
  const digest = createHash('sha256');
  for (const event of events) digest.update(`${JSON.stringify(event)}\n`);
  const types = Object.fromEntries(
    eventTypes.map((type) => [type, events.filter((event) => event.type === type).length]),
  );
  const missing = eventTypes.filter((type) => types[type] === 0);
  if (missing.length > 0) throw new Error(`there is no event of ${missing.join(', ')}: take another seed`);
  const expected = { recording: id, commits, seq, hash, events: digest.digest('hex'), types };
  writeFileSync(join(recordingsFolder, 'expected.json'), `${JSON.stringify(expected, undefined, 2)}\n`);
}
