/**
 * A slot table: which slot has a key, where the keys are a column of a table. Open addressing with linear probing in the
 * order of homes, so that a slot costs some six bytes, and nothing is allocated when one comes or goes.
 *
 * An entry tells how far behind its key's home it is, beside its slot. So only keys that have the same home are ever
 * compared, which for others than them would be a fetch from far memory each, and whoever takes an entry out moves up
 * those behind it without a look at their keys.
 */
import type { Table } from './table.ts';

/** The golden ratio's bits scatter keys that follow one another, as ids and pids do. */
const scatter = 0x9e3779b1;
const fullest = 0.7;
const growth = 1.15;
const fewest = 64;

/** An entry is a slot and, in its lowest bits, the distance. It is 0 where the place is free. */
const distanceBits = 8;
const farthest = 2 ** distanceBits - 1;

/** Four times as many tasks as Linux has pids for (PID_MAX_LIMIT in include/linux/threads.h). */
export const slotLimit = 2 ** (32 - distanceBits);

export class SlotTable {
  readonly #keys: Table;
  readonly #column: number;
  /** Each at or behind the home of its key, with no free place between, and none before one whose home is before its own. */
  #entries = new Int32Array(fewest);
  /** Carries a hash of 32 bits to a home. */
  #scale = fewest / 2 ** 32;
  #size = 0;

  constructor(keys: Table, column: number) {
    this.#keys = keys;
    this.#column = column;
  }

  /** The slot that has this key, or 0. */
  find(key: number): number {
    const at = this.#placeOf(key);
    return at < 0 ? 0 : (this.#entries[at] ?? 0) >>> distanceBits;
  }

  /** From here on this slot is the one that is found by its key, whichever was before. */
  put(slot: number): void {
    const at = this.#placeOf(this.#keyOf(slot));
    if (at >= 0) {
      this.#entries[at] = (slot << distanceBits) | ((this.#entries[at] ?? 0) & farthest);
      return;
    }
    this.#size += 1;
    if (this.#size > this.#entries.length * fullest) this.#resize(this.#entries.length * growth);
    this.#enter(slot);
  }

  /** Makes room for so many slots at once. */
  reserve(count: number): void {
    if (count > this.#entries.length * fullest) this.#resize((count * growth) / fullest);
  }

  /** Takes a slot out before its key changes or it is free; nothing happens where another has its key by now. */
  remove(slot: number): void {
    const entries = this.#entries;
    let at = this.#placeOf(this.#keyOf(slot));
    if (at < 0 || (entries[at] ?? 0) >>> distanceBits !== slot) return;
    this.#size -= 1;
    // Who is not at home moves up.
    for (;;) {
      const next = at + 1 === entries.length ? 0 : at + 1;
      const entry = entries[next] ?? 0;
      if ((entry & farthest) === 0) break;
      entries[at] = entry - 1;
      at = next;
    }
    entries[at] = 0;
  }

  /** Where the entry is that has this key; -1 where there is none. */
  #placeOf(key: number): number {
    const entries = this.#entries;
    let at = this.#home(key);
    for (let distance = 0; ; distance++) {
      const entry = entries[at] ?? 0;
      // Behind whoever is nearer to a home of its own there is nobody of this one.
      if (entry === 0 || (entry & farthest) < distance) return -1;
      if ((entry & farthest) === distance && this.#keyOf(entry >>> distanceBits) === key) return at;
      at = at + 1 === entries.length ? 0 : at + 1;
    }
  }

  /** Enters a slot whose key nobody else has. */
  #enter(slot: number): void {
    const entries = this.#entries;
    let at = this.#home(this.#keyOf(slot));
    let entry = slot << distanceBits;
    for (;;) {
      const there = entries[at] ?? 0;
      if (there === 0) break;
      // Who is nearer to its home goes on from here.
      if ((there & farthest) < (entry & farthest)) {
        entries[at] = entry;
        entry = there;
      }
      if ((entry & farthest) === farthest) {
        this.#resize(entries.length * growth);
        this.#enter(entry >>> distanceBits);
        return;
      }
      entry += 1;
      at = at + 1 === entries.length ? 0 : at + 1;
    }
    entries[at] = entry;
  }

  #keyOf(slot: number): number {
    return this.#keys.get(slot, this.#column);
  }

  #home(key: number): number {
    return ((Math.imul(key, scatter) >>> 0) * this.#scale) | 0;
  }

  #resize(capacity: number): void {
    const entries = this.#entries;
    this.#entries = new Int32Array(Math.ceil(capacity));
    this.#scale = this.#entries.length / 2 ** 32;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] ?? 0;
      if (entry !== 0) this.#enter(entry >>> distanceBits);
    }
  }
}
