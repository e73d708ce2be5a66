/**
 * The gauge of a source's queue: how full it is, and how fast it fills. The rate is that of the last seconds, so the
 * queue is read at intervals, and once more when it is taken down: after that the gauge stays where it was.
 */
import type { QueueGauge } from './engine/reader.ts';
import type { Clock, KeptQueue } from './ports.ts';

const sampleDelayMs = 2000;

export class Gauge {
  readonly #queue: KeptQueue;
  readonly #clock: Clock;
  #cancel = (): void => {};
  #last: QueueGauge;
  #sampledUs: number;

  constructor(queue: KeptQueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
    this.#last = { ...queue.view, bytesPerSecond: 0 };
    this.#sampledUs = clock.bootUs();
    this.#arm();
  }

  get view(): QueueGauge {
    return this.#last;
  }

  /** Reads it for the last time. */
  close(): void {
    this.#cancel();
    this.#last = { ...this.#queue.view, bytesPerSecond: this.#last.bytesPerSecond };
  }

  #arm(): void {
    this.#cancel = this.#clock.after(sampleDelayMs, () => {
      this.#sample();
      this.#arm();
    });
  }

  #sample(): void {
    const { view } = this.#queue;
    const nowUs = this.#clock.bootUs();
    const passedSeconds = Math.max(nowUs - this.#sampledUs, 1) / 1_000_000;
    const bytesPerSecond = Math.round((view.writtenBytes - this.#last.writtenBytes) / passedSeconds);
    this.#last = { ...view, bytesPerSecond };
    this.#sampledUs = nowUs;
  }
}
