/**
 * The process that is killed: goes on with a story (its seed is argument 2) in a recording (argument 1), seals, keeps
 * snapshots and removes the beginning, and says on stdout what it is at, and what it was answered: `answered SEQ`.
 */
import { writeSync } from 'node:fs';
import { Keeper } from '../../src/archive/keeper.ts';
import { openRecording } from '../../src/archive/openRecording.ts';
import { Cutter } from '../../src/log/cutter.ts';
import { partsOfSnapshotKey, snapshotsOf } from '../../src/log/keys.ts';
import { type LevelLog, openLogReader } from '../../src/log/openLog.ts';
import type { Batch } from '../../src/log/sealer.ts';
import { seededRandom } from '../../src/random.ts';
import { distance, scale } from '../damage/scale.ts';
import { storyOf } from './story.ts';

const [folder = '', seedText = ''] = process.argv.slice(2);
const random = seededRandom(Number(seedText) + process.pid);
const story = await storyOf(Number(seedText));
/** Snapshots before which nothing is removed. */
const keptSnapshots = 2;

const { log } = await openRecording({ folder, setAsideUs: 1.7e15 });
say(log.aside ? 'aside' : 'opened');
const reader = await openLogReader(log);
const isOlder = reader.store.meta?.format === 0;
const keeper = await Keeper.open(reader, distance, scale);
const cutter = new Cutter(reader);
for await (const batch of cutter.sweep()) await log.store(batch);
while (log.seq < story.length) {
  await append(log);
  await keep(log);
  await retain(log);
}
await reader.close();
await log.close();
say('done');

async function append(to: LevelLog): Promise<void> {
  for (let i = random.below(12); i >= 0; i--) {
    say('append');
    to.append(story.slice(to.seq, to.seq + 1 + random.below(200)));
    const { seq } = to;
    const durability = random.pick(['written', 'synced'] as const);
    await to.commit(durability);
    say(`answered ${seq}`);
  }
}

async function keep(to: LevelLog): Promise<void> {
  for (let batch = await keeper.next(); batch; batch = await keeper.next()) {
    const isUpgrade = isOlder && to.sealedSeq === 0;
    say(isUpgrade ? 'upgrade' : hasSnapshot(batch) ? 'snapshot' : 'seal');
    await to.store(batch);
  }
}

/** The first snapshot that may be the beginning, where there is one. */
async function retain(to: LevelLog): Promise<void> {
  const seqs = await reader.snapshotSeqs();
  const place = (seqs.at(-1 - keptSnapshots) ?? 0) + 1;
  if (place <= to.keptFrom().seq) return;
  say('retain');
  for await (const batch of cutter.cut(place)) await to.store(batch);
  while (await cutter.freeSome());
}

function hasSnapshot({ puts, sealedSeq = 0 }: Batch): boolean {
  const [mark] = snapshotsOf(sealedSeq).gte;
  return puts.some(([key]) => key[0] === mark && partsOfSnapshotKey(key).seq === sealedSeq);
}

function say(what: string): void {
  writeSync(1, `${what}\n`);
}
