/**
 * What the archivist's thread does with a log, done here and now.
 */
import type { Scale } from '../../projections/scale.ts';
import { type Distance, Keeper } from '../../src/archive/keeper.ts';
import { type LevelLog, openLogReader } from '../../src/log/openLog.ts';

export interface Keeping {
  readonly distance: Distance;
  readonly scale?: Scale;
  /** Where given, a session ends after so many, and another one goes on. */
  readonly blocksAtOnce?: number;
}

/** Keeps what there is of a log. */
export async function keepAll(
  log: LevelLog,
  { distance, scale, blocksAtOnce = Number.POSITIVE_INFINITY }: Keeping,
): Promise<void> {
  for (let last = -1; last !== log.sealedSeq; ) {
    last = log.sealedSeq;
    const reader = await openLogReader(log);
    const keeper = await Keeper.open(reader, distance, scale);
    for (let i = 0; i < blocksAtOnce; i++) {
      const batch = await keeper.next();
      if (batch === undefined) break;
      await log.store(batch);
    }
    await reader.close();
  }
}
