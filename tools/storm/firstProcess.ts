/**
 * A witness of what process 1 forks. There are machines on which no tracepoint tells of what its threads fork, nor of
 * their own end; /proc does. Process 1 is also given the orphans of everybody else, but those go to its leader
 * (kernel/exit.c: find_child_reaper): whoever is a child of another of its threads was forked by process 1 itself.
 *
 * The witness only looks now and then, so it does not see everything; what it has seen is proof.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { hasCode } from '../../src/system/errno.ts';

/** Whoever can say whether process 1 has forked a task. */
export interface Witness {
  /** Whether this pid was, at some time between the two, a task that process 1 had forked. Wall-clock microseconds. */
  sawForked(pid: number, fromUs: number, toUs: number): boolean;
}

const lookDelayMs = 5;
/** Who is seen again after longer than this may be another one with the same pid. */
const continuousUs = 1_000_000;
const tasksFolder = '/proc/1/task';

interface Sighting {
  readonly firstUs: number;
  lastUs: number;
}

export class FirstProcess implements Witness {
  readonly #sightings = new Map<number, Sighting[]>();
  readonly #timer: NodeJS.Timeout;

  /** Looks from now on, until it is told to stop or nothing else goes on in this process. */
  constructor() {
    this.#look();
    this.#timer = setInterval(() => this.#look(), lookDelayMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  sawForked(pid: number, fromUs: number, toUs: number): boolean {
    const sightings = this.#sightings.get(pid) ?? [];
    return sightings.some(({ firstUs, lastUs }) => firstUs <= toUs && lastUs >= fromUs);
  }

  #look(): void {
    const nowUs = Date.now() * 1000;
    for (const thread of unlessGone(() => readdirSync(tasksFolder)) ?? []) {
      if (thread === '1') continue;
      this.#see(Number(thread), nowUs);
      const children = unlessGone(() => readFileSync(`${tasksFolder}/${thread}/children`, 'latin1')) ?? '';
      for (const child of children.split(' ')) if (child !== '') this.#see(Number(child), nowUs);
    }
  }

  #see(pid: number, nowUs: number): void {
    const sightings = this.#sightings.get(pid) ?? [];
    const last = sightings.at(-1);
    if (last && nowUs - last.lastUs <= continuousUs) last.lastUs = nowUs;
    else this.#sightings.set(pid, [...sightings, { firstUs: nowUs, lastUs: nowUs }]);
  }
}

/** undefined where the thread is gone, or where this kernel does not list children (CONFIG_PROC_CHILDREN). */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
}
