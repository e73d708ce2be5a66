/**
 * In a browser: events, blocks, commits, lifelines and projections are read there by the same code, from a recording
 * that was put into IndexedDB, and tell the same.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../events/event.ts';
import type { Scale } from '../projections/scale.ts';
import { World } from '../projections/world.ts';
import type { Distance } from '../src/archive/keeper.ts';
import { blockEvents } from '../src/log/block.ts';
import { Cutter } from '../src/log/cutter.ts';
import { exportOf } from '../src/log/exporter.ts';
import { openLevelLog, openLogReader, readHead } from '../src/log/levelLog.ts';
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

/** No snapshot is kept. */
const never: Distance = { events: 1e6, perTask: 0 };

interface Kept {
  readonly folder: string;
  readonly events: readonly Event[];
}

/** A recording of some blocks and a tail. Where it is cut, its first two blocks are not kept any more. */
async function kept(distance: Distance, isCut = false): Promise<Kept> {
  const events = await storyOfMirrors(5, 3000);
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  await recordStory(log, stampedAs(events));
  await keepAll(log, { distance, scale });
  if (isCut) {
    const reader = await openLogReader({ folder });
    for await (const batch of new Cutter(reader).cut(2 * blockEvents + 1)) await log.store(batch);
    await reader.close();
  }
  await log.close();
  return { folder, events };
}

function worldOf(events: readonly Event[]): World {
  const world = new World();
  for (const event of events) world.apply(event);
  return world;
}

/** A recording as its keys and values, and what it tells. */
async function recording(): Promise<{ readonly entries: readonly StoredEntry[]; readonly told: Told }> {
  const { folder, events } = await kept(never);
  const reader = await openLogReader({ folder });
  const entries: StoredEntry[] = [];
  for await (const entry of reader.store.level.iterator()) entries.push(entry);
  const world = worldOf(events);
  const standings = standingsIn(await reader.lifelines(scale), world.hierarchy);
  await reader.close();
  const { seq, hash } = await readHead({ folder });
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

for (const isCut of [false, true]) {
  const which = isCut ? 'an export of a recording whose beginning is not kept' : 'an export';
  testNeeding(browser, ['chromium'], `${which}, imported in a page, makes the same trees`, async () => {
    const { folder, events } = await kept(isCut ? { events: blockEvents, perTask: 0 } : never, isCut);
    const reader = await openLogReader({ folder });
    assert.is(reader.keptFrom().seq > 1, isCut);
    const pieces: Uint8Array[] = [];
    for await (const piece of exportOf(reader)) pieces.push(piece);
    await reader.close();
    const script = await bundled(pageOf('exportPage.ts'));
    const told = JSON.parse(await toldByPage(script, { '/export': Buffer.concat(pieces) }));
    assert.is(told.seq, events.length);
    assert.equal(told.world, JSON.parse(JSON.stringify(worldOf(events).dump())));
  });
}

browser.run();

function pageOf(name: string): string {
  return fileURLToPath(new URL(`./browser/${name}`, import.meta.url));
}
