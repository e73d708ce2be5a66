/**
 * A source whose machine is a cast: what happens is queued as the clock stands, and the test decides what the
 * source misses.
 */
import type {
  Found,
  GroupId,
  HierarchySeen,
  KeptQueue,
  Observation,
  Places,
  QueueView,
  Source,
  TaskSeen,
} from '../../src/ports.ts';
import { Cast } from './cast.ts';
import type { FakeClock } from './fakeClock.ts';

export class FakeSource implements Source {
  readonly name = 'fake';
  blind = '';
  bootId = 'boot-1';
  readonly cast = new Cast();
  /** How often the queue was drained. */
  drains = 0;
  closed = false;
  /** The hierarchies that a look finds. */
  mirrored: readonly HierarchySeen[] = [];
  /** Of which tasks a scan cannot find the groups. */
  isUnplaced = (_pid: number): boolean => false;
  /** In which groups a scan finds a task. */
  groupsOf = (_pid: number): readonly GroupId[] | undefined => undefined;
  /** Called before each drain: for what gets into the queue late. */
  beforeDrain = (): void => {};
  /** Called for each task that a scan reads. */
  onScan = (): void => {};
  /** Set by `keep`: then the queue outlives its reader, as the kernel's can. */
  keptQueue?: FakeQueue;
  /** Set by `keep`: the containers that the kernel was told, by pid. */
  places?: Places;
  readonly told = new Map<number, number>();
  readonly #clock: FakeClock;
  #queue: Observation[] = [];
  #lost = 0;
  #wake: (() => void) | undefined;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Something happens and is queued; `t forks c` and the like. Nobody is woken. */
  happen(sentence: string): void {
    for (const seen of this.cast.happen(sentence)) this.queue({ ...seen, bootUs: this.#clock.nowUs });
  }

  /** Something happens, does not fit into the queue, and is counted. */
  lose(sentence: string): void {
    this.#lost += this.cast.happen(sentence).length;
  }

  /** Something happens that the source knows nothing of. */
  miss(sentence: string): void {
    this.cast.happen(sentence);
  }

  queue(...observations: readonly Observation[]): void {
    if (this.keptQueue) this.keptQueue.all.push(...observations);
    else this.#queue.push(...observations);
  }

  /** From here on the queue is kept, and so is who is where. */
  keep(): void {
    this.keptQueue = new FakeQueue(() => this.#lost);
    this.places = {
      set: (pid, _tgid, container) => {
        if (container === 0) this.told.delete(pid);
        else this.told.set(pid, container);
      },
      read: () => new Map(this.told),
    };
  }

  /** Wakes whoever wanted to be woken, once. */
  ring(): void {
    const callback = this.#wake;
    this.#wake = undefined;
    callback?.();
  }

  /** Whether somebody wants to be woken. */
  get armed(): boolean {
    return this.#wake !== undefined;
  }

  drain(see: (observation: Observation) => void, limit?: number): number {
    this.drains += 1;
    this.beforeDrain();
    if (this.keptQueue) return this.keptQueue.drain(see, limit);
    const queued = this.#queue;
    this.#queue = [];
    for (const observation of queued) see(observation);
    return queued.length;
  }

  lost(): number {
    return this.#lost;
  }

  *scan(): Generator<TaskSeen> {
    for (const task of this.cast.tasks()) {
      const groups = this.groupsOf(task.pid);
      yield { ...task, ...(groups && { groups }), ...(this.isUnplaced(task.pid) && { unplaced: true }) };
      this.onScan();
    }
  }

  get mirrors(): readonly number[] {
    return this.mirrored.map(({ hierarchy }) => hierarchy);
  }

  hierarchies(): readonly HierarchySeen[] {
    return this.mirrored;
  }

  look(pid: number): TaskSeen | undefined {
    return this.cast.tasks().find((task) => task.pid === pid);
  }

  wake(callback: () => void): void {
    this.#wake = callback;
  }

  close(): void {
    this.closed = true;
  }
}

/** A queue whose observations stay until they are freed. A cursor is `POSITION LOST`. */
export class FakeQueue implements KeptQueue {
  /** Everything that was ever queued. */
  readonly all: Observation[] = [];
  /** How many of them were handed over to the present reader, and how many are given back. */
  read = 0;
  freed = 0;
  isFilling = false;
  readonly #lost: () => number;

  constructor(lost: () => number) {
    this.#lost = lost;
  }

  drain(see: (observation: Observation) => void, limit = Number.POSITIVE_INFINITY): number {
    const { read } = this;
    this.read = Math.min(read + limit, this.all.length);
    const { read: end } = this;
    for (const observation of this.all.slice(read, end)) see(observation);
    return end - read;
  }

  resume(cursor: string): Found {
    if (cursor === '') return { state: 'new', lost: 0, why: '' };
    const [position = 0, lost = 0] = cursor.split(' ').map(Number);
    const found = { lost: this.#lost() - lost, why: '' };
    if (position < this.freed) return { ...found, state: 'torn' };
    this.read = position;
    return { ...found, state: 'whole' };
  }

  cursor(): string {
    return `${this.read} ${this.#lost()}`;
  }

  free(cursor: string): void {
    this.freed = Math.max(this.freed, Number(cursor.split(' ')[0]));
  }

  skip(): void {
    this.freed = this.read;
  }

  get isFree(): boolean {
    return this.freed === this.read;
  }

  get view(): QueueView {
    return { sizeBytes: 0, usedBytes: 0, writtenBytes: 0, isPinned: true, obstacle: '' };
  }

  letGo(): void {
    this.freed = this.all.length;
  }
}
