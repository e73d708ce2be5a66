/**
 * In which portions a recording keeps the lifelines of tasks.
 */
import type { Scale } from '../../projections/scale.ts';
import { blockEvents } from './block.ts';

/** A piece has some 1,500 bytes then, and a roll is in every third window of a machine with 20,000 tasks. */
export const lifelineScale: Scale = { windowEvents: 64 * blockEvents, pieces: 128, rollPerTask: 8 };
