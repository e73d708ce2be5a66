/**
 * The mount: binds a filesystem to the FUSE device, on the recorder's own thread. The kernel's messages are taken
 * whenever some are there, each against all that has happened before it was sent; between them it costs nothing.
 */
import type { Recorder } from '../engine/recorder.ts';
import type { Clock } from '../ports.ts';
import { FuseDevice, unmount } from '../system/fuse.ts';
import { pidMeant, sharesPids } from '../system/pidNamespace.ts';
import { statusOfThread } from '../system/taskStatus.ts';
import { Wake } from '../system/wake.ts';
import { Filesystem } from './filesystem.ts';
import { Intake } from './intake.ts';
import { cannotMount, readyMountPoint } from './mountPoint.ts';
import { Session } from './session.ts';

export interface MountOptions {
  /** Where; made if it is missing. */
  readonly folder: string;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

/** What /proc/mounts calls that which is mounted. */
const source = 'tasktrail';

export class Mount {
  readonly #device: FuseDevice;
  readonly #wake: Wake;
  readonly #session: Session;
  readonly #intake: Intake;
  #mountPoint: string;
  #ended = false;

  /** Serves what `device` has mounted at `mountPoint`. */
  constructor(device: FuseDevice, mountPoint: string, filesystem: Filesystem) {
    this.#device = device;
    this.#mountPoint = mountPoint;
    this.#session = new Session(
      filesystem,
      (reply) => {
        if (!this.#ended) device.write(reply);
      },
      // Whoever was answered asks on.
      () => this.#take(),
    );
    this.#intake = new Intake(device, this.#session);
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
    this.#take();
    if (!this.#ended) this.#wake.arm(this.#serve);
  };

  #take(): void {
    if (this.#ended) return;
    const taken = this.#intake.take();
    if (taken === 'taken') return;
    // Somebody else has unmounted it.
    if (taken === 'unmounted') this.#mountPoint = '';
    this.#unmount();
    this.#end();
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
    this.#session.close();
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
    sharesPids,
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
