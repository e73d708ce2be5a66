/**
 * A clock that stands still until it is told to go. Each reading may take time (`readingUs`), for code that
 * waits by looking at the clock.
 */
import type { Clock } from '../../src/ports.ts';

interface Alarm {
  readonly dueUs: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  /** BOOTTIME, microseconds. */
  nowUs = 1_000_000_000;
  /** Wall-clock minus BOOTTIME; change it for a step of the wall-clock. */
  offsetUs = 1_700_000_000_000_000;
  /** What each reading of BOOTTIME takes. */
  readingUs = 0;
  readonly #alarms = new Set<Alarm>();

  bootUs(): number {
    this.nowUs += this.readingUs;
    return this.nowUs;
  }

  wallUs(): number {
    return this.nowUs + this.offsetUs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const alarm = { dueUs: this.nowUs + delayMs * 1000, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** How many callbacks are still to come. */
  get waiting(): number {
    return this.#alarms.size;
  }

  /** Lets time pass, and calls back what falls due, each at its own time. */
  pass(durationMs: number): void {
    const endUs = this.nowUs + durationMs * 1000;
    for (let next = this.#next(endUs); next; next = this.#next(endUs)) {
      this.#alarms.delete(next);
      this.nowUs = Math.max(this.nowUs, next.dueUs);
      next.callback();
    }
    this.nowUs = Math.max(this.nowUs, endUs);
  }

  /** The earliest alarm that is due by then; of several, the one that was set first. */
  #next(endUs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.dueUs <= endUs && (!first || alarm.dueUs < first.dueUs)) first = alarm;
    }
    return first;
  }
}
