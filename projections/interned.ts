/**
 * Interned strings: each is held once, under a small number, for as long as it is in use. Many tasks have few names
 * between them, and what no task has any more is forgotten.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';

export class Interned {
  /** By number. The empty string is number 0 and is always there. */
  readonly #strings: Bytes[] = [''];
  readonly #uses: number[] = [0];
  readonly #numbers = new Map<Bytes, number>([['', 0]]);
  readonly #free: number[] = [];

  at(number: number): Bytes {
    const string = this.#strings[number];
    assert(string !== undefined, `string ${number} is held`);
    return string;
  }

  /** The number of a string, which is in use once more. */
  take(string: Bytes): number {
    const number = this.#numbers.get(string) ?? this.#hold(string);
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  /** Somebody else uses this one too. */
  share(number: number): number {
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  /** It is in use once less. */
  drop(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0 || number === 0) return;
    this.#numbers.delete(this.at(number));
    this.#strings[number] = '';
    this.#free.push(number);
  }

  #hold(string: Bytes): number {
    const number = this.#free.pop() ?? this.#strings.length;
    this.#strings[number] = string;
    this.#uses[number] = 0;
    this.#numbers.set(string, number);
    return number;
  }
}
