/**
 * The mount table of this process's mount namespace (proc_pid_mountinfo(5)): what is mounted where. It is read without
 * touching what is mounted: that may hang, or be served by this very thread.
 */
import { readFileSync } from 'node:fs';
import type { Bytes } from '../../events/bytes.ts';

/** What the table tells of a mount that shows a file system from its root on. */
export interface Mount {
  /** As stat(2) gives it. */
  readonly device: number;
  readonly mountPoint: Bytes;
  readonly fileSystem: string;
  readonly options: readonly string[];
}

/** Every mount, in the order in which they were made. */
export function mountTable(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** Reads the text of a `mountinfo` file. Mounts of a part of a file system are left out. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', root, mountPoint = ''] = before.split(' ');
    const [fileSystem = '', , options = ''] = after.split(' ');
    if (root !== '/') continue;
    mounts.push({
      device: deviceNumber(device),
      mountPoint: unescaped(mountPoint),
      fileSystem,
      options: options.split(','),
    });
  }
  return mounts;
}

/** `major:minor` as stat(2) gives it (glibc's makedev). */
function deviceNumber(text: string): number {
  const [major = 0, minor = 0] = text.split(':').map(Number);
  return (minor & 0xff) + major * 2 ** 8 + (minor >>> 8) * 2 ** 20;
}

/** In mountinfo a space, a tab, a newline and a backslash stand as three octal digits behind a backslash. */
function unescaped(path: Bytes): Bytes {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
