/** A log in memory that can be told to take its time, or to fail, and that knows what was asked of it. */
import { MemoryLog } from '../../src/log/memoryLog.ts';
import type { Durability } from '../../src/ports.ts';

export class HeldLog extends MemoryLog {
  /** Every commit that was asked for. */
  readonly commits: Durability[] = [];
  /** What commits fail with from now on. */
  failure: Error | undefined;
  #held: Promise<void> = Promise.resolve();

  /** There is no room for what is committed from now on. */
  full = false;

  override get isFull(): boolean {
    return this.full;
  }

  /** Commits wait from now on; returns what lets them go. */
  hold(): () => void {
    const { promise, resolve } = gate();
    this.#held = promise;
    return resolve;
  }

  override async commit(durability: Durability): Promise<void> {
    this.commits.push(durability);
    await this.#held;
    if (this.failure) throw this.failure;
    if (this.full && durability === 'written') throw new Error('no room');
    await super.commit(durability);
  }
}

function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}
