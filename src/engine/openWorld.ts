/**
 * Opens a log into a world: what is in the log is folded while the log is read and checked, so that it is read once.
 */
import type { Event } from '../../events/event.ts';
import { World } from '../../projections/world.ts';

/** A log that hands over every commit that is in it, in order, before it counts as open. */
export type OpenLog<Log> = (onCommit: (events: readonly Event[]) => void) => Promise<Log>;

/** The log, and the world as it is after the log's last event. Fails as `open` does. */
export async function openWorld<Log>(
  open: OpenLog<Log>,
): Promise<{ readonly log: Log; readonly world: World }> {
  const world = new World();
  const log = await open((events) => {
    for (const event of events) world.apply(event);
  });
  return { log, world };
}
