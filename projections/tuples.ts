/**
 * Tuples: some small numbers that belong together, each combination of them held once, under a number of its own, for as
 * long as somebody has it. What many tasks have in common costs each of them one number then, and to be born like another
 * one, or to end, is to count. Tuple 0 is nobody's, and all zeros.
 */

/** Where in a row is how many have it (-1: it is free), the next one in its bucket, and the first of its numbers. */
const uses = 0;
const next = 1;
const first = 2;
const fewest = 16;

export class Tuples {
  #width: number;
  /** By tuple. Side by side, for they are used together. */
  #rows: Int32Array;
  /** The first tuple in each bucket, by the hash of its numbers; a power of two of them. */
  #buckets = new Int32Array(fewest);
  /** One behind the last tuple that was ever in use, and the free ones below. */
  #end = 1;
  readonly #free: number[] = [];
  /** What is being looked for. */
  #draft: Int32Array;

  constructor(width: number) {
    this.#width = width;
    this.#draft = new Int32Array(width);
    this.#rows = new Int32Array(fewest * (first + width));
  }

  /** How many numbers each has. */
  get width(): number {
    return this.#width;
  }

  /** One behind the greatest tuple. */
  get end(): number {
    return this.#end;
  }

  /** A number of a tuple, by its place in it. */
  get(tuple: number, place: number): number {
    return this.#rows[tuple * (first + this.#width) + first + place] ?? 0;
  }

  /** Each has one number more, which is 0. */
  widen(): void {
    const { rows, stride, end } = { rows: this.#rows, stride: first + this.#width, end: this.#end };
    this.#width += 1;
    this.#draft = new Int32Array(this.#width);
    this.#rows = new Int32Array((rows.length / stride) * (stride + 1));
    for (let tuple = 0; tuple < end; tuple++) {
      this.#rows.set(rows.subarray(tuple * stride, (tuple + 1) * stride), tuple * (stride + 1));
    }
    this.#rehash(this.#buckets.length);
  }

  /** Makes one number of all tuples 0. Those that differed there alone are equal then, and stay apart while they are in use. */
  clear(place: number): void {
    for (let tuple = 0; tuple < this.#end; tuple++) this.#rows[this.#at(tuple) + first + place] = 0;
    this.#rehash(this.#buckets.length);
  }

  /** Begins a draft with the numbers of this tuple. */
  draft(tuple: number): void {
    const at = this.#at(tuple) + first;
    for (let i = 0; i < this.#width; i++) this.#draft[i] = this.#rows[at + i] ?? 0;
  }

  /** Puts another number into the draft. */
  put(place: number, value: number): void {
    this.#draft[place] = value;
  }

  /** A number of the draft. */
  drawn(place: number): number {
    return this.#draft[place] ?? 0;
  }

  /** The tuple that equals the draft. Where there was none it has no use yet, and has to be used at once. */
  drafted(): number {
    const found = this.#findIn(this.#bucketOfDraft());
    return found === 0 ? this.make() : found;
  }

  /** A tuple that equals the draft, whether there are others or not. It has to be used at once. */
  make(): number {
    const tuple = this.#free.pop() ?? this.#end;
    const at = this.#at(tuple);
    if (at === this.#rows.length) this.#grow();
    if (tuple === this.#end) this.#end += 1;
    this.#rows.set(this.#draft, at + first);
    this.#rows[at + uses] = 0;
    this.#enchain(tuple);
    return tuple;
  }

  /** One more has it. True for the first. */
  use(tuple: number): boolean {
    const at = this.#at(tuple) + uses;
    const count = (this.#rows[at] ?? 0) + 1;
    this.#rows[at] = count;
    return count === 1;
  }

  /** One less has it. True for the last: it has to be forgotten then. */
  disuse(tuple: number): boolean {
    const at = this.#at(tuple) + uses;
    const count = (this.#rows[at] ?? 0) - 1;
    this.#rows[at] = count;
    return count === 0;
  }

  forget(tuple: number): void {
    this.#unchain(tuple);
    const at = this.#at(tuple);
    this.#rows.fill(0, at, at + first + this.#width);
    this.#rows[at + uses] = -1;
    this.#free.push(tuple);
  }

  #at(tuple: number): number {
    return tuple * (first + this.#width);
  }

  #findIn(bucket: number): number {
    let tuple = this.#buckets[bucket] ?? 0;
    while (tuple !== 0 && !this.#isDraft(tuple)) tuple = this.#rows[this.#at(tuple) + next] ?? 0;
    return tuple;
  }

  #isDraft(tuple: number): boolean {
    const at = this.#at(tuple) + first;
    for (let i = 0; i < this.#width; i++) if (this.#rows[at + i] !== this.#draft[i]) return false;
    return true;
  }

  #bucketOfDraft(): number {
    let hash = 0;
    for (let i = 0; i < this.#width; i++) hash = mixed(hash, this.#draft[i] ?? 0);
    return hash & (this.#buckets.length - 1);
  }

  #bucketOf(tuple: number): number {
    const at = this.#at(tuple) + first;
    let hash = 0;
    for (let i = 0; i < this.#width; i++) hash = mixed(hash, this.#rows[at + i] ?? 0);
    return hash & (this.#buckets.length - 1);
  }

  #enchain(tuple: number): void {
    const bucket = this.#bucketOf(tuple);
    this.#rows[this.#at(tuple) + next] = this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = tuple;
  }

  #unchain(tuple: number): void {
    const bucket = this.#bucketOf(tuple);
    const behind = this.#rows[this.#at(tuple) + next] ?? 0;
    let before = this.#buckets[bucket] ?? 0;
    if (before === tuple) {
      this.#buckets[bucket] = behind;
      return;
    }
    while (this.#rows[this.#at(before) + next] !== tuple) before = this.#rows[this.#at(before) + next] ?? 0;
    this.#rows[this.#at(before) + next] = behind;
  }

  #grow(): void {
    const rows = this.#rows;
    this.#rows = new Int32Array(2 * rows.length);
    this.#rows.set(rows);
    this.#rehash(2 * this.#buckets.length);
  }

  #rehash(buckets: number): void {
    this.#buckets = new Int32Array(buckets);
    for (let tuple = 1; tuple < this.#end; tuple++) {
      if ((this.#rows[this.#at(tuple) + uses] ?? -1) >= 0) this.#enchain(tuple);
    }
  }
}

/** The bits of a hash with those of one more number, so that its low bits depend on all. */
function mixed(hash: number, value: number): number {
  const bits = Math.imul(hash ^ value, 0x9e3779b1);
  return bits ^ (bits >>> 15);
}
