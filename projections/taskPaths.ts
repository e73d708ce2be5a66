/**
 * Task paths: where every live task is, by its pid, as the line that `/proc/PID/container` would show.
 *
 * It keeps its own account of places and names instead of asking the hierarchy. That is on purpose: the two
 * must always agree, and a mistake in one shows as a difference.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { AdoptFact, Event, ForkFact } from '../events/event.ts';
import { Placements } from './placements.ts';
import { SlotTable } from './slotTable.ts';
import { SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { Table } from './table.ts';

interface Place {
  readonly slot: number;
  name: Bytes;
  readonly tree: number;
  readonly layer: number;
  readonly parent: Place | undefined;
}

/** The columns. */
const idColumn = 0;
const pidColumn = 1;
const placementColumn = 2;

export class TaskPaths {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  readonly #places = new Map<number, Place>();
  /** The places that stand, by their slots, from 1; and the slots that are free. */
  readonly #placeAt: (Place | undefined)[] = [undefined];
  readonly #freePlaces: number[] = [];
  /** The number of each tree that stands, by its layer. */
  readonly #trees: (number | undefined)[] = [];
  readonly #placements = new Placements();
  readonly #table = new Table(3);
  readonly #byId = new SlotTable(this.#table, idColumn);
  readonly #byPid = new SlotTable(this.#table, pidColumn);
  /** One behind the last slot of a task that was ever in use, and the free ones below, each with the next as its pid. */
  #end = 1;
  #free = 0;

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#fork(event);
        break;
      case 'adopt':
        this.#adopt(event);
        break;
      case 'exit':
        this.#leave(this.#slotOf(event.task));
        break;
      case 'exec':
        this.#renumber(this.#slotOf(event.task), event.pid);
        break;
      case 'attach':
        this.#move(this.#slotOf(event.task), this.#place(event.container));
        break;
      case 'tree':
        this.#tree(event.tree, event.container);
        break;
      case 'mkdir':
        this.#mkdir(event.container, event.name, this.#place(event.parent));
        break;
      case 'untree':
        this.#untree(event.tree);
        break;
      case 'rename':
        this.#place(event.container).name = event.name;
        break;
      case 'rmdir':
        this.#rmdir(event.container, this.#place(event.container));
        break;
      default:
    }
  }

  /** The path of the live task with this pid in each tree, by the tree's number; undefined for no such task. */
  pathsOfPid(pid: number): ReadonlyMap<number, Bytes> | undefined {
    const slot = this.#byPid.find(pid);
    if (slot === 0) return undefined;
    return new Map(this.#placesOf(slot).map((place) => [place.tree, pathOf(place)]));
  }

  /** Everything held, as plain data in a fixed order: equal task paths give equal dumps. */
  dump(): unknown {
    return this.#slots().map((slot) => ({
      task: this.#table.get(slot, idColumn),
      pid: this.#table.get(slot, pidColumn),
      paths: this.#placesOf(slot).map(pathOf),
    }));
  }

  save(): Uint8Array {
    const writer = new SnapshotWriter('taskPaths', TaskPaths.version);
    writer.number(this.#trees.length);
    for (const tree of this.#trees) writer.number(tree ?? -1);
    const places = [...this.#places];
    const numbers: number[] = [];
    for (const [i, [, { slot }]] of places.entries()) numbers[slot] = i + 1;
    writer.number(places.length);
    writer.numbers(places.length, (i) => places[i]?.[0] ?? 0);
    const column = (numberOf: (place: Place) => number) => {
      writer.numbers(places.length, (i) => (places[i] ? numberOf(places[i][1]) : 0));
    };
    column(({ name }) => writer.string(name));
    column(({ layer }) => layer);
    column(({ parent }) => (parent ? (numbers[parent.slot] ?? 0) : 0));
    const slots = this.#slots();
    const slotAt = (i: number) => slots[i] ?? 0;
    writer.number(slots.length);
    writer.numbers(slots.length, (i) => this.#table.get(slotAt(i), idColumn));
    // Pids are given out one after another, as ids are.
    writer.numbers(
      slots.length,
      (i) => this.#table.get(slotAt(i), pidColumn) - this.#table.get(slotAt(i), idColumn),
    );
    writer.numbers(slots.length, (i) =>
      this.#byPid.find(this.#table.get(slotAt(i), pidColumn)) === slotAt(i) ? 1 : 0,
    );
    this.#placements.save(writer, slots.length, (i) => this.#table.get(slotAt(i), placementColumn), numbers);
    return writer.sealed();
  }

  /** Takes in what was saved; nothing must have been applied yet. Throws a `SnapshotError`, and is not to be used then. */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'taskPaths', TaskPaths.version);
    const layers = reader.number();
    for (let layer = 0; layer < layers; layer++) {
      const tree = reader.number();
      this.#trees.push(tree < 0 ? undefined : tree);
      this.#placements.addLayer(layer);
    }
    this.#loadPlaces(reader, reader.number());
    const count = reader.number();
    this.#end = count + 1;
    this.#table.reserve(count + 1);
    reader.each(count, (id, i) => this.#table.set(i + 1, idColumn, id));
    reader.each(count, (pid, i) => this.#table.set(i + 1, pidColumn, this.#table.get(i + 1, idColumn) + pid));
    this.#byId.reserve(count);
    this.#byPid.reserve(count);
    reader.each(count, (isFound, i) => {
      this.#byId.put(i + 1);
      if (isFound === 1) this.#byPid.put(i + 1);
    });
    this.#placements.load(reader, count, (placement, i) => {
      this.#table.set(i + 1, placementColumn, placement);
      this.#placements.use(placement);
    });
    reader.end();
  }

  #loadPlaces(reader: SnapshotReader, count: number): void {
    const containers = reader.numbers(count);
    const names = reader.numbers(count);
    const layers = reader.numbers(count);
    reader.each(count, (parent, i) => {
      const layer = layers[i] ?? 0;
      this.#stand(containers[i] ?? 0, {
        slot: i + 1,
        name: reader.string(names[i] ?? 0),
        tree: this.#trees[layer] ?? 0,
        layer,
        parent: this.#placeAt[parent],
      });
    });
  }

  #fork(event: ForkFact): void {
    const parent = this.#table.get(this.#slotOf(event.parent), placementColumn);
    if (event.into.length === 0) {
      this.#enter(event.task, event.pid, parent);
      return;
    }
    this.#placements.draft(parent);
    for (const into of event.into) this.#draft(this.#place(into));
    this.#enter(event.task, event.pid, this.#placements.drafted());
  }

  #adopt(event: AdoptFact): void {
    this.#placements.draft(0);
    this.#draft(this.#place(event.container));
    for (const container of event.mirrored) this.#draft(this.#place(container));
    this.#enter(event.task, event.pid, this.#placements.drafted());
  }

  #draft(place: Place): void {
    this.#placements.put(place.layer, place.slot);
  }

  #move(slot: number, to: Place): void {
    const before = this.#table.get(slot, placementColumn);
    this.#placements.draft(before);
    this.#draft(to);
    const placement = this.#placements.drafted();
    this.#placements.use(placement);
    this.#table.set(slot, placementColumn, placement);
    this.#disuse(before);
  }

  #tree(tree: number, container: number): void {
    const free = this.#trees.indexOf(undefined);
    const layer = free < 0 ? this.#trees.length : free;
    this.#trees[layer] = tree;
    this.#placements.addLayer(layer);
    this.#stand(container, { slot: this.#freePlace(), name: '', tree, layer, parent: undefined });
  }

  #mkdir(container: number, name: Bytes, parent: Place): void {
    const { tree, layer } = parent;
    this.#stand(container, { slot: this.#freePlace(), name, tree, layer, parent });
  }

  #stand(container: number, place: Place): void {
    this.#places.set(container, place);
    this.#placeAt[place.slot] = place;
  }

  #rmdir(container: number, { slot }: Place): void {
    this.#places.delete(container);
    this.#placeAt[slot] = undefined;
    this.#freePlaces.push(slot);
  }

  #untree(tree: number): void {
    for (const [container, place] of this.#places) if (place.tree === tree) this.#rmdir(container, place);
    const layer = this.#trees.indexOf(tree);
    this.#trees[layer] = undefined;
    this.#placements.clear(layer);
  }

  #enter(task: number, pid: number, placement: number): void {
    const slot = this.#takeSlot();
    this.#table.open(slot);
    this.#table.set(slot, idColumn, task);
    this.#table.set(slot, pidColumn, pid);
    this.#table.set(slot, placementColumn, placement);
    this.#placements.use(placement);
    this.#byId.put(slot);
    this.#byPid.put(slot);
  }

  #leave(slot: number): void {
    this.#byId.remove(slot);
    // Another task may have its pid by now, and is found by it.
    this.#byPid.remove(slot);
    this.#disuse(this.#table.get(slot, placementColumn));
    this.#table.set(slot, idColumn, 0);
    this.#table.set(slot, pidColumn, this.#free);
    this.#free = slot;
  }

  #renumber(slot: number, pid: number): void {
    if (this.#table.get(slot, pidColumn) === pid) return;
    this.#byPid.remove(slot);
    this.#table.set(slot, pidColumn, pid);
    this.#byPid.put(slot);
  }

  #disuse(placement: number): void {
    if (this.#placements.disuse(placement)) this.#placements.forget(placement);
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot === 0) {
      this.#end += 1;
      return this.#end - 1;
    }
    this.#free = this.#table.get(slot, pidColumn);
    return slot;
  }

  #freePlace(): number {
    return this.#freePlaces.pop() ?? this.#placeAt.length;
  }

  /** The slots of all live tasks, in the order of their ids. */
  #slots(): number[] {
    const slots: number[] = [];
    for (let slot = 1; slot < this.#end; slot++) if (this.#table.get(slot, idColumn) !== 0) slots.push(slot);
    return slots.sort((a, b) => this.#table.get(a, idColumn) - this.#table.get(b, idColumn));
  }

  /** Where a task is in each tree that it has been met in, our own first. */
  #placesOf(slot: number): Place[] {
    const placement = this.#table.get(slot, placementColumn);
    const places = this.#trees.map((_, layer) => this.#placeAt[this.#placements.get(placement, layer)]);
    return places.filter((place) => place !== undefined).sort((a, b) => a.tree - b.tree);
  }

  #slotOf(id: number): number {
    const slot = this.#byId.find(id);
    assert(slot !== 0, 'task % lives', id);
    return slot;
  }

  #place(id: number): Place {
    const place = this.#places.get(id);
    assert(place, 'container % stands', id);
    return place;
  }
}

function pathOf(place: Place): Bytes {
  let path = '';
  for (let at = place; at.parent; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}
