/**
 * The mount: binds a filesystem to the FUSE device, on the recorder's own thread. The kernel's messages are taken
 * whenever some are there, each against all that has happened before it was sent; between them it costs nothing.
 */
import { messageOf } from '../system/errno.ts';
import { type FuseDevice, unmount } from '../system/fuse.ts';
import { mountPointsOf } from '../system/fuseControl.ts';
import { Wake } from '../system/wake.ts';
import { Intake } from './intake.ts';
import type { Mounted, Shown } from './mounting.ts';
import { type Answerer, Session } from './session.ts';

export class Mount {
  readonly #device: FuseDevice;
  readonly #wake: Wake;
  readonly #session: Session;
  readonly #intake: Intake;
  readonly mountPoint: string;
  readonly shown: Shown;
  readonly #connection: number;
  readonly #onEnd: () => void;
  #ended = false;

  /** Serves what is mounted. `onEnd` is called when it is served no longer. */
  constructor({ device, mountPoint, shown, connection }: Mounted, answerer: Answerer, onEnd: () => void) {
    this.#device = device;
    this.mountPoint = mountPoint;
    this.shown = shown;
    this.#connection = connection;
    this.#onEnd = onEnd;
    this.#session = new Session(
      answerer,
      (reply) => {
        if (!this.#ended) device.write(reply);
      },
      // Whoever was answered asks on.
      () => this.#take(),
    );
    this.#intake = new Intake(device, this.#session);
    this.#wake = new Wake(device.fd);
    this.#wake.arm(this.#serve);
    process.once('exit', this.#leave);
  }

  /**
   * Unmounts, and answers what was asked before, until `late` resolves; whoever is still in there then gets ENOTCONN, and
   * whoever waits ECONNABORTED.
   */
  async close(late: Promise<void>): Promise<void> {
    // Who is not root has another program unmount it, which is not to wait for us.
    if (process.geteuid?.() === 0) this.#unmount();
    await Promise.race([this.#session.settled(), late]);
    this.#leave();
  }

  readonly #serve = (): void => {
    this.#take();
    if (!this.#ended) this.#wake.arm(this.#serve);
  };

  #take(): void {
    if (!this.#ended && this.#intake.take() !== 'taken') this.#leave();
  }

  /**
   * Nobody is left waiting for an answer, and nothing mounted that nobody serves. Also at the end of the process, if
   * that comes first, and where somebody else has unmounted it, or the guard has cut the connection.
   */
  readonly #leave = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    process.off('exit', this.#leave);
    this.#session.close();
    this.#wake.close();
    this.#device.close();
    this.#unmount();
    this.#onEnd();
  };

  /** Whatever shows it in our own mount namespace; in others nobody but its inhabitants can. */
  #unmount(): void {
    for (const mountPoint of mountPointsOf(this.#connection)) {
      try {
        unmount(mountPoint);
      } catch (error) {
        // Others may have mounted what we may not unmount.
        process.emitWarning(`${mountPoint} stays mounted, and nobody serves it: ${messageOf(error)}`);
      }
    }
  }
}
