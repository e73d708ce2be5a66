/**
 * The log in memory: for tests, simulations, and sources that nothing is kept of. The same rows, commits
 * and chain as on disk, so that what is read back has been through the codec.
 */
import type { Event } from '../../events/event.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import type { CommitSpan, Durability, EventLog, Head, KeptFrom, KeptSnapshot, Stamped } from '../ports.ts';
import { eventsFrom, eventsOf, headOf, type Link, OpenCommit, origin } from './commit.ts';
import { RecordingClosedError } from './errors.ts';
import { lifelineScale } from './lifelineScale.ts';
import { sha256 } from './sha256.ts';

export class MemoryLog implements EventLog {
  readonly #open = new OpenCommit(origin);
  readonly #values: Uint8Array[] = [];
  /** The last seq of each value. */
  readonly #lastSeqs: number[] = [];
  #link: Link = origin;
  #cursor = '';
  #writtenCursor = '';
  #closed = false;

  get seq(): number {
    return this.#open.seq;
  }

  get head(): Head {
    return headOf(this.#link);
  }

  append(facts: readonly Stamped[]): readonly Event[] {
    if (this.#closed) throw new RecordingClosedError();
    return this.#open.append(facts);
  }

  setCursor(cursor: string): void {
    this.#cursor = cursor;
  }

  get writtenCursor(): string {
    return this.#writtenCursor;
  }

  /** What is in memory is as durable as it gets. */
  async commit(_durability: Durability): Promise<void> {
    if (this.#closed) throw new RecordingClosedError();
    this.#writtenCursor = this.#cursor;
    if (this.#open.count === 0) return;
    const { value, link } = this.#open.finish(this.#link.hash, sha256);
    this.#values.push(value);
    this.#lastSeqs.push(link.seq);
    this.#link = link;
  }

  read(fromSeq: number): AsyncIterable<readonly Event[]> {
    return this.#read(fromSeq, this.#values.length);
  }

  async replay(fromSeq: number, lastSeq: number, evolve: (event: Event) => void): Promise<number> {
    let last = fromSeq - 1;
    for await (const events of this.read(fromSeq)) {
      for (const event of events) {
        if (event.seq > lastSeq) return last;
        evolve(event);
        last = event.seq;
      }
    }
    return last;
  }

  get isFull(): boolean {
    return false;
  }

  /** Nothing is ever removed. */
  keptFrom(): KeptFrom {
    return { seq: 1, timeUs: 0 };
  }

  async seqAt(timeUs: number): Promise<number> {
    let seq = 0;
    await this.replay(1, this.#link.seq, (event) => {
      if (event.timeUs <= timeUs) seq = event.seq;
    });
    return seq;
  }

  async commitOf(seq: number): Promise<CommitSpan> {
    const index = this.#indexOf(seq);
    return { firstSeq: (this.#lastSeqs[index - 1] ?? 0) + 1, lastSeq: this.#lastSeqs[index] ?? 0 };
  }

  /** None are kept. */
  async *snapshots(): AsyncGenerator<KeptSnapshot> {}

  /** None are kept. */
  async lifelines(): Promise<LifelineSource> {
    return { scale: lifelineScale, firstSeq: 1, lastSeq: 0, seqBeforeBirth: () => 1, piece: () => undefined };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.commit('synced');
    this.#closed = true;
  }

  async *#read(fromSeq: number, end: number): AsyncGenerator<readonly Event[]> {
    if (this.#closed) throw new RecordingClosedError();
    for (const value of this.#values.slice(this.#indexOf(fromSeq), end)) {
      yield eventsFrom(fromSeq, eventsOf(value));
    }
  }

  /** The first value that reaches `seq`. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#lastSeqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lastSeqs[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
