/**
 * Activity: how many tasks were born in, ended in and moved into each container, in all and in each of the
 * last seconds, and what those that have ended had used. A task counts in one container of every tree in
 * which it is known to be. Seconds are those of the events' own time, so a rebuild counts exactly as live did.
 */
import { assert } from '../events/assert.ts';
import type { AttachFact, Event, ExitFact, ForkFact } from '../events/event.ts';
import { type Hierarchy, placeIn, type Task } from './hierarchy.ts';
import { SnapshotError, SnapshotReader, SnapshotWriter } from './snapshot.ts';

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
const windowSeconds = 60;

const forks = 1;
const exits = 2;
const attaches = 3;
/** Where in a tally a count of each kind stands. */
type Kind = typeof forks | typeof exits | typeof attaches;

/** What happened in one container. */
class Account {
  forks = 0;
  exits = 0;
  attaches = 0;
  cpuUs = 0;
  peakBytes = 0;
  ooms = 0;
  /** A tally for each second in which anything happened, oldest first: the second, then its forks, exits and attaches. */
  readonly seconds: number[] = [];

  count(kind: Kind, second: number): void {
    if (kind === forks) this.forks += 1;
    else if (kind === exits) this.exits += 1;
    else this.attaches += 1;
    const { seconds } = this;
    if (seconds.length === 0 || seconds[seconds.length - tallySize] !== second) this.#begin(second);
    const at = seconds.length - tallySize + kind;
    seconds[at] = (seconds[at] ?? 0) + 1;
  }

  /** Each second in which anything happened, with what did. */
  tallies(): [second: number, counts: Counts][] {
    const tallies: [number, Counts][] = [];
    const { seconds } = this;
    this.#forgetBefore((seconds[seconds.length - tallySize] ?? 0) - windowSeconds);
    for (let at = 0; at < seconds.length; at += tallySize) {
      const [second = 0, forks = 0, exits = 0, attaches = 0] = seconds.slice(at, at + tallySize);
      tallies.push([second, { forks, exits, attaches }]);
    }
    return tallies;
  }

  /** A new second makes room, now and then, by forgetting what has left the window. */
  #begin(second: number): void {
    const { seconds } = this;
    if (seconds.length >= mostTallies * tallySize) this.#forgetBefore(second - windowSeconds);
    seconds.push(second, 0, 0, 0);
  }

  #forgetBefore(second: number): void {
    const { seconds } = this;
    let gone = 0;
    while (gone < seconds.length && (seconds[gone] ?? 0) < second) gone += tallySize;
    seconds.copyWithin(0, gone);
    seconds.length -= gone;
  }
}

/** Some more than the window has seconds, so that not each new one has to move the others. */
const mostTallies = windowSeconds + 20;
const tallySize = 4;
const countFields = ['forks', 'exits', 'attaches', 'cpuUs', 'peakBytes', 'ooms'] as const;

export class Activity {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  readonly #hierarchy: Hierarchy;
  /** By the place of the container in the hierarchy. */
  readonly #accounts: (Account | undefined)[] = [];

  /** `hierarchy` must be applied *after* this projection: an exit is counted where its task still is. */
  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#fork(event, secondOf(event.timeUs));
        break;
      case 'exit':
        this.#exit(event, secondOf(event.timeUs));
        break;
      case 'attach':
        // Where it was nowhere in the tree, it has not moved: there is only now anything known of it.
        if (this.#isElsewhere(event)) this.#count(event.container, attaches, secondOf(event.timeUs));
        break;
      case 'oom':
        for (let layer = 0; layer < this.#hierarchy.layers; layer++) {
          const account = this.#accountIn(layer, event.task);
          if (account) account.ooms += 1;
        }
        break;
      case 'rmdir':
        this.#forget(event.container);
        break;
      case 'untree':
        for (const { id } of this.#hierarchy.tree(event.tree)?.groups.values() ?? []) this.#forget(id);
        break;
      default:
    }
  }

  /** All that happened in a container since recording began. */
  totalOf(container: number): Counts {
    const account = this.#accountOf(container);
    return account ? { forks: account.forks, exits: account.exits, attaches: account.attaches } : nothing;
  }

  /** What the tasks that have ended in a container had used since recording began. */
  usageOf(container: number): Usage {
    const account = this.#accountOf(container);
    return account ? { cpuUs: account.cpuUs, peakBytes: account.peakBytes, ooms: account.ooms } : unused;
  }

