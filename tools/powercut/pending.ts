/**
 * What waits for a sync: changes to one file or folder, in order, of which a loss of power takes any but those that a
 * sync has made durable.
 */
export class Pending<Change> {
  #changes: Change[] = [];
  #durable = 0;
  readonly #fold: (change: Change) => void;

  /** `fold` is given each change, in order, as it becomes durable. */
  constructor(fold: (change: Change) => void) {
    this.#fold = fold;
  }

  /** How many there have been. */
  get total(): number {
    return this.#durable + this.#changes.length;
  }

  /** Those that are not durable yet, in order. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  add(change: Change): void {
    this.#changes.push(change);
  }

  /** The first `total` of all are durable from here on. */
  settle(total: number): void {
    const count = total - this.#durable;
    if (count <= 0) return;
    for (const change of this.#changes.splice(0, count)) this.#fold(change);
    this.#durable = total;
  }
}
