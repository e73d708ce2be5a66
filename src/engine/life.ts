/**
 * Lives: what the log tells of one task, from its birth up to a moment or its end. Lifelines tell where to look; what is
 * found there is told as the log is (`history.ts`), with the containers called as they were then.
 */
import { bytesOf } from '../../events/bytes.ts';
import type { Event } from '../../events/event.ts';
import { seqBefore, windowOf } from '../../projections/scale.ts';
import { LifelineError, type LifelineSource, passageOf } from '../../projections/standing.ts';
import type { World } from '../../projections/world.ts';
import { type Refusal, refuse } from '../kernel/errno.ts';
import type { LogReader } from '../ports.ts';
import { type Entry, type Filter, History } from './history.ts';
import { nearestWorld } from './openWorld.ts';
import { standsAt } from './stands.ts';

/** About the task with an id; else about the one that has a pid, or had it last. */
export interface LifeQuestion {
  readonly kind: 'life';
  readonly task?: number;
  readonly pid?: number;
  /** The name of a tree, or `all`; where it is missing our own and v2. */
  readonly tree?: string;
}

export interface LifeView {
  /** tasktrail's own id of the task, never reused. */
  readonly task: number;
  /** At the moment that is asked about. */
  readonly state: 'living' | 'ended';
  /** The seq of its birth; missing where that is not kept. */
  readonly bornSeq?: number;
  /** From its birth on, in order, with the gaps in between. */
  readonly entries: readonly Entry[];
  /** Between these events its moves are told, and what it executed is not. */
  readonly movesOnly?: Span;
  /** So many were left out before the last ones. */
  readonly leftOut: number;
  /** Why what is kept of lives did not tell, and all events had to be asked: a phrase. */
  readonly obstacle?: string;
}

interface Span {
  readonly afterSeq: number;
  readonly untilSeq: number;
}

/** Lives of so many events are gone through event by event; of longer ones, only their beginning and their end. */
const closeUpEvents = 1_000_000;
/** So many entries are told at most. */
const entryLimit = 1000;
/** Where the next entry is so many events away, there may be a snapshot in between. */
const strideEvents = 100_000;

/** The life of a task up to `lastSeq`, behind which `world` is. */
export async function lifeOf(
  log: LogReader,
  question: LifeQuestion,
  world: World,
  lastSeq: number,
): Promise<LifeView | Refusal> {
  const lifelines = await log.lifelines();
  const task = question.task ?? (await holderOf(log, world, question.pid ?? 0, lastSeq));
  if (task === undefined) return refuse('ESRCH', `no task ${question.pid} was known by then`);
  if (task < 1 || task >= world.hierarchy.nextTask) {
    return refuse(
      'ESRCH',
      `no task #${task} was known by then: they went up to #${world.hierarchy.nextTask - 1}`,
    );
  }
  const { standing, obstacle } = await standsAt(log, lifelines, task, lastSeq);
  const endSeq = standing.state === 'ended' ? standing.seq : lastSeq;
  if (endSeq === 0) return refuse('ESRCH', `task #${task} had ended before what is kept of the recording`);
  const bornSeq = await birthSeqOf(log, lifelines, task);
  const firstSeq = bornSeq ?? lifelines.firstSeq;
  const { seqs, movesOnly } = await seqsOf(log, lifelines, task, firstSeq, endSeq);
  const gaps = world.chronicle.gaps.filter(({ seq }) => seq > firstSeq && seq <= endSeq);
  const all = [...seqs, ...gaps.map(({ seq }) => seq)].sort((a, b) => a - b);
  const told = [...all.slice(0, 1), ...all.slice(1).slice(-entryLimit)];
  const filter = question.tree === undefined ? {} : { tree: bytesOf(question.tree) };
  return {
    task,
    state: standing.state === 'ended' ? 'ended' : 'living',
    ...(bornSeq !== undefined && { bornSeq }),
    entries: await entriesAt(log, filter, told),
    ...(movesOnly && { movesOnly }),
    leftOut: all.length - told.length,
    ...(obstacle !== undefined && { obstacle }),
  };
}

