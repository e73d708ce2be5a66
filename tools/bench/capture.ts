/**
 * What capture costs: storms with and without a daemon that records them, in pairs, and a daemon that has nothing to
 * record.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { compile } from '../programs.ts';
import { type MeasuredDaemon, startMeasured } from './daemon.ts';
import { Quiet, type Run } from './quiet.ts';
import { figure, medianOf, quantileOf, tableOf } from './table.ts';

export interface CaptureOptions {
  /** How many pairs of runs a storm gets, rounded up to whole daemons. */
  readonly pairs: number;
  /** How long one run takes. */
  readonly seconds: number;
  readonly idleSeconds: number;
  /** How long a run waits for a quiet machine. */
  readonly patienceSeconds: number;
}

interface Storm {
  readonly deed: string;
  readonly workers: number;
  readonly what: string;
  /** What is mirrored of the machine's own cgroups, as `up --mirror` has it. */
  readonly mirror: 'none' | 'v2' | 'all';
  /** How many events one deed gives. */
  readonly events: number;
}

const fork = { deed: 'fork', what: 'fork, exit, wait', events: 2 };
const exec = { deed: 'exec', what: 'vfork, exec, exit, wait', events: 3 };
const thread = { deed: 'thread', what: 'thread, join', events: 2 };

const storms: readonly Storm[] = [
  { ...fork, workers: 1, mirror: 'none' },
  { ...fork, workers: 1, mirror: 'v2' },
  { ...fork, workers: 2, mirror: 'none' },
  { ...fork, workers: 2, mirror: 'v2' },
  { ...fork, workers: 2, mirror: 'all' },
  { ...exec, workers: 1, mirror: 'v2' },
  { ...exec, workers: 2, mirror: 'v2' },
  { ...thread, workers: 1, mirror: 'v2' },
  { ...thread, workers: 2, mirror: 'v2' },
];

/** Until then a daemon that has just been started compiles itself. */
const warmUpSeconds = 10;
/** By then a daemon is done with its start. */
const settleMs = 2000;
/** How many pairs of runs a daemon is kept for: the half of them has the unrecorded run before it, the half behind. */
const pairsOfDaemon = 4;

/** One run of a storm. */
interface BareRun extends Run {
  readonly deedsPerSecond: number;
  /** Processor time of the storm's own tasks, the programs in the kernel included. */
  readonly cpuUsPerDeed: number;
}

interface RecordedRun extends BareRun {
  readonly events: number;
  readonly daemonUs: number;
}

/** One pair: the same storm with nothing but a few like it in between. */
interface Pair {
  readonly bare: BareRun;
  readonly recorded: RecordedRun;
}

/** Measures, and tells as Markdown what was found. */
export async function measureCapture(options: CaptureOptions): Promise<string> {
  const rows = [
    [
      'storm',
      'mirrored',
      'a second, unrecorded',
      'recorded',
      'ratio',
      'quartiles',
      'by processor time',
      'events/s',
      'daemon, µs/event',
      'kernel, µs/event',
      'bytes/event',
    ],
  ];
  const quiet = new Quiet(options.patienceSeconds * 1000);
  for (const storm of storms) rows.push(await measureStorm(storm, options, quiet));
  const idle = await measureIdle(options.idleSeconds, quiet);
  return [
    `Each storm ran for ${options.seconds} s in at least ${options.pairs} pairs of runs, one without and one with a daemon, in the order`,
    `A A B B B B A A; the daemon had seen ${warmUpSeconds} s of it before. Numbers are medians, the ratio is that of the pairs. "daemon" is the processor`,
    'time of the daemon, all threads; "kernel" is what the storm itself needed more than unrecorded: the eBPF programs and what',
    'they displace. "By processor time" is what both make of the ratio where all processors are busy.',
    '',
    tableOf(rows),
    '',
    idle,
    ...(quiet.disturbed > 0 ? ['', `${quiet.disturbed} runs did not have the machine to themselves.`] : []),
  ].join('\n');
}

