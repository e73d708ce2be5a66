/**
 * Activity: how many tasks were born in, ended in and moved into each container, in all and in each of the
 * last seconds. Seconds are those of the events' own time, so a rebuild counts exactly as live did.
 */
import { assert } from '../events/assert.ts';
import type { Event } from '../events/event.ts';
import type { Hierarchy } from './hierarchy.ts';

export interface Counts {
  readonly forks: number;
  readonly exits: number;
  readonly attaches: number;
}

/** How many seconds of the past are kept apart. */
export const windowSeconds = 60;

interface Tally {
  forks: number;
  exits: number;
  attaches: number;
}

interface Account {
  readonly total: Tally;
  /** One tally for each second in which anything happened, oldest first. */
  readonly seconds: Map<number, Tally>;
}

export class Activity {
  readonly #hierarchy: Hierarchy;
  readonly #accounts = new Map<number, Account>();

  /** `hierarchy` must be applied *after* this projection: an exit is counted where its task still is. */
  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#count(this.#containerOf(event.parent), event.timeUs, 'forks');
        break;
      case 'exit':
        this.#count(this.#containerOf(event.task), event.timeUs, 'exits');
        break;
      case 'attach':
        this.#count(event.container, event.timeUs, 'attaches');
        break;
      case 'rmdir':
        this.#accounts.delete(event.container);
        break;
      default:
    }
  }

  /** All that happened in a container since recording began. */
  totalOf(container: number): Counts {
    return this.#accounts.get(container)?.total ?? nothing;
  }

  /**
   * What happened in a container a second, on average over the last `seconds` whole seconds before
   * `nowUs` (wall-clock microseconds); 1 to `windowSeconds` seconds.
   */
  rateOf(container: number, nowUs: number, seconds: number): Counts {
    const end = secondOf(nowUs);
    const sum: Tally = { forks: 0, exits: 0, attaches: 0 };
    for (const [second, tally] of this.#accounts.get(container)?.seconds ?? []) {
      if (second < end - seconds || second >= end) continue;
      sum.forks += tally.forks;
      sum.exits += tally.exits;
      sum.attaches += tally.attaches;
    }
    return {
      forks: sum.forks / seconds,
      exits: sum.exits / seconds,
      attaches: sum.attaches / seconds,
    };
  }

  /** Everything held, as plain data in a fixed order: equal activities give equal dumps. */
  dump(): unknown {
    return [...this.#accounts]
      .sort(([a], [b]) => a - b)
      .map(([container, { total, seconds }]) => ({ container, total, seconds: [...seconds] }));
  }

  #count(container: number, timeUs: number, what: keyof Tally): void {
    let account = this.#accounts.get(container);
    if (!account) {
      account = { total: { forks: 0, exits: 0, attaches: 0 }, seconds: new Map() };
      this.#accounts.set(container, account);
    }
    account.total[what] += 1;
    tallyOf(account, secondOf(timeUs))[what] += 1;
  }

  #containerOf(task: number): number {
    const live = this.#hierarchy.task(task);
    assert(live, `task ${task} lives`);
    return live.container.id;
  }
}

const nothing: Counts = { forks: 0, exits: 0, attaches: 0 };

/** The tally of a second; a new one makes room by forgetting what has left the window. */
function tallyOf(account: Account, second: number): Tally {
  const known = account.seconds.get(second);
  if (known) return known;
  for (const old of account.seconds.keys()) {
    if (old >= second - windowSeconds) break;
    account.seconds.delete(old);
  }
  const tally: Tally = { forks: 0, exits: 0, attaches: 0 };
  account.seconds.set(second, tally);
  return tally;
}

function secondOf(timeUs: number): number {
  return Math.floor(timeUs / 1_000_000);
}
