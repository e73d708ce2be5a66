/**
 * The mount point: made ready before anything is mounted there, and checked to hold nothing that the daemon needs. A
 * folder that is empty, and in which nobody of us stands, cannot.
 */
import { chmodSync, mkdirSync, readdirSync, realpathSync, statfsSync } from 'node:fs';
import { hasCode, messageOf } from '../system/errno.ts';
import { unmount } from '../system/fuse.ts';

/** What a mount point that is made gets: everybody may look, as at the tree itself. */
const folderMode = 0o755;

/**
 * Makes the folder if it is missing, and takes away the mount that a daemon has left which was killed. Returns its
 * path without links. Throws one sentence for a person where nothing can be mounted there.
 */
export function readyMountPoint(folder: string): string {
  try {
    make(folder);
    const path = settledPath(folder);
    if (path === process.cwd()) throw new Error('it is the working directory: start from another one');
    if (readdirSync(path).length > 0) throw new Error('it is not empty: name an empty folder');
    return path;
  } catch (error) {
    throw cannotMount(folder, error);
  }
}

export function cannotMount(folder: string, error: unknown): Error {
  return new Error(`the containers cannot be mounted at ${folder}: ${messageOf(error)}`, { cause: error });
}

function make(folder: string): void {
  try {
    mkdirSync(folder);
    chmodSync(folder, folderMode);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/** The folder's path without links, once nothing is mounted there that nobody serves any more. */
function settledPath(folder: string): string {
  for (;;) {
    try {
      // Not stat(2): what the kernel keeps of a filesystem outlives whoever served it.
      statfsSync(folder);
      return realpathSync(folder);
    } catch (error) {
      if (!hasCode(error, 'ENOTCONN')) throw error;
      unmount(folder);
    }
  }
}
