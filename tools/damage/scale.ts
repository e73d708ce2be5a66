/**
 * In which portions a small recording keeps what was made out of its events, so that there is enough of each.
 */
import { blockEvents } from '../../src/log/block.ts';

export const scale = { windowEvents: 2 * blockEvents, pieces: 8, rollPerTask: 4 };
export const distance = { events: 2000, perTask: 0 };
