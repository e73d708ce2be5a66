/**
 * The folder of a recording: who may use it, and how much of the disk it takes.
 */
import { chmodSync, chownSync, readdirSync, readFileSync, statSync } from 'node:fs';

/** Lets a group use a recording through its daemon: enter the folder, and write to the socket in it. */
export function shareFolder(folder: string, socketPath: string, group: string): void {
  chmodSync(socketPath, 0o660);
  const gid = groupId(group);
  if (gid === undefined || process.geteuid?.() !== 0) return;
  for (const path of [folder, socketPath]) chownSync(path, statSync(path).uid, gid);
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
