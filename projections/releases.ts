/**
 * Releases: which zero-count events are not settled yet, and how far each has got. It is the reactor's
 * durable cursor: an attempt is an event, so what was attempted can never be out of step with the log.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event, ReleaseCause } from '../events/event.ts';

export interface Release {
  /** The seq of the `release` event. */
  readonly seq: number;
  readonly container: number;
  readonly path: Bytes;
  readonly cause: ReleaseCause;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** When the latest attempt began, wall-clock microseconds; 0 before the first. */
  readonly startedUs: number;
  /** The latest attempt has begun and has no outcome yet. */
  readonly running: boolean;
}

export interface ReleaseCounts {
  readonly releases: number;
  readonly attempts: number;
  /** Attempts that ended with code 0. */
  readonly succeeded: number;
  /** Attempts that ended otherwise, or could not start. */
  readonly failed: number;
  readonly stale: number;
}

/** How often a release is attempted whose agent cannot be started. */
export const attemptLimit = 5;

export class Releases {
  readonly #open = new Map<number, Release>();
  #counts: ReleaseCounts = { releases: 0, attempts: 0, succeeded: 0, failed: 0, stale: 0 };

  apply(event: Event): void {
    switch (event.type) {
      case 'release':
        this.#add('releases');
        this.#open.set(event.seq, {
          seq: event.seq,
          container: event.container,
          path: event.path,
          cause: event.cause,
          attempts: 0,
          startedUs: 0,
          running: false,
        });
        break;
      case 'agent':
        this.#add('attempts');
        this.#change(event.release, {
          attempts: event.attempt,
          startedUs: event.timeUs,
          running: true,
        });
        break;
      case 'outcome':
        this.#add(event.error === '' && event.code === 0 && event.signal === 0 ? 'succeeded' : 'failed');
        if (event.error === '' || event.attempt >= attemptLimit) this.#open.delete(event.release);
        else this.#change(event.release, { running: false });
        break;
      case 'stale':
        this.#add('stale');
        this.#open.delete(event.release);
        break;
      default:
    }
  }

  /** The releases that are not settled, in log order. */
  open(): Iterable<Release> {
    return this.#open.values();
  }

  /** One release that is not settled. */
  get(seq: number): Release | undefined {
    return this.#open.get(seq);
  }

  get counts(): ReleaseCounts {
    return this.#counts;
  }

  dump(): unknown {
    return { counts: this.#counts, open: [...this.#open.values()] };
  }

  #add(what: keyof ReleaseCounts): void {
    this.#counts = { ...this.#counts, [what]: this.#counts[what] + 1 };
  }

  #change(seq: number, change: Partial<Release>): void {
    const release = this.#open.get(seq);
    assert(release, `release ${seq} is open`);
    this.#open.set(seq, { ...release, ...change });
  }
}
