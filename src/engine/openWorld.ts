/**
 * Opens a world: what a log holds, as it was behind any event. The nearest snapshot before it is taken up, and the
 * events behind that are folded; where there is none that this tasktrail can read, all of them are.
 */
import { SnapshotError } from '../../projections/snapshot.ts';
import { World } from '../../projections/world.ts';
import type { KeptSnapshot, LogReader } from '../ports.ts';
import { keptText, NotKept } from './kept.ts';

/** Is told why a snapshot is passed over, as a phrase, before an earlier one is taken. */
export type PassedOver = (why: string) => void;

/**
 * The world as it is behind `seq`, or the log's last event where that comes before. Fails as the log's reading does, and
 * with a `NotKept`.
 */
export async function openWorld(
  log: LogReader,
  seq = Number.MAX_SAFE_INTEGER,
  passedOver?: PassedOver,
): Promise<World> {
  const world = await nearestWorld(log, seq, passedOver);
  await log.replay(world.chronicle.seq + 1, seq, (event) => world.apply(event));
  return world;
}

/**
 * The world as it was kept behind `seq`, or nearest before that; an empty one where none is kept. Fails with a `NotKept`
 * where not all is kept that follows it.
 */
export async function nearestWorld(
  log: LogReader,
  seq: number,
  passedOver: PassedOver = () => {},
): Promise<World> {
  let why = '';
  const world = await nearestSnapshot(log, seq, (phrase) => {
    passedOver(phrase);
    why = phrase;
  });
  const kept = log.keptFrom();
  if (world.chronicle.seq + 1 >= kept.seq) return world;
  throw new NotKept(
    `what came before cannot be told by this tasktrail: ${why === '' ? 'there is no snapshot of it' : why}, and ` +
      `${keptText(kept)}: use the tasktrail that recorded it, or record into another folder (--data)`,
  );
}

async function nearestSnapshot(log: LogReader, seq: number, passedOver: PassedOver): Promise<World> {
  for await (const snapshot of log.snapshots(seq)) {
    try {
      return loadWorld(snapshot);
    } catch (error) {
      // Of another version, or not whole: an earlier one may do, and the events do in any case.
      if (!(error instanceof SnapshotError)) throw error;
      passedOver(error.message);
    }
  }
  return new World();
}

/** The world that a snapshot is of. Throws a `SnapshotError` where this tasktrail cannot read it. */
export function loadWorld({ seq, parts, unreadable }: KeptSnapshot): World {
  if (unreadable !== undefined) throw new SnapshotError(`a snapshot cannot be read: ${unreadable}`);
  const world = World.load(parts);
  if (world.chronicle.seq === seq) return world;
  throw new SnapshotError(`what is there as the snapshot of #${seq} is that of #${world.chronicle.seq}`);
}

/** Whether this tasktrail can read a snapshot. */
export function isLoadable(snapshot: KeptSnapshot): boolean {
  try {
    loadWorld(snapshot);
    return true;
  } catch (error) {
    if (error instanceof SnapshotError) return false;
    throw error;
  }
}
