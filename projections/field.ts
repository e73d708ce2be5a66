/**
 * A field: one whole number from 0 on for each slot, in an array as long and as narrow as what it holds allows. What a
 * million tasks have costs as many bytes each as it needs, and no number that an event may hold is too big.
 */

type Values = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** How much longer an array becomes that is full: memory for a sixteenth more than there ever was at a time. */
export const growth = 1.0625;

export class Field {
  #values: Values;
  /** The greatest number that fits. */
  #limit: number;

  /** `bits` is the width to begin with: the one that every other number than a small one would soon come to. */
  constructor(bits: 8 | 32 = 8) {
    this.#values = bits === 8 ? new Uint8Array(16) : new Uint32Array(16);
    this.#limit = 2 ** bits - 1;
  }

  /** The number of a slot; 0 where none was set. */
  get(slot: number): number {
    return this.#values[slot] ?? 0;
  }

  set(slot: number, value: number): void {
    if (slot >= this.#values.length) this.reserve(Math.ceil(slot * growth));
    if (value > this.#limit) this.#widen(value);
    this.#values[slot] = value;
  }

  /** Makes room for the slots below `length`. */
  reserve(length: number): void {
    const values = this.#values;
    if (length <= values.length) return;
    this.#values = new (values.constructor as { new (length: number): Values })(length);
    this.#values.set(values);
  }

  #widen(value: number): void {
    const values = this.#values;
    const bits = value < 2 ** 16 ? 16 : value < 2 ** 32 ? 32 : 64;
    this.#limit = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** bits - 1;
    const wider = bits === 16 ? Uint16Array : bits === 32 ? Uint32Array : Float64Array;
    this.#values = new wider(values.length);
    this.#values.set(values);
  }
}
