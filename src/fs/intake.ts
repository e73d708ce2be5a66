/**
 * The intake: takes the kernel's messages from a device, as many as there are, and looks on for a moment when there are
 * none. Whoever works in a shell asks one thing after another, and each answer brings the next question: to be there
 * when it comes saves both sides a sleep and a wake. Looking costs processor time, so it ends soon, and it keeps this
 * thread from nothing that is waited for.
 */
import type { FuseDevice } from '../system/fuse.ts';
import { writeLimitBytes } from './replies.ts';
import type { Session } from './session.ts';

/** What the longest message needs beside its text (FUSE_MIN_READ_BUFFER, include/uapi/linux/fuse.h). */
const messageBytes = writeLimitBytes + 8192;
/** Whoever asks without end must not keep this thread from all else that it has to do. */
const messagesAtOnce = 64;
/** How many looks in vain end it: each takes half a microsecond. */
const looksInVain = 200;

export class Intake {
  readonly #device: FuseDevice;
  readonly #session: Session;
  readonly #message = Buffer.alloc(messageBytes);

  constructor(device: FuseDevice, session: Session) {
    this.#device = device;
    this.#session = session;
  }

  /**
   * Takes the messages that are there, up to a number. `unmounted` where somebody else has taken the mount away,
   * `failed` where the session cannot go on.
   */
  take(): 'taken' | 'unmounted' | 'failed' {
    let vain = 0;
    for (let taken = 0; taken < messagesAtOnce; ) {
      const sizeBytes = this.#device.read(this.#message);
      if (sizeBytes === 'ended') return 'unmounted';
      if (sizeBytes === 'empty') {
        vain += 1;
        // What is committed is answered by this thread too, once it is back in its loop.
        if (vain > looksInVain || this.#session.isCommitting) return 'taken';
        continue;
      }
      vain = 0;
      taken += 1;
      if (!this.#session.take(this.#message.subarray(0, sizeBytes))) return 'failed';
    }
    return 'taken';
  }
}
