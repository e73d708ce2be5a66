/**
 * Membership: which task is in which containers, both ways, and how many are in each. A task has a placement; the tasks of
 * one placement are linked, and so are the placements that have a container in common.
 */
import { Links } from './links.ts';
import { Placements } from './placements.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { Table } from './table.ts';

/** Told when a container has its first task, or none any more. `by` is 1 or -1. */
export type OnPopulated = (place: number, by: number) => void;

/** The columns of tasks, and those of places. */
const placementColumn = 0;
const linksColumn = 1;
const countColumn = 0;
const firstColumn = 1;

export class Membership {
  readonly #onPopulated: OnPopulated;
  readonly #placements = new Placements();
  /** By task, its placement, and its links to the others of that. */
  readonly #table = new Table(3);
  readonly #tasks = new Links(this.#table, linksColumn);
  /** By placement, the first of its tasks. */
  readonly #firstTasks = new Table(1);
  /** By container, how many tasks it has, and the first of its placements. */
  readonly #places = new Table(2);
  /** By layer, the placements of each container, linked. */
  readonly #linked: Links[] = [];

  constructor(onPopulated: OnPopulated) {
    this.#onPopulated = onPopulated;
  }

  /** How many layers there are; in some of them no tree may stand. */
  get layers(): number {
    return this.#linked.length;
  }

  /** A tree stands in this layer from now on, and nobody is in it. */
  addLayer(layer: number): void {
    this.#linked[layer] = new Links();
    this.#placements.addLayer(layer);
  }

  /** A tree has gone, and nobody is in it any more. */
  clearLayer(layer: number): void {
    this.#linked[layer] = new Links();
    this.#placements.clear(layer);
  }

  /** A container stands from now on, or does no longer: nobody is in it. */
  clearPlace(place: number): void {
    this.#places.open(place);
    this.#places.set(place, countColumn, 0);
    this.#places.set(place, firstColumn, 0);
  }

  /** How many tasks are in a container. */
  countIn(place: number): number {
    return this.#places.get(place, countColumn);
  }

  /** Where a task is in one tree, or 0. */
  placeOf(task: number, layer: number): number {
    return this.#placements.get(this.placementOf(task), layer);
  }

  /** The placement of a task, and the place that is in one layer, or 0. */
  placementOf(task: number): number {
    return this.#table.get(task, placementColumn);
  }

  placeIn(placement: number, layer: number): number {
    return this.#placements.get(placement, layer);
  }

  /** The tasks in a container of this layer. */
  *tasksIn(place: number, layer: number): Generator<number> {
    const linked = this.#linked[layer];
    let placement = this.#places.get(place, firstColumn);
    for (; placement !== 0; placement = linked?.after(placement) ?? 0) {
      for (let task = this.#firstTasks.get(placement, 0); task !== 0; task = this.#tasks.after(task))
        yield task;
    }
  }

  /** A task is where another one is. */
  join(task: number, other: number): void {
    this.#enter(task, this.placementOf(other));
  }

  /** Begins to say where a task is: where another one is (0: nowhere), but for what is `put` before it is `settle`d. */
  draft(other: number): void {
    this.#placements.draft(other === 0 ? 0 : this.placementOf(other));
  }

  put(layer: number, place: number): void {
    this.#placements.put(layer, place);
  }

  settle(task: number): void {
    this.#enter(task, this.#placements.drafted());
  }

  /** A task is in another container of one tree, or in one after it was in none. */
  move(task: number, layer: number, place: number): void {
    const from = this.placeOf(task, layer);
    this.#placements.draft(this.placementOf(task));
    this.#placements.put(layer, place);
    const placement = this.#placements.drafted();
    if (placement === this.placementOf(task)) return;
    this.#unlist(task);
    this.#list(task, placement);
    if (from !== 0) this.#count(from, -1);
    this.#count(place, 1);
  }

  leave(task: number): void {
    const placement = this.placementOf(task);
    for (let layer = 0; layer < this.#linked.length; layer++) {
      const place = this.#placements.get(placement, layer);
      if (place !== 0) this.#count(place, -1);
    }
    this.#unlist(task);
  }

  /** Writes where these tasks are; `places` gives a place the number that it will have when all this is read again. */
  save(writer: SnapshotWriter, tasks: readonly number[], places: readonly number[]): void {
    const placementOf = (i: number) => this.placementOf(tasks[i] ?? 0);
    this.#placements.save(writer, tasks.length, placementOf, places);
  }

  /** Reads where the tasks from 1 to `count` are. The layers and places of that time must stand. */
  load(reader: SnapshotReader, count: number): void {
    this.#placements.load(reader, count, (placement, i) => this.#enter(i + 1, placement));
  }

  #enter(task: number, placement: number): void {
    this.#list(task, placement);
    for (let layer = 0; layer < this.#linked.length; layer++) {
      const place = this.#placements.get(placement, layer);
      if (place !== 0) this.#count(place, 1);
    }
  }

  #list(task: number, placement: number): void {
    this.#table.open(task);
    this.#table.set(task, placementColumn, placement);
    if (this.#placements.use(placement)) this.#link(placement);
    this.#firstTasks.set(placement, 0, this.#tasks.add(this.#firstTasks.get(placement, 0), task));
  }

  #unlist(task: number): void {
    const placement = this.placementOf(task);
    this.#firstTasks.set(placement, 0, this.#tasks.remove(this.#firstTasks.get(placement, 0), task));
    if (!this.#placements.disuse(placement)) return;
    this.#unlink(placement);
    this.#placements.forget(placement);
  }

  /** A placement that is in use from now on is one of each of its containers. */
  #link(placement: number): void {
    this.#firstTasks.open(placement);
    for (const [layer, linked] of this.#linked.entries()) {
      const place = this.#placements.get(placement, layer);
      if (place === 0) continue;
      this.#places.set(place, firstColumn, linked.add(this.#places.get(place, firstColumn), placement));
    }
  }

  #unlink(placement: number): void {
    for (const [layer, linked] of this.#linked.entries()) {
      const place = this.#placements.get(placement, layer);
      if (place === 0) continue;
      this.#places.set(place, firstColumn, linked.remove(this.#places.get(place, firstColumn), placement));
    }
  }

  #count(place: number, by: number): void {
    const before = this.countIn(place);
    this.#places.set(place, countColumn, before + by);
    if (before === 0 || before + by === 0) this.#onPopulated(place, by);
  }
}
