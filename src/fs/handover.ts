/**
 * The handover of a mount: whoever has mounted something hands the device over to the daemon, which serves it from then
 * on. It goes over a socket of its own in the recording's folder, as one message, and one comes back.
 */
import { type Bytes, utf8BytesOf } from '../../events/bytes.ts';
import { libc } from '../system/libc.ts';
import { connectTo, receiveFrom, sendTo } from '../system/unixMessages.ts';
import type { Mounted, Shown } from './mounting.ts';

/** The socket's name in the recording's folder. */
export const doorName = 'mount.sock';

/** What the message says of the device that comes with it. */
export interface Handover {
  readonly shown: Shown;
  readonly mountPoint: string;
  readonly connection: number;
}

/** The answer: nothing where it is served from now on, else why not, in one phrase. */
export interface HandoverAnswer {
  readonly refused?: string;
}

/** How long the daemon may take to answer. */
const answerMs = 10_000;

/** The daemon's door, from outside. */
export class Doorstep {
  readonly #fd: number;

  /** Throws a SystemCallError: ENOENT or ECONNREFUSED where no daemon runs, EACCES for who may not. */
  constructor(folder: string) {
    this.#fd = connectTo(`${folder}/${doorName}`);
  }

  /** Returns nothing when it is served, else why not. */
  handOver({ device, shown, mountPoint, connection }: Mounted): string {
    sendTo(this.#fd, messageOf({ shown, mountPoint, connection } satisfies Handover), device.fd);
    const answer = receiveFrom(this.#fd, answerMs);
    if (!answer) return 'the daemon does not answer';
    return (contentOf(answer.bytes) as HandoverAnswer).refused ?? '';
  }

  close(): void {
    libc().close(this.#fd);
  }
}

export function messageOf(content: Handover | HandoverAnswer): Bytes {
  return utf8BytesOf(JSON.stringify(content));
}

/** What a message holds; an empty object where it is none. */
export function contentOf(bytes: Bytes): object {
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes, 'latin1').toString());
    return typeof content === 'object' && content !== null ? content : {};
  } catch {
    // Whoever sends what is no message of ours has sent none.
    return {};
  }
}
