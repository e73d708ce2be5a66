/**
 * Links: lists of slots that are linked through the slots themselves, so that one comes and goes without a search. Each
 * slot is in one list at a time. A list is its first slot, which its owner keeps; 0 is the empty list.
 */
import { Table } from './table.ts';

export class Links {
  readonly #table: Table;
  readonly #next: number;
  readonly #previous: number;

  /** Through two columns of a table, the first of which is given; or of one of its own. */
  constructor(table = new Table(2), column = 0) {
    this.#table = table;
    this.#next = column;
    this.#previous = column + 1;
  }

  /** Puts a slot that is in no list before the first; what the list begins with from then on. */
  add(first: number, slot: number): number {
    const table = this.#table;
    table.open(slot);
    table.set(slot, this.#next, first);
    table.set(slot, this.#previous, 0);
    if (first !== 0) table.set(first, this.#previous, slot);
    return slot;
  }

  /** Takes a slot out of the list, if it is in it; what the list begins with from then on. */
  remove(first: number, slot: number): number {
    const table = this.#table;
    const next = table.get(slot, this.#next);
    const previous = table.get(slot, this.#previous);
    table.set(slot, this.#next, 0);
    table.set(slot, this.#previous, 0);
    if (next !== 0) table.set(next, this.#previous, previous);
    if (previous !== 0) table.set(previous, this.#next, next);
    return slot === first ? next : first;
  }

  /** The slot behind this one in its list, or 0. */
  after(slot: number): number {
    return this.#table.get(slot, this.#next);
  }
}
