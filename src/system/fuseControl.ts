/**
 * The control filesystem of FUSE (fusectl, Documentation/filesystems/fuse.rst): a folder for each connection between a
 * mount and who serves it, in which can be read how many wait for an answer, and by which it can be cut.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cString } from './cStrings.ts';
import { hasCode } from './errno.ts';
import { checked, libc } from './libc.ts';
import { mountTable } from './mountTable.ts';

const folder = '/sys/fs/fuse/connections';
/** How the types begin that we mount: numbers are given out again when a mount has gone. */
const ours = 'fuse.container';
/** CLONE_NEWNS of unshare(2); MS_REC and MS_PRIVATE of mount(2). */
const newMounts = 0x20000;
const privateBelow = 0x4000 | 0x40000;

/** The number of the connection that serves what is mounted last at a folder; undefined where none does. */
export function connectionAt(mountPoint: string): number | undefined {
  const path = Buffer.from(mountPoint).toString('latin1');
  const mount = mountTable().findLast((one) => one.mountPoint === path);
  return mount?.fileSystem.startsWith(ours) ? connectionOf(mount.device) : undefined;
}

/** Where a connection is mounted in this process's mount namespace. */
export function mountPointsOf(connection: number): string[] {
  return mountTable()
    .filter(({ device, fileSystem }) => fileSystem.startsWith(ours) && connectionOf(device) === connection)
    .map(({ mountPoint }) => Buffer.from(mountPoint, 'latin1').toString());
}

/** How many requests of a connection wait to be answered; 0 where there is no such connection any more. */
export function waitingAt(connection: number): number {
  try {
    return Number(readFileSync(`${folder}/${connection}/waiting`, 'latin1'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

/** Cuts a connection: whoever waits gets ECONNABORTED, and whoever comes ENOTCONN. */
export function abort(connection: number): void {
  try {
    writeFileSync(`${folder}/${connection}/abort`, '1');
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/**
 * Makes sure that connections can be found there. Where nobody has mounted the filesystem, this process gets a mount
 * namespace of its own, with it: nobody else sees that. Throws for whoever is not root.
 */
export function reachControl(): void {
  if (isMounted()) return;
  checked('leaving the mount namespace', libc().unshare(newMounts));
  const none = cString('none');
  checked('keeping mounts to this process', libc().mount(none, cString('/'), none, privateBelow, none));
  const type = cString('fusectl');
  checked('mounting fusectl', libc().mount(type, cString(folder), type, 0, cString('')));
}

function isMounted(): boolean {
  return mountTable().some(({ fileSystem }) => fileSystem === 'fusectl');
}

/** The minor number of a device without a major one, which stat(2) gives in two parts. */
function connectionOf(device: number): number {
  return (device & 0xff) + Math.floor(device / 2 ** 20) * 2 ** 8;
}
