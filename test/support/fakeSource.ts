/**
 * A source whose machine is a cast: what happens is queued as the clock stands, and the test decides what the
 * source misses.
 */
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../src/ports.ts';
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
  /** Called before each drain: for what gets into the queue late. */
  beforeDrain = (): void => {};
  /** Called for each task that a scan reads. */
  onScan = (): void => {};
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
    this.#queue.push(...observations);
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

  drain(see: (observation: Observation) => void): number {
    this.drains += 1;
    this.beforeDrain();
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
      yield this.isUnplaced(task.pid) ? { ...task, unplaced: true } : task;
      this.onScan();
    }
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
