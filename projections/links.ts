/**
 * Links: lists of slots that are linked through the slots themselves, so that one comes and goes without a search. Each
 * slot is in one list at a time. A list is its first slot, which its owner keeps; 0 is the empty list.
 */
import { growth } from './field.ts';

export class Links {
  #next = new Int32Array(1);
  #previous = new Int32Array(1);

  /** Puts a slot that is in no list before the first; what the list begins with from then on. */
  add(first: number, slot: number): number {
    if (slot >= this.#next.length) this.#resize(slot);
    this.#next[slot] = first;
    this.#previous[slot] = 0;
    if (first !== 0) this.#previous[first] = slot;
    return slot;
  }

  /** Takes a slot out of the list, if it is in it; what the list begins with from then on. */
  remove(first: number, slot: number): number {
    const next = this.#next[slot] ?? 0;
    const previous = this.#previous[slot] ?? 0;
    this.#next[slot] = 0;
    this.#previous[slot] = 0;
    if (next !== 0) this.#previous[next] = previous;
    if (previous !== 0) this.#next[previous] = next;
    return slot === first ? next : first;
  }

  /** The slot behind this one in its list, or 0. */
  after(slot: number): number {
    return this.#next[slot] ?? 0;
  }

  #resize(slot: number): void {
    const capacity = Math.ceil(slot * growth) + 8;
    this.#next = grown(this.#next, capacity);
    this.#previous = grown(this.#previous, capacity);
  }
}

/** The same numbers in a longer array. */
export function grown(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(values);
  return longer;
}
