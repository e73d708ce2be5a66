/**
 * Placements: the different answers to the question where a task is, in all trees at once. Tasks that are in the same
 * containers share one, as the kernel's tasks share a css_set (kernel/cgroup/cgroup.c), so that a birth, an end and the
 * memory of a task cost the same with one tree as with a dozen.
 *
 * A *layer* is the number of a tree among those that stand; a *place* is the slot of a container. 0 is no place, and
 * placement 0 is nowhere.
 */
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { Tuples } from './tuples.ts';

/** Tuples of places, one in each layer. */
export class Placements extends Tuples {
  constructor() {
    super(0);
  }

  /** Adds a layer, in which nobody is. */
  addLayer(layer: number): void {
    while (this.width <= layer) this.widen();
  }

  /**
   * Writes the placements of `count` tasks, and which task has which. `places` gives a place the number that it will have
   * when all this is read again.
   */
  save(
    writer: SnapshotWriter,
    count: number,
    placementOf: (i: number) => number,
    places: readonly number[],
  ): void {
    const numbers = new Int32Array(this.end);
    const used: number[] = [0];
    for (let i = 0; i < count; i++) {
      const placement = placementOf(i);
      if (numbers[placement] !== 0) continue;
      numbers[placement] = used.length;
      used.push(placement);
    }
    writer.number(used.length);
    for (let layer = 0; layer < this.width; layer++)
      writer.numbers(used.length, (i) => places[this.get(used[i] ?? 0, layer)] ?? 0);
    writer.numbers(count, (i) => numbers[placementOf(i)] ?? 0);
  }

  /** Reads what was saved, with the layers that were; calls with the placement of each task, which has it then. */
  load(reader: SnapshotReader, count: number, take: (placement: number, i: number) => void): void {
    const saved = reader.number();
    const layers = Array.from({ length: this.width }, () => reader.numbers(saved));
    const placements = Array.from({ length: saved }, (_, i) => {
      for (const [layer, places] of layers.entries()) this.put(layer, places[i] ?? 0);
      return i === 0 ? 0 : this.make();
    });
    reader.each(count, (number, i) => take(placements[number] ?? 0, i));
  }
}
