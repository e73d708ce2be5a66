/**
 * The mounts of a daemon: all that it serves, whoever has mounted it. Each shows the one tree; a guard stands by all of
 * them.
 */
import type { MountView } from '../engine/reader.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Clock } from '../ports.ts';
import { pidMeant, sharesPids } from '../system/pidNamespace.ts';
import { statusOfThread } from '../system/taskStatus.ts';
import { Filesystem } from './filesystem.ts';
import { Guard } from './guard.ts';
import { Mount } from './mount.ts';
import { type Mounted, mountAt, type Shown } from './mounting.ts';
import { ProcFilesystem } from './procFilesystem.ts';
import type { Answerer } from './session.ts';
import { Times } from './times.ts';

export interface MountsOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
}

/** How long whoever waits for the disk is waited for at the end. */
const patienceMs = 5000;

export class Mounts {
  readonly #options: MountsOptions;
  readonly #guard: Guard;
  readonly #mounts = new Set<Mount>();
  readonly #times: Times;
  readonly #unfollow: () => void;

  constructor(options: MountsOptions) {
    this.#options = options;
    this.#guard = new Guard(options.clock);
    this.#times = new Times(options.clock);
    this.#unfollow = options.recorder.follow((events) => this.#times.forget(events));
  }

  /** Mounts the tree at a folder. Throws one sentence for a person where that cannot be done. */
  open(folder: string): void {
    this.take(mountAt(folder, { shown: 'tree', isReadOnly: false }));
  }

  /** Serves what somebody has mounted. */
  take(mounted: Mounted): void {
    const mount = new Mount(mounted, this.#answerer(mounted.shown), () => {
      this.#mounts.delete(mount);
      this.#guard.forget(mounted.connection);
    });
    this.#mounts.add(mount);
    this.#guard.watch(mounted.connection);
  }

  get views(): readonly MountView[] {
    return [...this.#mounts].map(({ mountPoint, shown }) => ({ mountPoint, shown }));
  }

  /**
   * Unmounts what can be reached from here; the rest gives ENOTCONN from now on. A full disk answers nobody until there is
   * room, which nobody looks for any more, so that it is not waited for without end.
   */
  async close(): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(patienceMs, resolve);
    });
    await Promise.all([...this.#mounts].map((mount) => mount.close(late)));
    cancel();
    await this.#guard.close();
    this.#unfollow();
  }

  #answerer(shown: Shown): Answerer {
    const { recorder } = this.#options;
    if (shown === 'proc') return new ProcFilesystem({ recorder, times: this.#times.unset });
    return new Filesystem({
      recorder,
      groupsOf: (pid) => statusOfThread(pid).groups,
      pidMeant,
      sharesPids,
      times: this.#times,
    });
  }
}