  /**
   * What happened in a container a second, on average over the last `seconds` whole seconds before
   * `nowUs` (wall-clock microseconds); 1 to `windowSeconds` seconds.
   */
  rateOf(container: number, nowUs: number, seconds: number): Counts {
    const end = secondOf(nowUs);
    const sum = { forks: 0, exits: 0, attaches: 0 };
    for (const [second, tally] of this.#accountOf(container)?.tallies() ?? []) {
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

  save(): Uint8Array {
    const writer = new SnapshotWriter('activity', Activity.version);
    const ids: number[] = [];
    const accounts: Account[] = [];
    for (const { id } of this.#hierarchy.containers()) {
      const account = this.#accountOf(id);
      if (!account) continue;
      ids.push(id);
      accounts.push(account);
    }
    const tallies = accounts.map((account) => account.tallies());
    const all = tallies.flat();
    // Most seconds follow the one before; the first of each account is told apart.
    const steps = tallies.flatMap((each) =>
      each.map(([second], i) => second - (each[i - 1]?.[0] ?? second - 1)),
    );
    writer.number(ids.length);
    writer.number(all.length);
    writer.numbers(ids.length, (i) => ids[i] ?? 0);
    for (const field of countFields) writer.numbers(ids.length, (i) => accounts[i]?.[field] ?? 0);
    writer.numbers(ids.length, (i) => tallies[i]?.length ?? 0);
    writer.numbers(ids.length, (i) => tallies[i]?.[0]?.[0] ?? 0);
    writer.numbers(all.length, (i) => steps[i] ?? 0);
    for (const kind of ['forks', 'exits', 'attaches'] as const) {
      writer.numbers(all.length, (i) => all[i]?.[1][kind] ?? 0);
    }
    return writer.sealed();
  }

  /**
   * Takes in what was saved; nothing must have been applied yet, and the hierarchy must be of the same moment. Throws a
   * `SnapshotError`, and is not to be used then.
   */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'activity', Activity.version);
    const count = reader.number();
    const tallyCount = reader.number();
    const accounts = Array.from(reader.numbers(count), (id) => {
      const place = this.#hierarchy.placeOf(id);
      if (place === 0) throw new SnapshotError(`something happened in container ${id}, which does not stand`);
      return this.#account(place);
    });
    for (const field of countFields) {
      reader.each(count, (value, i) => {
        const account = accounts[i];
        if (account) account[field] = value;
      });
    }
    const lengths = reader.numbers(count);
    const firsts = reader.numbers(count);
    const steps = reader.numbers(tallyCount);
    const forkCounts = reader.numbers(tallyCount);
    const exitCounts = reader.numbers(tallyCount);
    const attachCounts = reader.numbers(tallyCount);
    reader.end();
    let at = 0;
    for (const [i, account] of accounts.entries()) {
      let second = (firsts[i] ?? 0) - 1;
      for (const end = at + (lengths[i] ?? 0); at < end; at++) {
        second += steps[at] ?? 0;
        account.seconds.push(second, forkCounts[at] ?? 0, exitCounts[at] ?? 0, attachCounts[at] ?? 0);
      }
    }
  }

  /** Everything held, as plain data in a fixed order: equal activities give equal dumps. */
  dump(): unknown {
    return [...this.#hierarchy.containers()]
      .sort((a, b) => a.id - b.id)
      .filter(({ id }) => this.#accountOf(id))
      .map(({ id }) => ({
        container: id,
        total: this.totalOf(id),
        usage: this.usageOf(id),
        seconds: this.#accountOf(id)?.tallies(),
      }));
  }

  #fork({ parent, into }: ForkFact, second: number): void {
    if (into.length === 0) {
      for (let layer = 0; layer < this.#hierarchy.layers; layer++) {
        this.#accountIn(layer, parent)?.count(forks, second);
      }
      return;
    }
    const trees = new Set(into.map((id) => this.#hierarchy.container(id)?.tree));
    const { container, mirrored } = this.#live(parent);
    const inherited = [container, ...mirrored].filter(({ tree }) => !trees.has(tree));
    for (const id of [...into, ...inherited.map((each) => each.id)]) this.#count(id, forks, second);
  }

  #exit({ task, cpuUs, peakBytes }: ExitFact, second: number): void {
    for (let layer = 0; layer < this.#hierarchy.layers; layer++) {
      const account = this.#accountIn(layer, task);
      if (!account) continue;
      account.count(exits, second);
      account.cpuUs += cpuUs;
      account.peakBytes = Math.max(account.peakBytes, peakBytes);
    }
  }

  #isElsewhere({ task, container }: AttachFact): boolean {
    const tree = this.#hierarchy.container(container)?.tree;
    return tree !== undefined && placeIn(this.#live(task), tree) !== undefined;
  }

  #count(container: number, kind: Kind, second: number): void {
    this.#account(this.#hierarchy.placeOf(container)).count(kind, second);
  }

  /** The account of the container that a task is in, in one layer. */
  #accountIn(layer: number, task: number): Account | undefined {
    const place = this.#hierarchy.placeOfTask(task, layer);
    return place === 0 ? undefined : this.#account(place);
  }

  #account(place: number): Account {
    const known = this.#accounts[place];
    if (known) return known;
    const account = new Account();
    // An array with gaps is slow to read.
    while (this.#accounts.length < place) this.#accounts.push(undefined);
    this.#accounts[place] = account;
    return account;
  }

  #accountOf(container: number): Account | undefined {
    return this.#accounts[this.#hierarchy.placeOf(container)];
  }

  #forget(container: number): void {
    this.#accounts[this.#hierarchy.placeOf(container)] = undefined;
  }

  #live(id: number): Task {
    const task = this.#hierarchy.task(id);
    assert(task, `task ${id} lives`);
    return task;
  }
}

const nothing: Counts = { forks: 0, exits: 0, attaches: 0 };
const unused: Usage = { cpuUs: 0, peakBytes: 0, ooms: 0 };

function secondOf(timeUs: number): number {
  return Math.floor(timeUs / 1_000_000);
}
