/**
 * Kills: `npm run kills -- --times 300`. A process that appends to a log, seals it, keeps snapshots, removes its beginning
 * and makes a recording of this format of one of format 0 is killed in the middle of each, again and again on the same
 * recording. What it leaves has to be sound, with all that was answered, and everything beside the events as these make
 * it. Prints its seed; ends with 1 when anything is wrong.
 */
import { runKills } from './kills/run.ts';
import { killsLine, runRepeated } from './repeated.ts';

await runRepeated(300, runKills, killsLine);
