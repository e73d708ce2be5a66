/**
 * A long log: recorded as a daemon does it, in commits of which now and then one is synced, and kept as its archivist
 * does it, if not on another thread, so that what a recorder pays can be told apart: event by event out of the
 * bench's machine, so that no more of it is held than the machine. Some moments of it are remembered, to be asked for.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Keeper } from '../../../src/archive/keeper.ts';
import { openLevelLog } from '../../../src/log/openLog.ts';
import { seededRandom } from '../../../src/random.ts';
import { BenchMachine, type Spot, usualMachine } from './machine.ts';

/** Where a task was at a moment, and how many there were then. */
export interface Moment extends Spot {
  readonly seq: number;
  readonly timeUs: number;
  readonly tasks: number;
}

export interface LongLog {
  readonly folder: string;
  readonly events: number;
  /** Microseconds an event in the last tenth, without the machine's own. */
  readonly lateUs: number;
  /** Files, after they were closed, opened and closed again. */
  readonly sizeBytes: number;
  /** What the process had written to block devices meanwhile, as the kernel accounts for it. */
  readonly deviceBytes: number;
  readonly moments: readonly Moment[];
}

const commitEvents = 1000;
const commitsOfSync = 20;
const momentCount = 1000;

export async function recordLong(folder: string, events: number, seed: number): Promise<LongLog> {
  const machine = new BenchMachine({ ...usualMachine, seed });
  const random = seededRandom(seed + 1);
  const moments: Moment[] = [];
  const deviceBefore = deviceBytes();
  const log = await openLevelLog({ folder });
  const keeper = await Keeper.open(log.reader);
  let lateMs = 0;
  const lateFrom = events * 0.9;
  for (let done = 0, commits = 1; done < events; commits++) {
    const next = machine.next(Math.min(commitEvents, events - done));
    const startMs = performance.now();
    log.append(next);
    await log.commit(commits % commitsOfSync === 0 ? 'synced' : 'written');
    if (done >= lateFrom) lateMs += performance.now() - startMs;
    done += next.length;
    for (let batch = await keeper.next(); batch; batch = await keeper.next()) await log.store(batch);
    if (machine.isOpened && random.chance((momentCount * commitEvents) / events)) {
      moments.push({
        seq: done,
        timeUs: machine.timeUs,
        tasks: machine.taskCount,
        ...machine.someTask(random),
      });
    }
  }
  const startMs = performance.now();
  await log.close();
  lateMs += performance.now() - startMs;
  // What the last commits left to be done in the background is done by now, or now.
  await (await openLevelLog({ folder })).close();
  return {
    folder,
    events,
    lateUs: (lateMs * 1000) / (events - lateFrom),
    sizeBytes: sizeOf(folder),
    deviceBytes: deviceBytes() - deviceBefore,
    moments,
  };
}

/** `write_bytes` less what was cancelled (proc_pid_io(5)). */
function deviceBytes(): number {
  const text = readFileSync('/proc/self/io', 'latin1');
  const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return number('write_bytes') - number('cancelled_write_bytes');
}

function sizeOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
