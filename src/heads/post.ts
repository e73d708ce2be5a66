/**
 * The post: notes where the log ends at a place that is not the log, at an interval and at the stop, so that somebody who
 * can change the whole recording cannot change what it was. It records nothing, and whatever becomes of a sending, the
 * recording goes on.
 */
import { headText, headView } from '../engine/head.ts';
import type { Clock, Head } from '../ports.ts';
import { messageOf } from '../system/errno.ts';
import type { Send } from './destination.ts';

export interface PostOptions {
  /** The end of the log, on disk; rejects once the log has failed. */
  head(): Promise<Head>;
  readonly send: Send;
  /** What heads are sent to, in words. */
  readonly to: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Is told in a sentence that heads cannot be sent; again only when one has been sent since. */
  onTrouble(sentence: string): void;
}

/** How long a stop waits for what is being sent, and for the last head. */
const closeLimitMs = 2000;

export class Post {
  readonly #options: PostOptions;
  #cancel: () => void = () => {};
  #sending: Promise<void> | undefined;
  #sentSeq = 0;
  #isTroubled = false;

  constructor(options: PostOptions) {
    this.#options = options;
  }

  /** Sends the head now, and from then on at the interval where it is another. */
  start(): void {
    const { clock, intervalMs } = this.#options;
    this.#cancel = clock.after(intervalMs, () => this.start());
    if (this.#sending) this.#trouble('the one before is still being sent');
    else void this.#sendOnce();
  }

  /** Sends the last head, and waits for that a moment. */
  async close(): Promise<void> {
    this.#cancel();
    let cancel = (): void => {};
    const limit = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(closeLimitMs, resolve);
    });
    await Promise.race([this.#sendLast(), limit]);
    cancel();
  }

  async #sendLast(): Promise<void> {
    await this.#sending;
    await this.#sendOnce();
  }

  #sendOnce(): Promise<void> {
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    const { head, send } = this.#options;
    // A log that has failed has told its owner, and has no other end than the last that was sent.
    const end = await head().catch(() => undefined);
    if (end === undefined || end.seq === this.#sentSeq) return;
    try {
      await send(headText(headView(end)));
    } catch (error) {
      this.#trouble(messageOf(error));
      return;
    }
    this.#sentSeq = end.seq;
    this.#isTroubled = false;
  }

  #trouble(why: string): void {
    const { to, onTrouble } = this.#options;
    if (!this.#isTroubled) onTrouble(`heads cannot be sent to ${to}: ${why}; recording goes on`);
    this.#isTroubled = true;
  }
}
