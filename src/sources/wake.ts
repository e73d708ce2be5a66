/**
 * The wake: one callback once a kernel source's queue holds something to read. The kernel notifies whoever polls its
 * descriptor, and a poll that begins while something is queued is answered at once, so nothing can slip in unnoticed
 * between a drain and the next arming. It costs nothing while it is not armed.
 */
import assert from 'node:assert/strict';
import { koffi } from '../system/libc.ts';

type PollHandle = ReturnType<ReturnType<typeof koffi>['node']['poll']>;

export class Wake {
  readonly #fd: number;
  #poll: PollHandle | undefined;
  #callback: (() => void) | undefined;

  /** Watches this descriptor, and does not keep the process alive for it. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Calls back once, as soon as the descriptor can be read; never from within this call. */
  arm(callback: () => void): void {
    assert(this.#callback === undefined, 'the wake is armed already');
    this.#callback = callback;
    if (this.#poll !== undefined) {
      this.#poll.start({ readable: true }, this.#onReadable);
      return;
    }
    this.#poll = koffi().node.poll(this.#fd, { readable: true }, this.#onReadable);
    this.#poll.unref();
    process.once('exit', this.#stop);
  }

  close(): void {
    process.off('exit', this.#stop);
    this.#stop();
  }

  /** Also at the end of the process: Node lets a last poll call back when no callback can run any more, and aborts. */
  readonly #stop = (): void => {
    this.#callback = undefined;
    this.#poll?.close();
    this.#poll = undefined;
  };

  /**
   * An error that is thrown in the poll's own callback gets lost; in an immediate, which runs in the same turn of the
   * loop, it does not.
   */
  readonly #onReadable = (): void => {
    this.#poll?.stop();
    setImmediate(() => {
      const callback = this.#callback;
      this.#callback = undefined;
      callback?.();
    });
  };
}
