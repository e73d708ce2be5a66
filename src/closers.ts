/**
 * Closers: what takes parts down again, put here as each part comes up. A start that fails half-way and a stop
 * go the same way back.
 */

type Close = () => void | Promise<void>;

export class Closers {
  readonly #closers: Close[] = [];
  #closing: Promise<void> | undefined;

  /** Puts what takes down a part that stands on all parts before it. Not after a `close`. */
  add(close: Close): void {
    if (this.#closing) throw new Error('impossible state: a part comes up while all are taken down');
    this.#closers.push(close);
  }

  /**
   * Takes every part down, the last one first and one after the other, also where one fails. Rejects then with
   * the first failure. A second call is the same as the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
