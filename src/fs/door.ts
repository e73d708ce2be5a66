/**
 * The door: where the daemon is handed mounts that others have made. Only root and the daemon's own user may: who
 * mounts decides, by the user namespace that he does it in, as whom everybody in there appears.
 */
import { chmodSync, fstatSync, readlinkSync, rmSync } from 'node:fs';
import type { Clock } from '../ports.ts';
import { messageOf as reasonOf } from '../system/errno.ts';
import { FuseDevice } from '../system/fuse.ts';
import { libc } from '../system/libc.ts';
import { peerOf } from '../system/peer.ts';
import { acceptFrom, listenAt, receiveFrom, sendTo } from '../system/unixMessages.ts';
import { Wake } from '../system/wake.ts';
import { contentOf, doorName, type Handover, messageOf } from './handover.ts';
import type { Mounted } from './mounting.ts';

/** Whoever connects has something to hand over, and does so at once. */
const patienceMs = 5000;
const visitorLimit = 16;
/** The device number of /dev/fuse (Documentation/admin-guide/devices.txt), as stat(2) gives it. */
const fuseDevice = (10 << 8) | 229;

/** Somebody who has connected. */
interface Visitor {
  readonly fd: number;
  readonly wake: Wake;
  readonly cancelWait: () => void;
}

export class Door {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #take: (mounted: Mounted) => void;
  readonly #listener: number;
  readonly #wake: Wake;
  readonly #visitors = new Set<Visitor>();

  /** `take` serves what is handed over. Throws where nobody can be heard at the folder. */
  constructor(folder: string, clock: Clock, take: (mounted: Mounted) => void) {
    this.#path = `${folder}/${doorName}`;
    this.#clock = clock;
    this.#take = take;
    rmSync(this.#path, { force: true });
    this.#listener = listenAt(this.#path);
    chmodSync(this.#path, 0o600);
    this.#wake = new Wake(this.#listener);
    this.#wake.arm(this.#open);
  }

  close(): void {
    this.#wake.close();
    libc().close(this.#listener);
    rmSync(this.#path, { force: true });
    for (const visitor of this.#visitors) this.#dismiss(visitor);
  }

  readonly #open = (): void => {
    for (let fd = acceptFrom(this.#listener); fd !== undefined; fd = acceptFrom(this.#listener)) {
      if (this.#visitors.size < visitorLimit) this.#welcome(fd);
      else libc().close(fd);
    }
    this.#wake.arm(this.#open);
  };

  #welcome(fd: number): void {
    const wake = new Wake(fd);
    const visitor: Visitor = {
      fd,
      wake,
      cancelWait: this.#clock.after(patienceMs, () => this.#dismiss(visitor)),
    };
    this.#visitors.add(visitor);
    wake.arm(() => {
      this.#answer(fd);
      this.#dismiss(visitor);
    });
  }

  #dismiss(visitor: Visitor): void {
    if (!this.#visitors.delete(visitor)) return;
    visitor.cancelWait();
    visitor.wake.close();
    libc().close(visitor.fd);
  }

  /** Whatever is wrong concerns the visitor, and is his to hear, if he is still there. */
  #answer(fd: number): void {
    try {
      const refused = this.#receive(fd);
      sendTo(fd, messageOf(refused === '' ? {} : { refused }));
    } catch (error) {
      process.emitWarning(`whoever hands over a mount cannot be answered: ${reasonOf(error)}`);
    }
  }

  #receive(fd: number): string {
    const message = receiveFrom(fd, 0);
    const descriptor = message?.descriptor;
    if (!message || descriptor === undefined) return 'no device came with the message';
    try {
      const handover = contentOf(message.bytes);
      if (!isHandover(handover)) throw new Error('the message is not understood');
      requireTrust(fd);
      requireFuse(descriptor);
      this.#take({ ...handover, device: new FuseDevice(descriptor) });
      return '';
    } catch (error) {
      libc().close(descriptor);
      return reasonOf(error);
    }
  }
}

/** Throws a phrase for whoever may not mount. */
function requireTrust(fd: number): void {
  const { pid, uid } = peerOf(fd);
  if (uid !== 0 && uid !== process.geteuid?.()) throw new Error("only root and the daemon's own user may");
  for (const kind of ['user', 'pid'] as const) {
    // Whoever mounts has the kernel tell us of users and pids as they are called where he is.
    if (namespaceOf('self', kind) === namespaceOf(pid, kind)) continue;
    throw new Error(`that is possible only in the ${kind} namespace that the daemon is in`);
  }
}

function requireFuse(descriptor: number): void {
  const stats = fstatSync(descriptor);
  const isFuse = stats.isCharacterDevice() && stats.rdev === fuseDevice;
  if (!isFuse) throw new Error('what was handed over is not the FUSE device');
}

function isHandover(content: object): content is Handover {
  const { shown, mountPoint, connection } = content as Partial<Record<keyof Handover, unknown>>;
  const isKnown = shown === 'tree' || shown === 'proc';
  return isKnown && typeof mountPoint === 'string' && Number.isSafeInteger(connection);
}

function namespaceOf(process: number | 'self', kind: 'user' | 'pid'): string {
  return readlinkSync(`/proc/${process}/ns/${kind}`);
}
