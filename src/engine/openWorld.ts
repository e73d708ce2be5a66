/**
 * Opens a world: what a log holds, folded from its first event to its last.
 */
import { World } from '../../projections/world.ts';
import type { LogReader } from '../ports.ts';

/** The world as it is after the log's last event. Fails as the log's reading does. */
export async function openWorld(log: LogReader): Promise<World> {
  const world = new World();
  await log.replay(1, Number.POSITIVE_INFINITY, (event) => world.apply(event));
  return world;
}
