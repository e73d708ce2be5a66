/**
 * What goes on in the kernel without a daemon: for commands that tell of it, or end it, whether a recording is there
 * or not. Only root can look, and only root can have left anything.
 */
import { realpathSync } from 'node:fs';
import { type PinnedInstallation, pinnedInstallations, removePinsOf } from './sources/ebpf/pins.ts';
import { hasCode } from './system/errno.ts';

export type { PinnedInstallation } from './sources/ebpf/pins.ts';

/** Everything that goes on; nothing where this user may not look. */
export function allPinned(): readonly PinnedInstallation[] {
  try {
    return pinnedInstallations();
  } catch (error) {
    if (hasCode(error, 'EACCES', 'EPERM', 'ENOENT')) return [];
    throw error;
  }
}

/** What goes on for the recording that lies, or lay, in a folder. */
export function pinnedFor(folder: string): readonly PinnedInstallation[] {
  const path = realPath(folder);
  return allPinned().filter((kept) => kept.folder === path);
}

/** Ends what goes on for the recording in a folder; tells how many rings that were. */
export function endPinned(folder: string): number {
  return removePinsOf(realPath(folder));
}

/** A folder that is gone has no other path than the one it had. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return folder;
    throw error;
  }
}
