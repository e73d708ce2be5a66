/**
 * The kernel's FUSE device (fuse(4)): a descriptor on which the kernel asks whoever serves a filesystem, message by
 * message, and gets replies. What the messages say is for others to know.
 *
 * The thread that serves a mount must never touch anything below its mount point: it would wait for itself, and could
 * not even be killed.
 */
import { closeSync, constants as openFlags, openSync } from 'node:fs';
import { constants } from 'node:os';
import { utf8BytesOf } from '../../events/bytes.ts';
import { cString } from './cStrings.ts';
import { SystemCallError } from './errno.ts';
import { mountThroughHelper, unmountThroughHelper } from './fusermount.ts';
import { checked, lastErrno, libc } from './libc.ts';

const { EAGAIN, ECONNABORTED, EINTR, ENODEV, ENOENT, ENOTCONN } = constants.errno;

const devicePath = '/dev/fuse';
/** What /proc/mounts calls whatever is mounted. */
const source = 'tasktrail';
/** MS_NOSUID, MS_NODEV and MS_NOEXEC (mount(2)): there is nothing in it that could be executed or opened as a device. */
const mountFlags = 2 | 4 | 8;
/** MS_RDONLY. */
const readOnlyFlag = 1;
/** MNT_DETACH (umount2(2)): whoever is in there stays, and nobody comes in any more. */
const detach = 2;
const directoryMode = '40000';
/** F_GETFL and F_SETFL (fcntl(2)). */
const flagCommands = { get: 3, set: 4 } as const;

/** How something is mounted. */
export interface FuseMount {
  /** What /proc/mounts calls the type, behind `fuse.`. */
  readonly subtype: string;
  readonly isReadOnly: boolean;
}

/**
 * Mounts at an empty folder what whoever reads the device that is returned serves: for everybody where it is root who
 * mounts, else for that user alone. The kernel checks mode bits and owners itself. Returns before the first message is
 * there. Throws an error whose message is a phrase for a person.
 */
export function mountFuse(folder: string, mount: FuseMount): FuseDevice {
  return process.geteuid?.() === 0 ? mountAsRoot(folder, mount) : mountAsUser(folder, mount);
}

function mountAsRoot(folder: string, mount: FuseMount): FuseDevice {
  const device = new FuseDevice(openSync(devicePath, openFlags.O_RDWR));
  try {
    device.mount(folder, mount);
    return device;
  } catch (error) {
    device.close();
    throw error;
  }
}

function mountAsUser(folder: string, { subtype, isReadOnly }: FuseMount): FuseDevice {
  const options = [
    `fsname=${source}`,
    `subtype=${subtype}`,
    'default_permissions',
    'nosuid',
    'nodev',
    'noexec',
    ...(isReadOnly ? ['ro'] : []),
  ];
  return new FuseDevice(mountThroughHelper(folder, options));
}

export class FuseDevice {
  readonly fd: number;

  /** `fd` is the device as somebody has opened it; it is this object's from now on. */
  constructor(fd: number) {
    this.fd = fd;
    const { fcntl } = libc();
    const flags = checked('asking how the FUSE device is open', fcntl(fd, flagCommands.get, 0));
    checked('opening the FUSE device', fcntl(fd, flagCommands.set, flags | openFlags.O_NONBLOCK));
  }

  /** Mounts what this device serves. Throws a SystemCallError, EPERM for whoever is not root. */
  mount(folder: string, { subtype, isReadOnly }: FuseMount): void {
    const options = [
      `fd=${this.fd}`,
      `rootmode=${directoryMode}`,
      'user_id=0',
      'group_id=0',
      'allow_other',
      'default_permissions',
    ].join(',');
    const result = libc().mount(
      cString(utf8BytesOf(source)),
      cString(utf8BytesOf(folder)),
      cString(`fuse.${subtype}`),
      mountFlags | (isReadOnly ? readOnlyFlag : 0),
      cString(options),
    );
    checked(`mounting at ${folder}`, result);
  }

  /**
   * Reads one message; its length in bytes, or that none is there, or that there will be none any more. Node's own call
   * throws where none is there, which takes ten times as long as the look.
   */
  read(into: Buffer): number | 'empty' | 'ended' {
    for (;;) {
      const sizeBytes = libc().read(this.fd, into, into.length);
      if (sizeBytes >= 0) return sizeBytes;
      const errno = lastErrno();
      if (errno === EAGAIN) return 'empty';
      if (errno === ENODEV) return 'ended';
      // ENOENT: whoever asked was killed before the message could be read.
      if (errno !== ENOENT && errno !== EINTR)
        throw new SystemCallError('reading what the kernel asks', errno);
    }
  }

  /**
   * Hands over one whole reply or notice. Nobody waits for it any more where its asker was killed, or the mount is gone;
   * nobody needs it where the kernel has forgotten the node that it is about.
   */
  write(reply: Buffer): void {
    if (libc().write(this.fd, reply, reply.length) === reply.length) return;
    const errno = lastErrno();
    if (![ENOENT, ENODEV, ENOTCONN, ECONNABORTED].includes(errno)) {
      throw new SystemCallError('answering the kernel', errno);
    }
  }

  /** Whoever still waits for a reply gets ECONNABORTED, and whatever is mounted gives ENOTCONN from now on. */
  close(): void {
    closeSync(this.fd);
  }
}

/**
 * Takes away what is mounted at a folder, at once for everybody who is not in there. Nothing happens where nothing is
 * mounted and it is root who asks. Throws an error whose message is a phrase for a person.
 */
export function unmount(folder: string): void {
  if (process.geteuid?.() !== 0) {
    unmountThroughHelper(folder);
    return;
  }
  const path = cString(utf8BytesOf(folder));
  const { umount2 } = libc();
  if (umount2(path, 0) === 0 || umount2(path, detach) === 0) return;
  const errno = lastErrno();
  if (errno !== constants.errno.EINVAL) throw new SystemCallError(`unmounting ${folder}`, errno);
}
