/**
 * Activity: how many tasks were born in, ended in and moved into each container, in all and in each of the
 * last seconds, and what those that have ended had used. A task counts in one container of every tree in
 * which it is known to be. Seconds are those of the events' own time, so a rebuild counts exactly as live did.
 */
import { assert } from '../events/assert.ts';
import type { AttachFact, Event, ExitFact, ForkFact } from '../events/event.ts';
import type { Hierarchy, Task } from './hierarchy.ts';

export interface Counts {
  readonly forks: number;
  readonly exits: number;
  readonly attaches: number;
}

/** What the tasks that ended in a container had used, as far as the kernel told. */
export interface Usage {
  /** User and system, microseconds. */
  readonly cpuUs: number;
  /** The most that one process had resident, bytes. */
  readonly peakBytes: number;
  /** Tasks that the kernel chose to be killed because memory ran out. */
  readonly ooms: number;
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
  usage: Usage;
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
        this.#fork(event, event.timeUs);
        break;
      case 'exit':
        this.#exit(event, event.timeUs);
        break;
      case 'attach':
        // Where it was nowhere in the tree, it has not moved: there is only now anything known of it.
        if (this.#isElsewhere(event)) this.#count(event.container, event.timeUs, 'attaches');
        break;
      case 'oom':
        for (const { id } of placesOf(this.#live(event.task))) {
          const account = this.#account(id);
          account.usage = { ...account.usage, ooms: account.usage.ooms + 1 };
        }
        break;
      case 'rmdir':
        this.#accounts.delete(event.container);
        break;
      case 'untree':
        for (const { id } of this.#hierarchy.tree(event.tree)?.groups.values() ?? [])
          this.#accounts.delete(id);
        break;
      default:
    }
  }

  /** All that happened in a container since recording began. */
  totalOf(container: number): Counts {
    return this.#accounts.get(container)?.total ?? nothing;
  }

  /** What the tasks that have ended in a container had used since recording began. */
  usageOf(container: number): Usage {
    return this.#accounts.get(container)?.usage ?? unused;
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
      .map(([container, { total, usage, seconds }]) => ({ container, total, usage, seconds: [...seconds] }));
  }

  #fork(event: ForkFact, timeUs: number): void {
    const trees = new Set(event.into.map((id) => this.#hierarchy.container(id)?.tree));
    const inherited = placesOf(this.#live(event.parent)).filter(({ tree }) => !trees.has(tree));
    for (const id of [...event.into, ...inherited.map((place) => place.id)]) {
      this.#count(id, timeUs, 'forks');
    }
  }

  #exit(event: ExitFact, timeUs: number): void {
    for (const { id } of placesOf(this.#live(event.task))) {
      this.#count(id, timeUs, 'exits');
      const account = this.#account(id);
      const { cpuUs, peakBytes, ooms } = account.usage;
      account.usage = {
        cpuUs: cpuUs + event.cpuUs,
        peakBytes: Math.max(peakBytes, event.peakBytes),
        ooms,
      };
    }
  }

  #isElsewhere({ task, container }: AttachFact): boolean {
    const tree = this.#hierarchy.container(container)?.tree;
    return placesOf(this.#live(task)).some((place) => place.tree === tree);
  }

  #count(container: number, timeUs: number, what: keyof Tally): void {
    const account = this.#account(container);
    account.total[what] += 1;
    tallyOf(account, secondOf(timeUs))[what] += 1;
  }

  #account(container: number): Account {
    const known = this.#accounts.get(container);
    if (known) return known;
    const account = { total: { forks: 0, exits: 0, attaches: 0 }, usage: unused, seconds: new Map() };
    this.#accounts.set(container, account);
    return account;
  }

  #live(id: number): Task {
    const task = this.#hierarchy.task(id);
    assert(task, `task ${id} lives`);
    return task;
  }
}

/** Where a task is in every tree. */
function placesOf(task: Task) {
  return [task.container, ...task.mirrored];
}

const nothing: Counts = { forks: 0, exits: 0, attaches: 0 };
const unused: Usage = { cpuUs: 0, peakBytes: 0, ooms: 0 };

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