/** The task that has a pid, or that had it last. */
async function holderOf(
  log: LogReader,
  { hierarchy }: World,
  pid: number,
  lastSeq: number,
): Promise<number | undefined> {
  const living = hierarchy.taskByPid(pid);
  if (living) return living.id;
  let holder: number | undefined;
  await log.replay(1, lastSeq, (event) => {
    const { type } = event;
    if ((type === 'fork' || type === 'adopt' || type === 'exec') && event.pid === pid) holder = event.task;
  });
  return holder;
}

async function birthSeqOf(
  log: LogReader,
  lifelines: LifelineSource,
  task: number,
): Promise<number | undefined> {
  const from = lifelines.seqBeforeBirth(task);
  if (from === undefined) return undefined;
  for await (const events of log.read(from)) {
    const birth = events.find(
      (event) => (event.type === 'fork' || event.type === 'adopt') && event.task === task,
    );
    if (birth) return birth.seq;
  }
  return undefined;
}

interface Found {
  readonly seqs: readonly number[];
  readonly movesOnly?: Span;
}

/** The seqs of what is about a task, ascending. */
async function seqsOf(
  log: LogReader,
  lifelines: LifelineSource,
  task: number,
  firstSeq: number,
  endSeq: number,
): Promise<Found> {
  if (endSeq - firstSeq < closeUpEvents) return { seqs: await seqsBetween(log, task, firstSeq, endSeq) };
  const { scale, lastSeq } = lifelines;
  const [first, end] = [windowOf(firstSeq, scale) + 1, windowOf(Math.min(endSeq, lastSeq), scale)];
  const [afterSeq, untilSeq] = [seqBefore(first, scale), seqBefore(end, scale)];
  try {
    const moves: number[] = [];
    for (let window = first; window < end; window++) {
      const before = seqBefore(window, scale);
      for (const { offset } of passageOf(lifelines, task, window).moves) moves.push(before + offset);
    }
    const youth = await seqsBetween(log, task, firstSeq, afterSeq);
    const age = await seqsBetween(log, task, untilSeq + 1, endSeq);
    return { seqs: [...youth, ...moves, ...age], movesOnly: { afterSeq, untilSeq } };
  } catch (error) {
    if (!(error instanceof LifelineError)) throw error;
    return { seqs: await seqsBetween(log, task, firstSeq, endSeq) };
  }
}

async function seqsBetween(
  log: LogReader,
  task: number,
  firstSeq: number,
  lastSeq: number,
): Promise<readonly number[]> {
  const seqs: number[] = [];
  await log.replay(firstSeq, lastSeq, (event) => {
    if (isAbout(event, task)) seqs.push(event.seq);
  });
  return seqs;
}

/** Who left a container last is about the container. */
function isAbout(event: Event, task: number): boolean {
  return 'task' in event && event.task === task && event.type !== 'release';
}

/** Entries are made of plain events. */
async function eventAt(log: LogReader, seq: number): Promise<Event> {
  for await (const [event] of log.read(seq)) if (event) return event;
  throw new Error(`impossible state: event #${seq} was there a moment ago`);
}

/** What is told of some events, by ascending seqs. */
async function entriesAt(log: LogReader, filter: Filter, seqs: readonly number[]): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let history: History | undefined;
  let behind = 0;
  for (const seq of seqs) {
    if (history === undefined || seq - behind > strideEvents) {
      const world = await nearestWorld(log, seq - 1);
      behind = world.chronicle.seq;
      history = new History(filter, world);
    }
    const open: History = history;
    await log.replay(behind + 1, seq - 1, (event) => open.pass(event));
    const entry = open.take(await eventAt(log, seq));
    if (entry) entries.push(entry);
    behind = seq;
  }
  return entries;
}
