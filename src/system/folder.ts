/**
 * The folder of a recording: who may use it, and how much of the disk it takes.
 */
import { chmodSync, chownSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';

/** The mode of a folder that is made for a recording. */
const folderMode = 0o750;
/** Files come and go all the time, and looking at each takes its time. */
const sizeAgeUs = 1_000_000;

/**
 * Lets a group use a recording through its daemon: enter the folder, and write to the socket in it. A folder
 * that is not as we make one was made by somebody who has said who may enter it, and stays as it is.
 */
export function shareFolder(folder: string, socketPath: string, group: string): void {
  chmodSync(socketPath, 0o660);
  const gid = groupId(group);
  if (gid === undefined || process.geteuid?.() !== 0) return;
  chownSync(socketPath, statSync(socketPath).uid, gid);
  if (isAsMade(folder)) chownSync(folder, statSync(folder).uid, gid);
}

function isAsMade(folder: string): boolean {
  const { uid, gid, mode } = statSync(folder);
  return uid === process.geteuid?.() && gid === process.getegid?.() && (mode & 0o7777) === folderMode;
}

/** Whether somebody who is neither the owner of a folder nor in its group may enter it. */
export function othersMayEnter(folder: string): boolean {
  return (statSync(folder).mode & 0o001) !== 0;
}

/** Tells how many bytes the files in a folder hold, as it was at most a second ago. */
export function folderSize(folder: string, nowUs: () => number): () => number {
  let sizeBytes = 0;
  let lookedUs = Number.NEGATIVE_INFINITY;
  return () => {
    if (nowUs() - lookedUs >= sizeAgeUs) {
      sizeBytes = folderBytes(folder);
      lookedUs = nowUs();
    }
    return sizeBytes;
  };
}

/** The size of the filesystem that a folder is in, and what ordinary users may still write to it; bytes. */
export function filesystemOf(folder: string): { readonly totalBytes: number; readonly freeBytes: number } {
  const { bsize, blocks, bavail } = statfsSync(folder);
  return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
}

/** The bytes that the files in a folder hold, without folders in it. */
export function folderBytes(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder)) {
    // LevelDB removes files at any time.
    sum += statSync(`${folder}/${name}`, { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

/** The number of a group in /etc/group; undefined where there is none of this name. */
function groupId(name: string): number | undefined {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const gid = line?.split(':')[2];
  return gid === undefined ? undefined : Number(gid);
}
