/**
 * Interned values: each is held once, under a small number, for as long as it is in use. Many tasks have few names and
 * users between them, and what no task has any more is forgotten.
 */
import { assert } from '../events/assert.ts';

export class Interned<Value extends string | number> {
  /** By number. Number 0 is always there. */
  readonly #values: Value[];
  readonly #uses: number[] = [0];
  readonly #numbers: Map<Value, number>;
  readonly #free: number[] = [];
  readonly #nothing: Value;

  /** `nothing` is number 0. */
  constructor(nothing: Value) {
    this.#nothing = nothing;
    this.#values = [nothing];
    this.#numbers = new Map([[nothing, 0]]);
  }

  at(number: number): Value {
    const value = this.#values[number];
    assert(value !== undefined, 'value % is held', number);
    return value;
  }

  /** The number of a value. Where it had none it has no use yet, and has to be used before another one is dropped. */
  numberOf(value: Value): number {
    return this.#numbers.get(value) ?? this.#hold(value);
  }

  /** It is in use once more. */
  use(number: number): void {
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
  }

  /** It is in use once less. */
  drop(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0 || number === 0) return;
    this.#numbers.delete(this.at(number));
    this.#values[number] = this.#nothing;
    this.#free.push(number);
  }

  #hold(value: Value): number {
    const number = this.#free.pop() ?? this.#values.length;
    this.#values[number] = value;
    this.#uses[number] = 0;
    this.#numbers.set(value, number);
    return number;
  }
}
