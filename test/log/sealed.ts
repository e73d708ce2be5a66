/** Recordings of random events that are sealed into blocks, as far as they go. */
import type { Event } from '../../events/event.ts';
import { type LevelLog, openLogReader } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { seededRandom } from '../../src/random.ts';
import { randomStamped } from '../support/facts.ts';

/** Commits random events, `most` at a time, until there are `count`. */
export async function commitRandom(
  log: LevelLog,
  seed: number,
  count: number,
  most: number,
): Promise<Event[]> {
  const random = seededRandom(seed);
  const events: Event[] = [];
  while (events.length < count) {
    const wanted = Math.min(1 + random.below(most), count - events.length);
    events.push(
      ...log.append(randomStamped(random, wanted, Math.max(log.head.timeUs, events.at(-1)?.timeUs ?? 0))),
    );
    await log.commit('written');
  }
  return events;
}

/** Commits the first event of a recording, as every recorder does. */
export async function beginRecording(log: LevelLog): Promise<void> {
  log.append([{ fact: { type: 'recording', id: 'a-recording', version: '0' }, timeUs: 1e15, skewUs: 0 }]);
  await log.commit('written');
}

/** Seals as much as there is; returns the last sealed seq. */
export async function sealAll(log: LevelLog): Promise<number> {
  const reader = await openLogReader(log);
  try {
    const sealer = await Sealer.open(reader);
    for (let sealed = await sealer.next(); sealed; sealed = await sealer.next()) await log.store(sealed);
    return sealer.sealedSeq;
  } finally {
    await reader.close();
  }
}
