/**
 * Mounting: what makes a mount, whoever serves it then. The daemon does it for itself; whoever asks for another mount
 * does it in the mount namespace that he is in, and hands the device over (`handover.ts`).
 */
import type { MountView } from '../engine/reader.ts';
import { type FuseDevice, mountFuse, unmount } from '../system/fuse.ts';
import { connectionAt } from '../system/fuseControl.ts';
import { cannotMount, readyMountPoint } from './mountPoint.ts';

export type Shown = MountView['shown'];

export interface Wanted {
  readonly shown: Shown;
  readonly isReadOnly: boolean;
}

/** Something that is mounted. Nobody who touches it gets an answer before somebody serves the device. */
export interface Mounted {
  readonly device: FuseDevice;
  readonly shown: Shown;
  readonly mountPoint: string;
  /** By this number the kernel knows the connection between the mount and who serves it. */
  readonly connection: number;
}

const subtypes: Readonly<Record<Shown, string>> = { tree: 'container', proc: 'container-proc' };

/** Mounts at a folder, which is made if it is missing. Throws one sentence for a person where that cannot be done. */
export function mountAt(folder: string, { shown, isReadOnly }: Wanted): Mounted {
  const mountPoint = readyMountPoint(folder);
  try {
    const device = mountFuse(mountPoint, { subtype: subtypes[shown], isReadOnly });
    const connection = connectionAt(mountPoint);
    if (connection !== undefined) return { device, shown, mountPoint, connection };
    device.close();
    throw new Error('it is not in the mount table');
  } catch (error) {
    throw cannotMount(mountPoint, error);
  }
}

/** Takes away what was mounted, where nobody serves it. */
export function undo({ device, mountPoint }: Mounted): void {
  device.close();
  unmount(mountPoint);
}
