/**
 * What the log costs and how fast it is: appending, beside other stores where that is asked for; and a long log of
 * events as real machines make them, its size, its replay, and reads of its past.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureAppend } from './log/append.ts';
import type { Contestant } from './log/contestant.ts';
import { type Found, type LongOptions, measureLong } from './log/found.ts';
import { memoryOf } from './log/memory.ts';
import type { Latency, PastLatencies } from './log/reads.ts';
import { measureReplay } from './log/replay.ts';
import { tasktrail } from './log/tasktrail.ts';
import { Quiet } from './quiet.ts';
import { figure, medianOf, tableOf } from './table.ts';

export interface LogOptions extends LongOptions {
  /** Also measures a log of this many events, to see whether anything grows with the log. */
  readonly smallEvents?: number;
  /** No round of an append has more events than this, and no replay beside others. */
  readonly appendLimit: number;
  readonly replayLimit: number;
  /** How long a round of an append waits for a quiet machine. */
  readonly patienceSeconds: number;
  /** How many tasks live where memory is measured. */
  readonly memoryTasks: number;
  readonly peers: readonly Contestant[];
}

const mega = 1024 * 1024;

/** Measures, and tells as Markdown what was found. */
export async function measureLog(options: LogOptions): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-bench-log-'));
  try {
    const { smallEvents, events, memoryTasks, seed, rounds } = options;
    const contestants = [tasktrail, ...options.peers];
    const quiet = new Quiet(options.patienceSeconds * 1000);
    const append = await measureAppend(contestants, {
      seed,
      rounds,
      limit: options.appendLimit,
      folder,
      quiet,
    });
    const replayed = Math.min(events, options.replayLimit);
    const replay = await measureReplay(contestants, { seed, rounds, events: replayed, folder });
    const small = smallEvents === undefined ? [] : [measureLong(folder, { ...options, events: smallEvents })];
    const long = [...small, measureLong(folder, options)];
    const bytes = memoryOf(memoryTasks);
    return [
      append,
      ...(quiet.disturbed > 0
        ? ['', `${quiet.disturbed} turns did not have the machine to themselves.`]
        : []),
      '',
      replay,
      '',
      'A log of events as real machines make them: forks, execs of the half of them, exits, 3 % attaches, 1 % changes to',
      'containers; 20,000 live tasks in 2,000 containers of two trees. A "getSync" is that of one value of 16 KiB in a LevelDB.',
      '',
      tableOf([['log', ...long.map((each) => `${figure(each.events / 1e6)} M events`)], ...rowsOf(long)]),
      '',
      `${memoryTasks.toLocaleString('en')} live tasks with all projections take ${figure(bytes / mega)} MiB.`,
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowsOf(found: readonly Found[]): string[][] {
  const row = (name: string, value: (one: Found) => string): string[] => [name, ...found.map(value)];
  return [
    row('append at its end, commits of 1000, µs/event', ({ lateUs }) => figure(lateUs)),
    row('bytes/event on disk', ({ bytesPerEvent }) => figure(bytesPerEvent)),
    row('device bytes/log byte', ({ deviceRatio }) => figure(deviceRatio)),
    row('replay into the trees, million events/s', ({ replays }) => figure(medianOf(replays))),
    row('one getSync, µs, p50 / p99', ({ past }) => latencyText(past.yardstick)),
    row("a task's container behind an event, by ids, µs, p50 / p99", ({ past }) =>
      latencyText(past.container),
    ),
    row('… in getSyncs, p50 / p99', ({ past }) => inYardsticks(past.container, past)),
    row("a task's container at an instant, µs, p50 / p99", ({ past }) => latencyText(past.path)),
    row('… in getSyncs, p50 / p99', ({ past }) => inYardsticks(past.path, past)),
    row('the whole tree at an instant, µs, p50 / p99', ({ past }) => latencyText(past.tree)),
    row('… in getSyncs, p50 / p99', ({ past }) => inYardsticks(past.tree, past)),
    row(
      'capture latency p99, idle / beside a query, µs',
      ({ idleUs, busyUs }) => `${figure(idleUs)} / ${figure(busyUs)}`,
    ),
    row('… ratio', ({ idleUs, busyUs }) => (busyUs / idleUs).toFixed(2)),
    row('resident after recording, MiB', ({ recordingBytes }) => figure(recordingBytes / mega)),
    row('resident after these reads, MiB', ({ readingBytes }) => figure(readingBytes / mega)),
  ];
}

function latencyText({ median, p99 }: Latency): string {
  return `${figure(median)} / ${figure(p99)}`;
}

function inYardsticks({ median, p99 }: Latency, { yardstick }: PastLatencies): string {
  return `${figure(median / yardstick.median)} / ${figure(p99 / yardstick.p99)}`;
}
