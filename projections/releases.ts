/**
 * Releases: which zero-count events are not settled yet, and how far each has got. It is the reactor's
 * durable cursor: an attempt is an event, so what was attempted can never be out of step with the log.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event, ReleaseCause } from '../events/event.ts';
import { SnapshotReader, SnapshotWriter } from './snapshot.ts';

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

const causes: readonly ReleaseCause[] = ['exit', 'attach', 'rmdir', 'look'];

export class Releases {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
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

  save(): Uint8Array {
    const writer = new SnapshotWriter('releases', Releases.version);
    const { releases, attempts, succeeded, failed, stale } = this.#counts;
    const open = [...this.#open.values()];
    for (const number of [releases, attempts, succeeded, failed, stale, open.length]) writer.number(number);
    const column = (numberOf: (release: Release) => number) => {
      writer.numbers(open.length, (i) => (open[i] ? numberOf(open[i]) : 0));
    };
    column(({ seq }) => seq);
    column(({ container }) => container);
    column(({ path }) => writer.string(path));
    column(({ cause }) => causes.indexOf(cause));
    column((release) => release.attempts);
    column(({ startedUs }) => startedUs);
    column(({ running }) => (running ? 1 : 0));
    return writer.sealed();
  }

  /** Takes in what was saved; nothing must have been applied yet. Throws a `SnapshotError`, and is not to be used then. */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'releases', Releases.version);
    this.#counts = {
      releases: reader.number(),
      attempts: reader.number(),
      succeeded: reader.number(),
      failed: reader.number(),
      stale: reader.number(),
    };
    this.#loadOpen(reader, reader.number());
    reader.end();
  }

  #loadOpen(reader: SnapshotReader, count: number): void {
    const seqs = reader.numbers(count);
    const containers = reader.numbers(count);
    const paths = reader.numbers(count);
    const releaseCauses = reader.numbers(count);
    const attempts = reader.numbers(count);
    const starts = reader.numbers(count);
    reader.each(count, (running, i) => {
      const seq = seqs[i] ?? 0;
      const cause = causes[releaseCauses[i] ?? 0];
      assert(cause, 'release % has a cause', seq);
      this.#open.set(seq, {
        seq,
        container: containers[i] ?? 0,
        path: reader.string(paths[i] ?? 0),
        cause,
        attempts: attempts[i] ?? 0,
        startedUs: starts[i] ?? 0,
        running: running === 1,
      });
    });
  }

  dump(): unknown {
    return { counts: this.#counts, open: [...this.#open.values()] };
  }

  #add(what: keyof ReleaseCounts): void {
    this.#counts = { ...this.#counts, [what]: this.#counts[what] + 1 };
  }

  #change(seq: number, change: Partial<Release>): void {
    const release = this.#open.get(seq);
    assert(release, 'release % is open', seq);
    this.#open.set(seq, { ...release, ...change });
  }
}
