/**
 * Stories: the entries of a log that are asked for, as far as it reaches now. What lies before them is not read: history
 * goes on from a snapshot, and steps further back only where that tells too little.
 */
import type { Event } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import type { LogReader } from '../ports.ts';
import { type Edge, edgeOf, isBefore, isBehind } from './edge.ts';
import { type Entry, filterOf, History, type LogQuery } from './history.ts';
import { NotKept, notKept } from './kept.ts';
import { nearestWorld, openWorld } from './openWorld.ts';

/** Where what is asked for begins and ends. */
interface Span {
  readonly first: Edge | undefined;
  readonly last: Edge | undefined;
  /** Nothing that is asked for comes before. */
  readonly firstSeq: number;
  /** Nothing that is asked for comes behind; only of a log that ends. */
  readonly lastSeq: number;
}

export class Story {
  readonly #query: LogQuery;
  #history: History;
  #nextSeq = 0;
  /** Found once: it may take a look through the log, and who follows comes back whenever that has grown. */
  #span: Span | undefined;

  constructor(query: LogQuery) {
    this.#query = query;
    this.#history = new History(filterOf(query));
  }

  /** The entries since the last call. */
  async *tell(log: LogReader): AsyncGenerator<Entry> {
    const span = await this.#spanOf(log);
    if (this.#nextSeq === 0) await this.#begin(log, span.firstSeq - 1);
    if (this.#nextSeq < log.keptFrom().seq) throw new NotKept(`event #${this.#nextSeq} is not kept any more`);
    for await (const events of log.read(this.#nextSeq)) {
      for (const event of events) {
        const entry = this.#history.take(event);
        if (span.first && isBefore(event, span.first)) continue;
        if (span.last && isBehind(event, span.last) && !reachesBack(event, span.last)) continue;
        if (entry) yield entry;
      }
      this.#nextSeq = (events.at(-1)?.seq ?? 0) + 1;
      if (this.#nextSeq > span.lastSeq) return;
    }
  }

  /** The last `limit` entries of all, to be asked for first; as much is read as is needed to know which these are. */
  async tellLast(log: LogReader, limit: number): Promise<Entry[]> {
    const { firstSeq, lastSeq } = await this.#spanOf(log);
    for (let steps = 1; ; steps *= 2) {
      const seq = await this.#begin(log, await snapshotBefore(log, lastSeq, steps));
      const last = await this.#lastOf(log, limit);
      // Whatever comes before this is not asked for.
      if (last.length === limit || seq < firstSeq) return last;
    }
  }

  async #lastOf(log: LogReader, limit: number): Promise<Entry[]> {
    const last: Entry[] = [];
    for await (const entry of this.tell(log)) {
      last.push(entry);
      if (last.length >= 2 * limit) last.splice(0, last.length - limit);
    }
    return last.slice(-limit);
  }

  /**
   * Takes up the world that is kept for `seq` or next before it, or with which what is kept begins; tells which seq that
   * is behind.
   */
  async #begin(log: LogReader, seq: number): Promise<number> {
    const fromSeq = Math.max(seq, log.keptFrom().seq - 1);
    const world = fromSeq > 0 ? await nearestWorld(log, fromSeq) : new World();
    this.#history = new History(filterOf(this.#query), world);
    this.#nextSeq = world.chronicle.seq + 1;
    return world.chronicle.seq;
  }

  async #spanOf(log: LogReader): Promise<Span> {
    if (this.#span) return this.#span;
    const { since, until, follow } = this.#query;
    const first = since && (await edgeOf(log, since));
    const last = until && (await edgeOf(log, until));
    for (const edge of [first, last]) {
      const gone = edge && notKept(log, edge);
      if (gone !== undefined) throw new NotKept(gone);
    }
    const keptSeq = log.keptFrom().seq;
    const firstSeq =
      first === undefined
        ? keptSeq
        : 'timeUs' in first
          ? (await log.seqAt(first.timeUs - 1)) + 1
          : first.firstSeq;
    const lastSeq = last === undefined || follow === true ? Number.MAX_SAFE_INTEGER : await endOf(log, last);
    this.#span = { first, last, firstSeq, lastSeq };
    return this.#span;
  }
}

/** The last seq that tells of what was before an edge: the edge itself, or a gap that reaches back over it. */
async function endOf(log: LogReader, edge: Edge): Promise<number> {
  if (!('timeUs' in edge)) return edge.lastSeq;
  const { gaps } = (await openWorld(log)).chronicle;
  const gap = gaps.findLast(({ sinceUs, untilUs }) => untilUs > edge.timeUs && sinceUs < edge.timeUs);
  return gap?.seq ?? (await log.seqAt(edge.timeUs));
}

/** The seq of the snapshot that is so many steps before a seq; 0 where there are not so many. */
async function snapshotBefore(log: LogReader, seq: number, steps: number): Promise<number> {
  let left = steps;
  for await (const snapshot of log.snapshots(seq)) {
    left -= 1;
    if (left === 0) return snapshot.seq;
  }
  return 0;
}

/** Whether a gap that ended behind an edge began before it: then what was told up to there may lack something. */
function reachesBack(event: Event, edge: Edge): boolean {
  return event.type === 'gap' && 'timeUs' in edge && event.sinceUs < edge.timeUs;
}
