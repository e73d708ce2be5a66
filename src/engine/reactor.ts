/**
 * The reactor: consumes `release` events in log order and has the release agent run for each, at least
 * once. It is the only place with side effects on the machine; opening, replaying or simulating a log never
 * gets here.
 *
 * Before each start an `agent` event is synced, and an `outcome` is recorded after. So after a crash the
 * log says what may have run, and the attempt is repeated only where it still makes sense.
 */
import { assert } from '../../events/assert.ts';
import type { Bytes } from '../../events/bytes.ts';
import type { Event } from '../../events/event.ts';
import { attemptLimit, type Release } from '../../projections/releases.ts';
import { isReleasable } from '../kernel/release.ts';
import type { AgentRunner, Clock } from '../ports.ts';
import type { Recorder } from './recorder.ts';

export interface ReactorOptions {
  readonly recorder: Recorder;
  readonly runner: AgentRunner;
  readonly clock: Clock;
  /** The release agent's path. */
  readonly program: Bytes;
  /** How many agents run at once. */
  readonly concurrency: number;
}

/** The wait before the second attempt to start an agent that could not be started; it doubles each time. */
const retryDelayMs = 1000;
/** A look can conclude very many releases at once, after a reboot all of them: they start at this distance. */
const lookDelayMs = 20;

export class Reactor {
  readonly #options: ReactorOptions;
  readonly #waiting: number[] = [];
  readonly #timers = new Set<() => void>();
  #running = 0;
  #resting = false;
  #stopped = false;
  #unfollow = (): void => {};

  constructor(options: ReactorOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier life left open, then follows the log. */
  start(): void {
    const { recorder } = this.#options;
    for (const { seq, attempts } of [...recorder.world.releases.open()]) {
      if (attempts === 0) this.#waiting.push(seq);
      else this.#again(seq);
    }
    this.#unfollow = recorder.follow((events) => this.#take(events));
    this.#startWaiting();
  }

  /** No agent is started after this. Those that run go on, and their outcome stays unknown. */
  stop(): void {
    this.#stopped = true;
    this.#unfollow();
    for (const cancel of this.#timers) cancel();
  }

  #take(events: readonly Event[]): void {
    const released = events.filter(({ type }) => type === 'release');
    // Nothing else makes room: and our own events come by here too, while an earlier attempt is begun.
    if (released.length === 0) return;
    this.#waiting.push(...released.map(({ seq }) => seq));
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (!this.#stopped && !this.#resting && this.#running < this.#options.concurrency) {
      const seq = this.#waiting.shift();
      if (seq === undefined) return;
      const release = this.#options.recorder.world.releases.get(seq);
      assert(release, `release ${seq} waits and is not settled`);
      this.#running += 1;
      if (release.cause === 'look') this.#rest();
      void this.#attempt(release);
    }
  }

  #rest(): void {
    this.#resting = true;
    this.#after(lookDelayMs, () => {
      this.#resting = false;
      this.#startWaiting();
    });
  }

  async #attempt({ seq: release, path, attempts }: Release): Promise<void> {
    const { recorder, runner, program } = this.#options;
    const attempt = attempts + 1;
    recorder.record({ type: 'agent', release, attempt, program });
    try {
      await recorder.commit('synced');
    } catch {
      // The log has failed, and its owner knows: an attempt that is not on record is not made.
      return;
    }
    if (this.#stopped) return;
    const outcome = await runner.run(program, path);
    this.#running -= 1;
    if (this.#stopped) return;
    recorder.record({ type: 'outcome', release, attempt, ...outcome });
    if (outcome.error !== '' && attempt < attemptLimit) this.#retry(release, attempt);
    this.#startWaiting();
  }

  #retry(release: number, attempt: number): void {
    this.#after(retryDelayMs * 2 ** (attempt - 1), () => {
      this.#again(release);
      this.#startWaiting();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  /** Another attempt for a container that is still to be released; else the release is stale. */
  #again(release: number): void {
    const { recorder } = this.#options;
    const { hierarchy, releases } = recorder.world;
    const container = hierarchy.container(releases.get(release)?.container ?? 0);
    if (container && isReleasable(container, container.tasks.size, container.children.size)) {
      this.#waiting.push(release);
    } else {
      recorder.record({ type: 'stale', release });
    }
  }
}
