/**
 * Reads: what it takes to ask for moments of a long log's past, in turns with the yardstick.
 */
import { medianOf, quantileOf } from '../table.ts';
import type { LongLog, Moment } from './long.ts';
import { openPast, type PastReads } from './past.ts';
import type { Yardstick } from './yardstick.ts';

/** Microseconds. */
export interface Latency {
  readonly median: number;
  readonly p99: number;
  readonly count: number;
}

export interface PastLatencies {
  readonly yardstick: Latency;
  readonly container: Latency;
  readonly path: Latency;
  readonly tree: Latency;
}

/** Until so much is done, reads and yardstick take turns; at least two of each are done. */
export interface Patience {
  readonly reads: number;
  readonly seconds: number;
}

export async function pastLatencies(
  log: LongLog,
  yardstick: Yardstick,
  patience: Patience,
): Promise<PastLatencies> {
  const past = await openPast(log.folder);
  try {
    const container = await turns(log.moments, yardstick, patience, (moment) =>
      askForContainer(past, moment),
    );
    const path = await turns(log.moments, yardstick, patience, (moment) => askForPath(past, moment));
    const tree = await turns(log.moments, yardstick, patience, (moment) => askForTree(past, moment));
    return {
      yardstick: latencyOf([...container.yardstick, ...path.yardstick, ...tree.yardstick]),
      container: latencyOf(container.asked),
      path: latencyOf(path.asked),
      tree: latencyOf(tree.asked),
    };
  } finally {
    await past.close();
  }
}

async function askForContainer(past: PastReads, { task, seq, container }: Moment): Promise<void> {
  const found = await past.containerOf(task, seq);
  if (found !== container)
    throw new Error(`task ${task} was in ${container} behind #${seq}, not in ${found}`);
}

async function askForPath(past: PastReads, { pid, timeUs, path }: Moment): Promise<void> {
  const found = await past.pathAt(pid, timeUs);
  if (found !== path) throw new Error(`pid ${pid} was in ${path} at ${timeUs}, and the answer is '${found}'`);
}

async function askForTree(past: PastReads, { timeUs, tasks }: Moment): Promise<void> {
  const found = await past.tasksAt(timeUs);
  if (found !== tasks) throw new Error(`there were ${tasks} tasks at ${timeUs}, and the answer is ${found}`);
}

async function turns(
  moments: readonly Moment[],
  yardstick: Yardstick,
  { reads, seconds }: Patience,
  ask: (moment: Moment) => Promise<void>,
): Promise<{ readonly asked: readonly number[]; readonly yardstick: readonly number[] }> {
  const asked: number[] = [];
  const measured: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  for (let i = 0; i < reads && (i < 2 || performance.now() < endMs); i++) {
    const moment = moments[i % moments.length];
    if (moment === undefined) break;
    const startMs = performance.now();
    yardstick.get();
    const betweenMs = performance.now();
    await ask(moment);
    measured.push((betweenMs - startMs) * 1000);
    asked.push((performance.now() - betweenMs) * 1000);
  }
  return { asked, yardstick: measured };
}

function latencyOf(values: readonly number[]): Latency {
  return { median: medianOf(values), p99: quantileOf(values, 0.99), count: values.length };
}
