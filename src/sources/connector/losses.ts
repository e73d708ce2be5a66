/**
 * Losses: how many messages were sent that never came, by what did come. Each CPU numbers its messages, so a jump in
 * its numbers is exactly what was lost in between. Pure.
 */
import type { Sent } from './message.ts';

export class Losses {
  /** The last number that came of each CPU. */
  readonly #seqs = new Map<number, number>();
  #counted = 0;
  /** An overrun was told, and no jump has shown yet what it cost. */
  #isOwed = false;
  #total = 0;

  /** Never decreases. An overrun counts as one message until the next one of its CPU tells how many it was. */
  get total(): number {
    this.#total = Math.max(this.#total, this.#counted + (this.#isOwed ? 1 : 0));
    return this.#total;
  }

  /** A message has come. */
  see({ cpu, seq }: Sent): void {
    const last = this.#seqs.get(cpu);
    this.#seqs.set(cpu, seq);
    if (last === undefined) return;
    const between = (seq - last - 1) >>> 0;
    if (between === 0) return;
    this.#counted += between;
    this.#isOwed = false;
  }

  /** The kernel says that it had no room for at least one message, behind all that are queued. */
  overrun(): void {
    this.#isOwed = true;
  }
}
