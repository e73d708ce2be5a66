/**
 * The reactor: consumes `release` events in log order and has the release agent run for each, at least
 * once. It is the only place with side effects on the machine; opening, replaying or simulating a log never
 * gets here.
 *
 * Before each start an `agent` event is synced, and an `outcome` is recorded after. So after a crash the
 * log says what may have run, and the attempt is repeated only where it still makes sense.
 *
 * An agent may take its time and is never killed: what it does is its owner's, and half of it done may be worse
 * than all of it late. But one that takes long is *stuck*, and gives its place to the next.
 */
import { assert } from '../../events/assert.ts';
import type { Event } from '../../events/event.ts';
import { attemptLimit, type Release } from '../../projections/releases.ts';
import { isReleasable } from '../kernel/release.ts';
import type { AgentRun, AgentRunner, Clock } from '../ports.ts';
import type { Recorder } from './recorder.ts';

export interface ReactorOptions {
  readonly recorder: Recorder;
  readonly runner: AgentRunner;
  readonly clock: Clock;
  /** How many agents run at once that are not stuck. */
  readonly concurrency: number;
  /** How many run at once in all. */
  readonly limit: number;
  /** An agent that takes longer is stuck. */
  readonly stuckAfterMs: number;
}

/** An attempt that goes on, as far as more is known of it than the log says. */
export interface Running {
  /** The agent's process; 0 where there is none yet, or it is not known. */
  readonly pid: number;
  /** Whether its program has been executed, which takes for ever where that is on a mount that hangs. */
  readonly executed: boolean;
  readonly stuck: boolean;
}

interface Attempt {
  /** Undefined until it is on record. */
  run: AgentRun | undefined;
  stuck: boolean;
}

/** The wait before the second attempt to start an agent that could not be started; it doubles each time. */
const retryDelayMs = 1000;
/** A look can conclude very many releases at once, after a reboot all of them: they start at this distance. */
const lookDelayMs = 20;

export class Reactor {
  readonly #options: ReactorOptions;
  #waiting: number[] = [];
  readonly #timers = new Set<() => void>();
  /** The attempts that go on, by the seq of their release. */
  readonly #attempts = new Map<number, Attempt>();
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

  /**
   * Gives up the open releases up to this seq, which the log cannot keep any longer. An agent that runs for one of them
   * goes on, and its outcome is of no release any more.
   */
  giveUp(seq: number): void {
    const { recorder } = this.#options;
    if (this.#stopped) return;
    this.#waiting = this.#waiting.filter((release) => release > seq);
    for (const release of [...recorder.world.releases.open()]) {
      if (release.seq <= seq) recorder.record({ type: 'stale', release: release.seq });
    }
  }

  /** The attempts that go on, by the seq of their release. */
  running(): ReadonlyMap<number, Running> {
    return new Map(
      [...this.#attempts].map(([release, { run, stuck }]) => {
        const executed = run !== undefined && run.pid !== 0;
        const pid = executed ? run.pid : this.#childOf(run?.starter ?? 0);
        return [release, { pid, executed, stuck }];
      }),
    );
  }

  /** The process that a thread of ours is starting: its child that is not known to run. */
  #childOf(thread: number): number {
    const { hierarchy } = this.#options.recorder.world;
    const parent = hierarchy.taskByPid(thread);
    if (!parent) return 0;
    const executed = new Set([...this.#attempts.values()].map(({ run }) => run?.pid));
    for (const task of hierarchy.tasks()) {
      if (task.parent === parent.id && task.pid === task.tgid && !executed.has(task.pid)) return task.pid;
    }
    return 0;
  }

  #take(events: readonly Event[]): void {
    const released = events.filter(({ type }) => type === 'release');
    // Nothing else makes room: and our own events come by here too, while an earlier attempt is begun.
    if (released.length === 0) return;
    for (const { seq } of released) this.#waiting.push(seq);
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (!this.#stopped && !this.#resting && this.#hasPlace()) {
      const seq = this.#waiting.shift();
      if (seq === undefined) return;
      const release = this.#options.recorder.world.releases.get(seq);
      assert(release, `release ${seq} waits and is not settled`);
      if (release.cause === 'look') this.#rest();
      void this.#attempt(release);
    }
  }

  #hasPlace(): boolean {
    const { concurrency, limit } = this.#options;
    const taken = [...this.#attempts.values()].filter(takesPlace).length;
    return taken < concurrency && this.#attempts.size < limit;
  }

  #rest(): void {
    this.#resting = true;
    this.#after(lookDelayMs, () => {
      this.#resting = false;
      this.#startWaiting();
    });
  }

  async #attempt({ seq: release, path, attempts }: Release): Promise<void> {
    const { recorder, runner } = this.#options;
    const program = recorder.world.hierarchy.releaseAgent;
    const attempt = attempts + 1;
    const state: Attempt = { run: undefined, stuck: false };
    this.#attempts.set(release, state);
    recorder.record({ type: 'agent', release, attempt, program });
    try {
      await recorder.commit('synced');
    } catch {
      // The log has failed, and its owner knows: an attempt that is not on record is not made.
      return;
    }
    if (this.#stopped) return;
    if (!recorder.world.releases.get(release)) {
      this.#attempts.delete(release);
      return;
    }
    state.run = runner.run(program, path);
    const cancelWatch = this.#watch(state);
    const outcome = await state.run.outcome;
    cancelWatch();
    this.#attempts.delete(release);
    if (this.#stopped) return;
    if (recorder.world.releases.get(release)) {
      recorder.record({ type: 'outcome', release, attempt, ...outcome });
      if (outcome.error !== '' && attempt < attemptLimit) this.#retry(release, attempt);
    }
    this.#startWaiting();
  }

  /** Looks after a while whether an attempt still goes on. One that has not executed its program keeps its place. */
  #watch(attempt: Attempt): () => void {
    let cancel = (): void => {};
    const look = (): void => {
      attempt.stuck = true;
      if (takesPlace(attempt)) cancel = this.#after(this.#options.stuckAfterMs, look);
      else this.#startWaiting();
    };
    cancel = this.#after(this.#options.stuckAfterMs, look);
    return () => cancel();
  }

  #retry(release: number, attempt: number): void {
    this.#after(retryDelayMs * 2 ** (attempt - 1), () => {
      this.#again(release);
      this.#startWaiting();
    });
  }

  /** Returns what cancels it. */
  #after(delayMs: number, callback: () => void): () => void {
    const cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancelTimer);
      callback();
    });
    this.#timers.add(cancelTimer);
    return () => {
      this.#timers.delete(cancelTimer);
      cancelTimer();
    };
  }

  /** Another attempt for a container that is still to be released; else the release is stale. */
  #again(release: number): void {
    const { recorder } = this.#options;
    const { hierarchy, releases } = recorder.world;
    const open = releases.get(release);
    if (!open) return;
    const container = hierarchy.container(open.container);
    if (container && isReleasable(container, container.tasks.size, container.children.size)) {
      this.#waiting.push(release);
    } else {
      recorder.record({ type: 'stale', release });
    }
  }
}

/**
 * The next agent is the same program: where this one cannot even be executed, the next one could not either, and would
 * be on record as attempted for nothing.
 */
function takesPlace({ run, stuck }: Attempt): boolean {
  return !stuck || !run || run.pid === 0;
}
