/**
 * A slot table: which slot has a key, where the keys are a field. Open addressing with linear probing, so that a slot
 * costs some six bytes, and nothing is allocated when one comes or goes.
 */
import type { Field } from './field.ts';

/** The golden ratio's bits scatter keys that follow one another, as ids and pids do. */
const scatter = 0x9e3779b1;
const fullest = 0.8;
const growth = 1.15;

export class SlotTable {
  readonly #keys: Field;
  /** Slots, each at or behind the place that its key hashes to, with no free place between; 0 is a free place. */
  #slots = new Int32Array(64);
  /** Carries a hash of 32 bits to a place. */
  #scale = 64 / 2 ** 32;
  #size = 0;

  constructor(keys: Field) {
    this.#keys = keys;
  }

  /** The slot that has this key, or 0. */
  find(key: number): number {
    const slots = this.#slots;
    let at = this.#home(key);
    for (;;) {
      const slot = slots[at] ?? 0;
      if (slot === 0 || this.#keys.get(slot) === key) return slot;
      at += 1;
      if (at === slots.length) at = 0;
    }
  }

  /** From here on this slot is the one that is found by its key, whichever was before. */
  put(slot: number): void {
    if (this.#size >= this.#slots.length * fullest) {
      this.#resize(Math.ceil(this.#slots.length * growth));
    }
    this.#place(slot);
  }

  /** Makes room for so many slots at once. */
  reserve(count: number): void {
    if (count > this.#slots.length * fullest) this.#resize(Math.ceil((count * growth) / fullest));
  }

  /** Takes a slot out before its key changes or it is free; nothing happens where another has its key by now. */
  remove(slot: number): void {
    const slots = this.#slots;
    let at = this.#home(this.#keys.get(slot));
    for (;;) {
      const there = slots[at] ?? 0;
      if (there === 0) return;
      if (there === slot) break;
      at += 1;
      if (at === slots.length) at = 0;
    }
    this.#size -= 1;
    this.#closeUp(at);
  }

  #place(slot: number): void {
    const slots = this.#slots;
    const key = this.#keys.get(slot);
    let at = this.#home(key);
    for (;;) {
      const there = slots[at] ?? 0;
      if (there === 0) break;
      if (this.#keys.get(there) === key) {
        slots[at] = slot;
        return;
      }
      at += 1;
      if (at === slots.length) at = 0;
    }
    slots[at] = slot;
    this.#size += 1;
  }

  /** Moves those behind a place that falls free up to it, where that is on their way from home. */
  #closeUp(free: number): void {
    const slots = this.#slots;
    let hole = free;
    let at = free;
    for (;;) {
      at += 1;
      if (at === slots.length) at = 0;
      const slot = slots[at] ?? 0;
      if (slot === 0) break;
      const home = this.#home(this.#keys.get(slot));
      const isBetween = hole <= at ? hole < home && home <= at : hole < home || home <= at;
      if (isBetween) continue;
      slots[hole] = slot;
      hole = at;
    }
    slots[hole] = 0;
  }

  #home(key: number): number {
    return ((Math.imul(key, scatter) >>> 0) * this.#scale) | 0;
  }

  #resize(capacity: number): void {
    const slots = this.#slots;
    this.#slots = new Int32Array(capacity);
    this.#scale = capacity / 2 ** 32;
    this.#size = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] ?? 0;
      if (slot !== 0) this.#place(slot);
    }
  }
}
