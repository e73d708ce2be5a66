/**
 * The writer: gives facts their place and time, appends them to the log, applies them to the world, and shows
 * them to every follower, in this order and in the same breath. It decides nothing and asks nobody.
 */
import { assert } from '../../events/assert.ts';
import type { Event, Fact } from '../../events/event.ts';
import type { World } from '../../projections/world.ts';
import type { Clock, Durability, EventLog } from '../ports.ts';

export interface WriterOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  /** Holds everything that the log holds. */
  readonly world: World;
  /** What is appended is synced at the latest after this. */
  readonly syncIntervalMs: number;
  /** The log cannot go on: what cannot be recorded must not be answered. Called once. */
  onFailure(error: Error): void;
}

/** How far the log is synced: up to this event, and the birth of every task below this id. */
export interface Synced {
  readonly seq: number;
  readonly nextTask: number;
}

export type Follower = (events: readonly Event[]) => void;

/**
 * What is appended is written at the latest after this, so that no more is lost with the process. Each write has
 * its price, half a millisecond whatever is in it, and who needs one sooner commits.
 */
const writeIntervalMs = 200;

export class Writer {
  readonly #options: WriterOptions;
  readonly #followers = new Set<Follower>();
  /** Batches that not every follower has seen yet. */
  readonly #unshown: (readonly Event[])[] = [];
  #offsetUs: number;
  #timeUs: number;
  #failure: Error | undefined;
  #ended = false;
  #synced: Synced = { seq: 0, nextTask: 0 };
  /** Resolves at the end of what must not be divided, while there is such a thing. */
  #piece: Promise<void> | undefined;
  #cursor: string;
  readonly #owedWrite: Owed;
  readonly #owedSync: Owed;

  constructor(options: WriterOptions) {
    this.#options = options;
    const { clock, syncIntervalMs } = options;
    this.#owedWrite = new Owed(clock, writeIntervalMs, () => this.#commitSoon('written'));
    this.#owedSync = new Owed(clock, syncIntervalMs, () => this.#commitSoon('synced'));
    this.#timeUs = options.world.chronicle.timeUs;
    this.#cursor = options.log.writtenCursor;
    this.#offsetUs = Math.round(options.clock.wallUs() - options.clock.bootUs());
  }

  /** The seq of the last event appended; 0 before the first. */
  get seq(): number {
    return this.#options.log.seq;
  }

  /** How many events are appended and not written yet. */
  get unwritten(): number {
    const { seq, head } = this.#options.log;
    return seq - head.seq;
  }

  /** The time of the last event appended, wall-clock microseconds; 0 before the first. */
  get timeUs(): number {
    return this.#timeUs;
  }

  /** Nothing can be written any more: the log has failed, or the last event is written. */
  get closed(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  /** What is known to survive a loss of power. */
  get synced(): Synced {
    return this.#synced;
  }

  /** The last place in the source's queue that the log holds, in one piece with what came from before it. */
  get writtenCursor(): string {
    return this.#options.log.writtenCursor;
  }

  /** Everything up to this place in the source's queue is appended; it is written with that, at the latest soon. */
  setCursor(cursor: string): void {
    if (cursor === this.#cursor) return;
    this.#cursor = cursor;
    this.#options.log.setCursor(cursor);
    this.#owedWrite.owe();
  }

  /** From here on boot time is carried to wall-clock time as the log's last `clock` event says. */
  keepClock(offsetUs: number): void {
    this.#offsetUs = offsetUs;
  }

  /** From here on boot time is carried to wall-clock time by this, and the log says so. */
  setClock(offsetUs: number): void {
    this.#offsetUs = offsetUs;
    this.append([{ type: 'clock', offsetUs }]);
  }

  /** Boot-clock time plus this is wall-clock time, microseconds. */
  get clockOffsetUs(): number {
    return this.#offsetUs;
  }

  /** Appends facts that happened at `bootUs`, now where not given. One call is one batch: all of it or none. */
  append(facts: readonly Fact[], bootUs: number = this.#options.clock.bootUs()): void {
    if (facts.length === 0) return;
    assert(!this.#ended, 'nothing is recorded behind the last event');
    const { log, world } = this.#options;
    const kernelUs = Math.round(bootUs + this.#offsetUs);
    this.#timeUs = Math.max(this.#timeUs, kernelUs);
    const skewUs = kernelUs - this.#timeUs;
    const events = log.append(facts.map((fact) => ({ fact, timeUs: this.#timeUs, skewUs })));
    for (const event of events) world.apply(event);
    this.#owedWrite.owe();
    this.#owedSync.owe();
    this.#show(events);
  }

  /**
   * What `act` appends gets into the log in one piece, and with it the cursor that `act` sets: a commit that is asked
   * for meanwhile, by a follower perhaps, is made when it is done. Such a commit in the middle would store what came
   * out of the queue without how far that was, and after a kill it would come out again.
   */
  inOnePiece<T>(act: () => T): T {
    if (this.#piece) return act();
    let end = (): void => {};
    this.#piece = new Promise((resolve) => {
      end = resolve;
    });
    try {
      return act();
    } finally {
      this.#piece = undefined;
      end();
    }
  }

  /** There is no room to write: what is appended from now on is held in memory until there is. */
  get isFull(): boolean {
    return this.#options.log.isFull;
  }

  /**
   * Makes everything appended so far as durable as asked. Rejects with the log's own error once that has
   * failed, at every later call as well; and where there is no room, unless a sync is asked for, which waits for some.
   */
  async commit(durability: Durability): Promise<void> {
    this.#owedWrite.settle();
    if (durability === 'synced') this.#owedSync.settle();
    if (this.#piece) await this.#piece;
    const all = { seq: this.seq, nextTask: this.#options.world.hierarchy.nextTask };
    try {
      await this.#options.log.commit(durability);
      if (durability === 'synced' && all.seq > this.#synced.seq) this.#synced = all;
    } catch (error) {
      if (!this.isFull) this.#fail(error as Error);
      throw error;
    }
  }

  /** Appends the last event, and resolves when all of the log is synced. */
  async end(fact: Fact): Promise<void> {
    this.append([fact]);
    this.#ended = true;
    await this.commit('synced');
  }

  /** Calls back with all events from now on, when they are sequenced; returns what ends it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Shows a batch to every follower. What a follower appends meanwhile is shown when all have seen this. */
  #show(events: readonly Event[]): void {
    this.#unshown.push(events);
    if (this.#unshown.length > 1) return;
    for (let batch = this.#unshown[0]; batch; batch = this.#unshown[0]) {
      for (const follower of this.#followers) follower(batch);
      this.#unshown.shift();
    }
  }

  /** A failure is told to `onFailure` and to nobody else. */
  #commitSoon(durability: Durability): void {
    this.commit(durability).catch(() => {});
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#owedWrite.settle();
    this.#owedSync.settle();
    this.#options.onFailure(error);
  }
}

/** Something to be done at the latest `delayMs` after it was first owed, unless it is settled before. */
class Owed {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #pay: () => void;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, delayMs: number, pay: () => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#pay = pay;
  }

  owe(): void {
    this.#cancel ??= this.#clock.after(this.#delayMs, this.#pay);
  }

  settle(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
