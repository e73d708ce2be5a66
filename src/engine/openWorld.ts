/**
 * Opens a world: what a log holds, as it was behind any event. The nearest snapshot before it is taken up, and the
 * events behind that are folded; where there is none that this tasktrail can read, all of them are.
 */
import { SnapshotError } from '../../projections/snapshot.ts';
import { World } from '../../projections/world.ts';
import type { LogReader } from '../ports.ts';
import { keptText, NotKept } from './kept.ts';

/**
 * The world as it is behind `seq`, or the log's last event where that comes before. Fails as the log's reading does, and
 * with a `NotKept`.
 */
export async function openWorld(log: LogReader, seq = Number.MAX_SAFE_INTEGER): Promise<World> {
  const world = await nearestWorld(log, seq);
  await log.replay(world.chronicle.seq + 1, seq, (event) => world.apply(event));
  return world;
}

/**
 * The world as it was kept behind `seq`, or nearest before that; an empty one where none is kept. Fails with a `NotKept`
 * where not all is kept that follows it.
 */
export async function nearestWorld(log: LogReader, seq: number): Promise<World> {
  const world = await nearestSnapshot(log, seq);
  const kept = log.keptFrom();
  if (world.chronicle.seq + 1 >= kept.seq) return world;
  throw new NotKept(`no snapshot of what came before can be read, and ${keptText(kept)}`);
}

async function nearestSnapshot(log: LogReader, seq: number): Promise<World> {
  for await (const { parts } of log.snapshots(seq)) {
    try {
      return World.load(parts);
    } catch (error) {
      // Of another version, or not whole: an earlier one may do, and the events do in any case.
      if (!(error instanceof SnapshotError)) throw error;
    }
  }
  return new World();
}
