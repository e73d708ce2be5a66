/**
 * Moves: `npm run moves -- --times 300`. Exports and imports are killed at random instants: what they leave is either whole
 * or looks like nothing that is whole, and what was there before an export is still there. Prints its seed; ends with 1
 * when anything is wrong.
 */
import { runMoves } from './moves/run.ts';
import { killsLine, runRepeated } from './repeated.ts';

await runRepeated(300, runMoves, killsLine);
