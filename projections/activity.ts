/**
 * Activity: how many tasks were born in, ended in and moved into each container, in all and in each of the
 * last seconds, and what those that have ended had used. A task counts in one container of every tree in
 * which it is known to be. Seconds are those of the events' own time, so a rebuild counts exactly as live did.
 */
import { assert } from '../events/assert.ts';
import type { AttachFact, Event, ExitFact, ForkFact } from '../events/event.ts';
import { type Hierarchy, placeIn, type Task } from './hierarchy.ts';
import { SnapshotError, SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { Table } from './table.ts';
import { attaches, exits, forks, type Kind, Tallies, type Tally, windowSeconds } from './tallies.ts';

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

/** The columns of the accounts; those of the kinds are first. Their order is that of snapshots. */
const cpuUs = 3;
const peakBytes = 4;
const ooms = 5;
const columns = 6;

export class Activity {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  readonly #hierarchy: Hierarchy;
  /** What happened in each container, by its place in the hierarchy; nothing did where all is 0. */
  readonly #accounts = new Table(columns);
  readonly #tallies = new Tallies();

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
        if (this.#isElsewhere(event)) {
          this.#count(this.#hierarchy.placeOf(event.container), attaches, secondOf(event.timeUs));
        }
        break;
      case 'oom':
        for (const place of this.#placesOf(event.task)) this.#add(place, ooms, 1);
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
    const place = this.#hierarchy.placeOf(container);
    return {
      forks: this.#get(place, forks),
      exits: this.#get(place, exits),
      attaches: this.#get(place, attaches),
    };
  }

  /** What the tasks that have ended in a container had used since recording began. */
  usageOf(container: number): Usage {
    const place = this.#hierarchy.placeOf(container);
    return {
      cpuUs: this.#get(place, cpuUs),
      peakBytes: this.#get(place, peakBytes),
      ooms: this.#get(place, ooms),
    };
  }

  /**
   * What happened in a container a second, on average over the last `seconds` whole seconds before
   * `nowUs` (wall-clock microseconds); 1 to `windowSeconds` seconds.
   */
  rateOf(container: number, nowUs: number, seconds: number): Counts {
    const end = secondOf(nowUs);
    const sum = { forks: 0, exits: 0, attaches: 0 };
    for (const [second, ...tally] of this.#tallies.of(this.#hierarchy.placeOf(container))) {
      if (second < end - seconds || second >= end) continue;
      sum.forks += tally[forks];
      sum.exits += tally[exits];
      sum.attaches += tally[attaches];
    }
    return {
      forks: sum.forks / seconds,
      exits: sum.exits / seconds,
      attaches: sum.attaches / seconds,
    };
  }

  save(): Uint8Array {
    const writer = new SnapshotWriter('activity', Activity.version);
    const ids = [...this.#hierarchy.containers()].map(({ id }) => id).filter((id) => this.#isKnown(id));
    const places = ids.map((id) => this.#hierarchy.placeOf(id));
    const tallies = places.map((place) => this.#tallies.of(place));
    const all = tallies.flat();
    // Most seconds follow the one before; the first of each account is told apart.
    const steps = tallies.flatMap((each) =>
      each.map(([second], i) => second - (each[i - 1]?.[0] ?? second - 1)),
    );
    writer.number(ids.length);
    writer.number(all.length);
    writer.numbers(ids.length, (i) => ids[i] ?? 0);
    for (let column = 0; column < columns; column++) {
      writer.numbers(ids.length, (i) => this.#get(places[i] ?? 0, column));
    }
    writer.numbers(ids.length, (i) => tallies[i]?.length ?? 0);
    writer.numbers(ids.length, (i) => tallies[i]?.[0]?.[0] ?? 0);
    writer.numbers(all.length, (i) => steps[i] ?? 0);
    for (const kind of kinds) writer.numbers(all.length, (i) => all[i]?.[1 + kind] ?? 0);
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
    const places = Array.from(reader.numbers(count), (id) => {
      const place = this.#hierarchy.placeOf(id);
      if (place === 0) throw new SnapshotError(`something happened in container ${id}, which does not stand`);
      return place;
    });
    for (let column = 0; column < columns; column++) {
      reader.each(count, (value, i) => this.#add(places[i] ?? 0, column, value));
    }
    const lengths = reader.numbers(count);
    const firsts = reader.numbers(count);
    const steps = reader.numbers(tallyCount);
    const counts = kinds.map(() => reader.numbers(tallyCount));
    reader.end();
    let next = 0;
    const saved = places.map((place, i) => {
      let second = (firsts[i] ?? 0) - 1;
      const tallies = Array.from({ length: lengths[i] ?? 0 }, (): Tally => {
        const at = next++;
        second += steps[at] ?? 0;
        return [second, counts[forks]?.[at] ?? 0, counts[exits]?.[at] ?? 0, counts[attaches]?.[at] ?? 0];
      });
      return { place, tallies, at: 0 };
    });
    this.#loadTallies(saved);
  }

  /** Everything held, as plain data in a fixed order: equal activities give equal dumps. */
  dump(): unknown {
    return [...this.#hierarchy.containers()]
      .sort((a, b) => a.id - b.id)
      .filter(({ id }) => this.#isKnown(id))
      .map(({ id }) => ({
        container: id,
        total: this.totalOf(id),
        usage: this.usageOf(id),
        seconds: this.#tallies.of(this.#hierarchy.placeOf(id)),
      }));
  }

  /** Tallies are taken in second by second. Those that were saved of idle containers may be old. */
  #loadTallies(saved: { readonly place: number; readonly tallies: readonly Tally[]; at: number }[]): void {
    const last = saved.reduce((latest, { tallies }) => Math.max(latest, tallies.at(-1)?.[0] ?? 0), 0);
    for (const each of saved) {
      while ((each.tallies[each.at]?.[0] ?? last) < last - windowSeconds) each.at += 1;
    }
    for (let second = last - windowSeconds; second <= last; second++) {
      for (const each of saved) {
        const tally = each.tallies[each.at];
        if (tally?.[0] !== second) continue;
        this.#tallies.add(each.place, tally);
        each.at += 1;
      }
    }
  }

  #fork({ parent, into }: ForkFact, second: number): void {
    if (into.length === 0) {
      const placement = this.#hierarchy.placementOf(parent);
      for (let layer = 0; layer < this.#hierarchy.layers; layer++) {
        const place = this.#hierarchy.placeIn(placement, layer);
        if (place !== 0) this.#count(place, forks, second);
      }
      return;
    }
    const trees = new Set(into.map((id) => this.#hierarchy.container(id)?.tree));
    const { container, mirrored } = this.#live(parent);
    const inherited = [container, ...mirrored].filter(({ tree }) => !trees.has(tree));
    for (const id of [...into, ...inherited.map((each) => each.id)]) {
      this.#count(this.#hierarchy.placeOf(id), forks, second);
    }
  }

  #exit(exit: ExitFact, second: number): void {
    const placement = this.#hierarchy.placementOf(exit.task);
    for (let layer = 0; layer < this.#hierarchy.layers; layer++) {
      const place = this.#hierarchy.placeIn(placement, layer);
      if (place === 0) continue;
      this.#count(place, exits, second);
      this.#add(place, cpuUs, exit.cpuUs);
      const peak = exit.peakBytes;
      if (peak > this.#get(place, peakBytes)) this.#accounts.set(place, peakBytes, peak);
    }
  }

  #isElsewhere({ task, container }: AttachFact): boolean {
    const tree = this.#hierarchy.container(container)?.tree;
    return tree !== undefined && placeIn(this.#live(task), tree) !== undefined;
  }

  #placesOf(task: number): number[] {
    const placement = this.#hierarchy.placementOf(task);
    const layers = Array.from({ length: this.#hierarchy.layers }, (_, layer) => layer);
    return layers.map((layer) => this.#hierarchy.placeIn(placement, layer)).filter((place) => place !== 0);
  }

  #count(place: number, kind: Kind, second: number): void {
    this.#add(place, kind, 1);
    this.#tallies.count(place, kind, second);
  }

  #get(place: number, column: number): number {
    return this.#accounts.get(place, column);
  }

  #add(place: number, column: number, value: number): void {
    this.#accounts.open(place);
    this.#accounts.set(place, column, this.#accounts.get(place, column) + value);
  }

  /** Whether anything has happened in a container. */
  #isKnown(container: number): boolean {
    const place = this.#hierarchy.placeOf(container);
    return [...kinds, ooms].some((column) => this.#get(place, column) > 0);
  }

  #forget(container: number): void {
    const place = this.#hierarchy.placeOf(container);
    this.#accounts.open(place);
    for (let column = 0; column < columns; column++) this.#accounts.set(place, column, 0);
    this.#tallies.forget(place);
  }

  #live(id: number): Task {
    const task = this.#hierarchy.task(id);
    assert(task, 'task % lives', id);
    return task;
  }
}

const kinds: readonly Kind[] = [forks, exits, attaches];

function secondOf(timeUs: number): number {
  return Math.floor(timeUs / 1_000_000);
}
