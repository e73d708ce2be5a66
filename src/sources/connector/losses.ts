/**
 * Losses: how many messages were sent that never came, by what did come. Each CPU numbers its messages, so a jump in
 * its numbers is exactly what was lost in between. Pure.
 */
import type { Sent } from './message.ts';

export class Losses {
  /** The last number that came of each CPU. */
  readonly #seqs = new Map<number, number>();
  #counted = 0;
  #total = 0;

  /**
   * Never decreases, and increases with each loss that is noticed: an overrun counts as one message until the jumps of
   * all CPUs have told more.
   */
  get total(): number {
    return this.#total;
  }

  /** A message has come. */
  see({ cpu, seq }: Sent): void {
    const last = this.#seqs.get(cpu);
    this.#seqs.set(cpu, seq);
    if (last === undefined) return;
    this.#counted += (seq - last - 1) >>> 0;
    this.#total = Math.max(this.#total, this.#counted);
  }

  /** The kernel says that it had no room for at least one message, behind all that are queued. */
  overrun(): void {
    this.#total += 1;
  }
}
