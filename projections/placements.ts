/**
 * Placements: the different answers to the question where a task is, in all trees at once. Tasks that are in the same
 * containers share one, as the kernel's tasks share a css_set (kernel/cgroup/cgroup.c), so that a birth, an end and the
 * memory of a task cost the same with one tree as with a dozen.
 *
 * A *layer* is the number of a tree among those that stand; a *place* is the slot of a container. 0 is no place, and
 * placement 0 is nowhere.
 */
import { grown } from './links.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';

export class Placements {
  /** By layer and placement, the place there. */
  readonly #layers: Int32Array[] = [];
  /** By placement, how many tasks have it; -1 for those that are free. */
  #uses = new Int32Array(16);
  /** Placements by the hash of their places: the first of each bucket, and by placement the next one in its bucket. */
  #buckets = new Int32Array(16);
  #chain = new Int32Array(16);
  /** One behind the last placement that was ever in use, and the free ones below. */
  #end = 1;
  readonly #free: number[] = [];
  /** What is being looked for. */
  readonly #draft: number[] = [];

  /** Where it is in a layer, or 0. */
  placeIn(layer: number, placement: number): number {
    return this.#layers[layer]?.[placement] ?? 0;
  }

  /** Adds a layer, in which nobody is. */
  addLayer(layer: number): void {
    this.#layers[layer] ??= new Int32Array(this.#uses.length);
    this.#draft[layer] = 0;
    this.#rehash(this.#buckets.length);
  }

  /** Empties a layer. Placements that differed there alone are equal then, and stay apart for as long as they are in use. */
  clearLayer(layer: number): void {
    this.#layers[layer]?.fill(0);
    this.#rehash(this.#buckets.length);
  }

  /** Begins a draft with the places of this placement. */
  draft(placement: number): void {
    for (let layer = 0; layer < this.#layers.length; layer++) {
      this.#draft[layer] = this.#layers[layer]?.[placement] ?? 0;
    }
  }

  /** Puts another place into the draft. */
  put(layer: number, place: number): void {
    this.#draft[layer] = place;
  }

  /** The placement that has the places of the draft. Where there was none it has no use yet, and has to be used at once. */
  drafted(): number {
    const bucket = this.#hashOfDraft() & (this.#buckets.length - 1);
    for (let at = this.#buckets[bucket] ?? 0; at !== 0; at = this.#chain[at] ?? 0) {
      if (this.#isDraft(at)) return at;
    }
    return this.#make();
  }

  /** One task more has it. True for the first. */
  use(placement: number): boolean {
    const uses = (this.#uses[placement] ?? 0) + 1;
    this.#uses[placement] = uses;
    return uses === 1;
  }

  /** One task less has it. True for the last: it has to be forgotten then. */
  disuse(placement: number): boolean {
    const uses = (this.#uses[placement] ?? 0) - 1;
    this.#uses[placement] = uses;
    return uses === 0;
  }

  forget(placement: number): void {
    this.#unchain(placement);
    for (const layer of this.#layers) layer[placement] = 0;
    this.#uses[placement] = -1;
    this.#free.push(placement);
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
    const numbers = new Int32Array(this.#end);
    const used: number[] = [0];
    for (let i = 0; i < count; i++) {
      const placement = placementOf(i);
      if (numbers[placement] !== 0) continue;
      numbers[placement] = used.length;
      used.push(placement);
    }
    writer.number(used.length);
    for (const layer of this.#layers)
      writer.numbers(used.length, (i) => places[layer[used[i] ?? 0] ?? 0] ?? 0);
    writer.numbers(count, (i) => numbers[placementOf(i)] ?? 0);
  }

  /** Reads what was saved, with the layers that were; calls with the placement of each task, which has it then. */
  load(reader: SnapshotReader, count: number, take: (placement: number, i: number) => void): void {
    const saved = reader.number();
    const layers = this.#layers.map(() => reader.numbers(saved));
    const placements = Array.from({ length: saved }, (_, i) => {
      for (const [layer, places] of layers.entries()) this.put(layer, places[i] ?? 0);
      return i === 0 ? 0 : this.#make();
    });
    reader.each(count, (number, i) => take(placements[number] ?? 0, i));
  }

  #make(): number {
    const placement = this.#free.pop() ?? this.#end;
    if (placement === this.#uses.length) this.#grow();
    if (placement === this.#end) this.#end += 1;
    this.#uses[placement] = 0;
    for (let layer = 0; layer < this.#layers.length; layer++) {
      const places = this.#layers[layer];
      if (places) places[placement] = this.#draft[layer] ?? 0;
    }
    this.#enchain(placement);
    return placement;
  }

  #isDraft(placement: number): boolean {
    for (let layer = 0; layer < this.#layers.length; layer++) {
      if (this.#layers[layer]?.[placement] !== this.#draft[layer]) return false;
    }
    return true;
  }

  #hashOfDraft(): number {
    let hash = 0;
    for (let layer = 0; layer < this.#layers.length; layer++) hash = mixed(hash, this.#draft[layer] ?? 0);
    return hash;
  }

  #hashOf(placement: number): number {
    let hash = 0;
    for (const layer of this.#layers) hash = mixed(hash, layer[placement] ?? 0);
    return hash;
  }

  #enchain(placement: number): void {
    const bucket = this.#hashOf(placement) & (this.#buckets.length - 1);
    this.#chain[placement] = this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = placement;
  }

  #unchain(placement: number): void {
    const bucket = this.#hashOf(placement) & (this.#buckets.length - 1);
    const next = this.#chain[placement] ?? 0;
    let before = this.#buckets[bucket] ?? 0;
    if (before === placement) {
      this.#buckets[bucket] = next;
      return;
    }
    while (this.#chain[before] !== placement) before = this.#chain[before] ?? 0;
    this.#chain[before] = next;
  }

  #grow(): void {
    const capacity = 2 * this.#uses.length;
    this.#uses = grown(this.#uses, capacity);
    this.#chain = grown(this.#chain, capacity);
    for (const [layer, places] of this.#layers.entries()) this.#layers[layer] = grown(places, capacity);
    this.#rehash(capacity);
  }

  #rehash(buckets: number): void {
    this.#buckets = new Int32Array(buckets);
    for (let placement = 1; placement < this.#end; placement++) {
      if ((this.#uses[placement] ?? -1) >= 0) this.#enchain(placement);
    }
  }
}

/** The bits of a hash with those of one more number, so that its low bits depend on all. */
function mixed(hash: number, value: number): number {
  const bits = Math.imul(hash ^ value, 0x9e3779b1);
  return bits ^ (bits >>> 15);
}
