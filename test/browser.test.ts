/**
 * In a browser: events, blocks, commits, lifelines and projections are read there by the same code, from a recording
 * that was put into IndexedDB, and tell the same.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scale } from '../projections/scale.ts';
import { World } from '../projections/world.ts';
import { openLevelLog, openLogReader } from '../src/log/openLog.ts';
import { seededRandom } from '../src/random.ts';
import { bundled, toldByPage } from './browser/chromium.ts';
import { packed, type StoredEntry } from './browser/entries.ts';
import { crc32, sha256 } from './browser/hashes.ts';
import { standingsIn, type Told } from './browser/told.ts';
import { Scratch } from './log/recordings.ts';
import { keepAll } from './support/keeping.ts';
import { testNeeding } from './support/needs.ts';
import { recordStory, stampedAs, storyOfMirrors } from './support/stories.ts';

const browser = suite('browser');
const scratch = await Scratch.open();
browser.after(() => scratch.remove());

const scale: Scale = { windowEvents: 1024, pieces: 5, rollPerTask: 3 };

/** A recording of some blocks and a tail: its keys and values, and what it tells. */
async function recording(): Promise<{ readonly entries: readonly StoredEntry[]; readonly told: Told }> {
  const events = await storyOfMirrors(5, 3000);
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, stampedAs(events));
  await keepAll(log, { distance: { events: 1e6, perTask: 0 }, scale });
  const reader = await openLogReader(log);
  const entries: StoredEntry[] = [];
  for await (const entry of reader.store.level.iterator()) entries.push(entry);
  const world = new World();
  for (const event of events) world.apply(event);
  const standings = standingsIn(await reader.lifelines(scale), world.hierarchy);
  const { seq, hash } = log.head;
  await reader.close();
  await log.close();
  return { entries, told: { seq, hash: [...Buffer.from(hash, 'hex')], world: world.dump(), standings } };
}

browser('the hash and the checksum that need no Node are those of Node', () => {
  const random = seededRandom(1);
  for (const length of [0, 1, 31, 55, 56, 63, 64, 200, 5000]) {
    const body = Uint8Array.from({ length }, () => random.below(256));
    const previous = Uint8Array.from({ length: 32 }, () => random.below(256));
    const expected = createHash('sha256').update(previous).update(body).digest();
    assert.equal([...sha256(previous, body)], [...expected]);
    assert.is(crc32(body), zlibCrc32(body));
  }
});

browser('what a page needs imports nothing of Node', async () => {
  assert.match(await bundled(pageOf('page.ts')), /indexedDB/);
});

testNeeding(browser, ['chromium'], 'a recording in IndexedDB tells a page what it tells Node', async () => {
  const { entries, told } = await recording();
  const script = await bundled(pageOf('page.ts'));
  const answer = await toldByPage(script, { '/recording': packed(entries), '/scale': JSON.stringify(scale) });
  assert.ok(told.standings.length > 100);
  assert.equal(JSON.parse(answer), JSON.parse(JSON.stringify(told)));
});

browser.run();

function pageOf(name: string): string {
  return fileURLToPath(new URL(`./browser/${name}`, import.meta.url));
}
