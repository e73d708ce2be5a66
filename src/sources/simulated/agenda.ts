/**
 * The agenda of a made-up machine: scripts that are played in the order of their times. A script is a
 * generator: what it does between two yields happens in one instant, and what it yields is what it waits
 * for: a time in microseconds, or another task's end.
 */
import { strict as assert } from 'node:assert';
import type { SimulatedMachine, Thread } from './machine.ts';

export type Script = Generator<number | Thread, void, void>;

interface Item {
  readonly dueUs: number;
  readonly thread: Thread;
  readonly script: Script;
}

export class Agenda {
  readonly #machine: SimulatedMachine;
  /** By time; of one time, the first that was entered comes first. */
  readonly #items: Item[] = [];
  /** Scripts that wait for the end of a task. */
  readonly #waiting: { readonly end: Thread; readonly thread: Thread; readonly script: Script }[] = [];

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
  }

  /** The time of the next item, BOOTTIME microseconds. */
  get nextUs(): number {
    const next = this.#items[0];
    assert(next, 'there is always something to come on a machine');
    return next.dueUs;
  }

  /** Plays a script from now on, for as long as the thread lives that it is the life of. */
  play(thread: Thread, script: Script): void {
    this.#enter({ dueUs: this.#machine.nowUs, thread, script });
  }

  /** Plays everything that is due by then. */
  advance(toUs: number): void {
    for (let next = this.#items[0]; next && next.dueUs <= toUs; next = this.#items[0]) {
      this.#items.shift();
      this.#machine.nowUs = next.dueUs;
      this.#resume(next.thread, next.script);
      this.#wakeWaiting();
    }
    this.#machine.nowUs = Math.max(this.#machine.nowUs, toUs);
  }

  #resume(thread: Thread, script: Script): void {
    if (!thread.alive) return;
    const { done, value } = script.next();
    if (done) return;
    if (typeof value === 'number') this.#enter({ dueUs: this.#machine.nowUs + value, thread, script });
    else this.#waiting.push({ end: value, thread, script });
  }

  /** Ends wake in the order in which they were waited for. */
  #wakeWaiting(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const wait = this.#waiting[i];
      if (!wait || wait.end.alive) {
        i += 1;
        continue;
      }
      this.#waiting.splice(i, 1);
      this.#enter({ dueUs: this.#machine.nowUs, thread: wait.thread, script: wait.script });
    }
  }

  #enter(item: Item): void {
    const at = this.#items.findLastIndex((other) => other.dueUs <= item.dueUs);
    this.#items.splice(at + 1, 0, item);
  }
}
