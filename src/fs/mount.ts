/**
 * The mount: binds a filesystem to the FUSE device, on the recorder's own thread. The kernel's messages are taken
 * whenever some are there, each against all that has happened before it was sent; between them it costs nothing.
 */
import type { Recorder } from '../engine/recorder.ts';
import type { Clock } from '../ports.ts';
import { FuseDevice, unmount } from '../system/fuse.ts';
import { pidMeant } from '../system/pidNamespace.ts';
import { statusOfThread } from '../system/taskStatus.ts';
import { Wake } from '../system/wake.ts';
import { Filesystem } from './filesystem.ts';
import { cannotMount, readyMountPoint } from './mountPoint.ts';
import { writeLimitBytes } from './replies.ts';
import { Session } from './session.ts';

export interface MountOptions {
  /** Where; made if it is missing. */
  readonly folder: string;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

/** What /proc/mounts calls that which is mounted. */
const source = 'tasktrail';
/** What the longest message needs beside its text (FUSE_MIN_READ_BUFFER, include/uapi/linux/fuse.h). */
const messageBytes = writeLimitBytes + 8192;
/** Whoever asks without end must not keep this thread from all else that it has to do. */
const messagesAtOnce = 64;

export class Mount {
  readonly #device: FuseDevice;
  readonly #wake: Wake;
  readonly #session: Session;
  readonly #message = Buffer.alloc(messageBytes);
  #mountPoint: string;
  #ended = false;

  /** Serves what `device` has mounted at `mountPoint`. */
  constructor(device: FuseDevice, mountPoint: string, filesystem: Filesystem) {
    this.#device = device;
    this.#mountPoint = mountPoint;
    this.#session = new Session(filesystem, (reply) => {
      if (!this.#ended) device.write(reply);
    });
    this.#wake = new Wake(device.fd);
    this.#wake.arm(this.#serve);
    process.once('exit', this.#unmount);
  }

  /** Where the tree is mounted; empty once it is not any more. */
  get mountPoint(): string {
    return this.#mountPoint;
  }

  /** Unmounts, and answers what was asked before; whoever is still in there then gets ENOTCONN. */
  async close(): Promise<void> {
    this.#unmount();
    await this.#session.settled();
    this.#end();
  }

  readonly #serve = (): void => {
    if (this.#take()) {
      this.#wake.arm(this.#serve);
      return;
    }
    this.#unmount();
    this.#end();
  };

  /** Takes the messages that are there, up to a number. False where none will come any more, or none may. */
  #take(): boolean {
    for (let taken = 0; taken < messagesAtOnce; taken++) {
      const sizeBytes = this.#device.read(this.#message);
      if (sizeBytes === 'empty') return true;
      if (sizeBytes === 'ended') {
        // Somebody else has unmounted it.
        this.#mountPoint = '';
        return false;
      }
      if (!this.#session.take(this.#message.subarray(0, sizeBytes))) return false;
    }
    return true;
  }

  /** Also at the end of the process, if that comes first. */
  readonly #unmount = (): void => {
    if (this.#mountPoint !== '') unmount(this.#mountPoint);
    this.#mountPoint = '';
  };

  /** Nobody is left waiting for an answer. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    process.off('exit', this.#unmount);
    this.#wake.close();
    this.#device.close();
  }
}

/** Mounts the container tree. Throws one sentence for a person where that cannot be done. */
export function openMount({ folder, recorder, clock }: MountOptions): Mount {
  const mountPoint = readyMountPoint(folder);
  const filesystem = new Filesystem({
    recorder,
    groupsOf: (pid) => statusOfThread(pid).groups,
    pidMeant,
    timeUs: clock.wallUs(),
  });
  return new Mount(mountedDevice(mountPoint), mountPoint, filesystem);
}

function mountedDevice(mountPoint: string): FuseDevice {
  try {
    const device = new FuseDevice();
    try {
      device.mount(mountPoint, source);
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  } catch (error) {
    throw cannotMount(mountPoint, error);
  }
}
