/**
 * The watchdog: a clock that notices when what it was to call back has to wait. It stands between the real clock and
 * everybody who sets timers, and sets none of its own: an idle recorder is not woken to see that it is idle. So it
 * sees a delay of whatever was due, which is once a second at least, and every few milliseconds while anything
 * happens; a pause in which nobody had to wait is none.
 */
import type { Clock } from '../ports.ts';

/** A recorder that is later than this has stalled. */
const stallLimitUs = 100_000;

/** Told after what was late has been done, with how long it had to wait, microseconds. */
export type StallListener = (lengthUs: number) => void;

export class Watchdog implements Clock {
  readonly #clock: Clock;
  #listener: StallListener | undefined;
  /** Up to here all delays have been told. */
  #toldUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  bootUs(): number {
    return this.#clock.bootUs();
  }

  wallUs(): number {
    return this.#clock.wallUs();
  }

  after(delayMs: number, callback: () => void): () => void {
    const dueUs = this.#clock.bootUs() + delayMs * 1000;
    return this.#clock.after(delayMs, () => {
      const nowUs = this.#clock.bootUs();
      callback();
      this.#check(dueUs, nowUs);
    });
  }

  /** Tells of every stall from now on; of what has been due before, nothing. */
  watch(listener: StallListener): void {
    this.#listener = listener;
    this.#toldUs = this.#clock.bootUs();
  }

  /** One pause makes several things late: what has been told of it once is not told again. */
  #check(dueUs: number, nowUs: number): void {
    const sinceUs = Math.max(dueUs, this.#toldUs);
    if (!this.#listener || nowUs - sinceUs <= stallLimitUs) return;
    this.#toldUs = nowUs;
    this.#listener(Math.round(nowUs - sinceUs));
  }
}
