/**
 * A table: a row for each slot, with a whole number from 0 on in each of its columns. The numbers of a row lie side by
 * side, for what is known of one task is used together, and memory is fetched by the line. They take 32 bits each for as
 * long as all of them fit, and no number that an event may hold is too big.
 */

type Numbers = Uint32Array | Float64Array;

const narrowest = 2 ** 32 - 1;

/** How much longer an array becomes that is full: memory for a sixteenth more than there ever was at a time. */
const growth = 1.0625;
const fewestRows = 16;

export class Table {
  readonly #columns: number;
  #numbers: Numbers;

  constructor(columns: number) {
    this.#columns = columns;
    this.#numbers = new Uint32Array(fewestRows * columns);
  }

  /** The number in a column, counted from 0; 0 where none was set. */
  get(slot: number, column: number): number {
    return this.#numbers[slot * this.#columns + column] ?? 0;
  }

  /** There has to be room: see `open`. */
  set(slot: number, column: number, value: number): void {
    if (value > narrowest) this.#widen();
    this.#numbers[slot * this.#columns + column] = value;
  }

  /** Makes room for a slot, if there is none yet, and for some more behind it. */
  open(slot: number): void {
    if (slot * this.#columns >= this.#numbers.length) this.reserve(Math.ceil((slot + 1) * growth));
  }

  /** Makes room for the slots below `length`. */
  reserve(length: number): void {
    const numbers = this.#numbers;
    if (length * this.#columns <= numbers.length) return;
    const isNarrow = numbers instanceof Uint32Array;
    this.#numbers = new (isNarrow ? Uint32Array : Float64Array)(length * this.#columns);
    this.#numbers.set(numbers);
  }

  #widen(): void {
    if (this.#numbers instanceof Float64Array) return;
    this.#numbers = new Float64Array(this.#numbers);
  }
}