async function measureStorm(
  storm: Storm,
  { pairs, seconds }: CaptureOptions,
  quiet: Quiet,
): Promise<string[]> {
  const measured: Pair[] = [];
  const sizes: number[] = [];
  while (measured.length < pairs) {
    const before = await runs(pairsOfDaemon / 2, () => quiet.run(() => run(storm, seconds)));
    const daemon = await startMeasured(['--mirror', storm.mirror]);
    await run(storm, warmUpSeconds);
    const recorded = await runs(pairsOfDaemon, () => quiet.run(() => runRecorded(storm, seconds, daemon)));
    const { sizeBytes, seq } = await daemon.status();
    sizes.push(sizeBytes / seq);
    await daemon.stop();
    const after = await runs(pairsOfDaemon / 2, () => quiet.run(() => run(storm, seconds)));
    measured.push(...paired([...before, ...after], recorded));
  }
  const median = (value: (pair: Pair) => number): number => medianOf(measured.map(value));
  const ratios = measured.map(({ bare, recorded }) => recorded.deedsPerSecond / bare.deedsPerSecond);
  return [
    `${storm.what}; ${storm.workers === 1 ? '1 worker' : `${storm.workers} workers`}`,
    storm.mirror,
    figure(median(({ bare }) => bare.deedsPerSecond)),
    figure(median(({ recorded }) => recorded.deedsPerSecond)),
    medianOf(ratios).toFixed(3),
    `${quantileOf(ratios, 0.25).toFixed(3)}–${quantileOf(ratios, 0.75).toFixed(3)}`,
    median((pair) => ratioByProcessorTime(storm, pair)).toFixed(3),
    figure(median(({ recorded }) => recorded.events / seconds)),
    figure(median(({ recorded }) => recorded.daemonUs / recorded.events)),
    figure(median(({ bare, recorded }) => (recorded.cpuUsPerDeed - bare.cpuUsPerDeed) / storm.events)),
    figure(medianOf(sizes)),
  ];
}

/** The results of so many runs, one after the other. */
async function runs<R>(count: number, once: () => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  while (results.length < count) results.push(await once());
  return results;
}

function paired(bare: readonly BareRun[], recorded: readonly RecordedRun[]): Pair[] {
  return recorded.flatMap((one, i) => {
    const other = bare[i];
    return other ? [{ bare: other, recorded: one }] : [];
  });
}

/** What the ratio comes to where the processors are the limit and the daemon takes its share of them. */
function ratioByProcessorTime({ events }: Storm, { bare, recorded }: Pair): number {
  const daemonUsPerDeed = (recorded.daemonUs / recorded.events) * events;
  return bare.cpuUsPerDeed / (recorded.cpuUsPerDeed + daemonUsPerDeed);
}

async function run({ deed, workers }: Storm, seconds: number): Promise<BareRun> {
  const storm = spawnSync(compile('storm'), [String(seconds), String(workers), '0', deed], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Map(storm.stdout.split('\n').map((line) => line.split(' ') as [string, string]));
  const count = (word: string): number => Number(said.get(word));
  return {
    ownUs: count('cpuUs'),
    deedsPerSecond: count('deeds') / (count('elapsedUs') / 1e6),
    cpuUsPerDeed: count('cpuUs') / count('deeds'),
  };
}

async function runRecorded(storm: Storm, seconds: number, daemon: MeasuredDaemon): Promise<RecordedRun> {
  const { result, ...cost } = await costOf(daemon, () => run(storm, seconds));
  return { ...result, ...cost, ownUs: result.ownUs + cost.daemonUs };
}

interface Cost {
  readonly events: number;
  readonly daemonUs: number;
  /** The daemon had to look at the whole machine, for something that no source sees. */
  readonly disturbed: boolean;
}

/** What something comes to, and what it costs a daemon that records it. */
async function costOf<T>(daemon: MeasuredDaemon, act: () => Promise<T>): Promise<Cost & { result: T }> {
  const before = await daemon.status();
  const beforeUs = daemon.cpuUs();
  const result = await act();
  const { seq, lost, gaps } = await daemon.status();
  if (lost > 0) throw new Error(`${lost} events were lost: there is nothing to measure`);
  return {
    result,
    events: seq - before.seq,
    daemonUs: daemon.cpuUs() - beforeUs,
    disturbed: gaps > before.gaps,
  };
}

/** A daemon that has nothing to do but to be there. */
async function measureIdle(seconds: number, quiet: Quiet): Promise<string> {
  const daemon = await startMeasured();
  await setTimeout(settleMs);
  const { ownUs, events } = await quiet.run(async () => {
    const cost = await costOf(daemon, () => setTimeout(seconds * 1000));
    return { ...cost, ownUs: cost.daemonUs };
  });
  await daemon.stop();
  const percent = (ownUs / (seconds * 1e6)) * 100;
  return `Idle: ${percent.toFixed(2)} % of a processor over ${seconds} s, in which the machine gave ${figure(events / seconds)} events a second.`;
}
