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
import { checked, lastErrno, libc } from './libc.ts';

const { EAGAIN, ECONNABORTED, EINTR, ENODEV, ENOENT, ENOTCONN } = constants.errno;

const devicePath = '/dev/fuse';
/** What /proc/mounts calls the type. */
const type = 'fuse.container';
/** MS_NOSUID, MS_NODEV and MS_NOEXEC (mount(2)): there is nothing in it that could be executed or opened as a device. */
const mountFlags = 2 | 4 | 8;
/** MNT_DETACH (umount2(2)): whoever is in there stays, and nobody comes in any more. */
const detach = 2;
const directoryMode = '40000';

export class FuseDevice {
  readonly fd: number;

  /** Throws where there is no such device, or nobody may use it here. */
  constructor() {
    this.fd = openSync(devicePath, openFlags.O_RDWR | openFlags.O_NONBLOCK);
  }

  /**
   * Mounts what this device serves at an empty folder, for everybody; the kernel checks mode bits and owners itself.
   * Returns before the first message is there. Throws a SystemCallError, EPERM for whoever is not root.
   */
  mount(folder: string, source: string): void {
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
      cString(type),
      mountFlags,
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
 * mounted. Throws a SystemCallError, EPERM for whoever is not root.
 */
export function unmount(folder: string): void {
  const path = cString(utf8BytesOf(folder));
  const { umount2 } = libc();
  if (umount2(path, 0) === 0 || umount2(path, detach) === 0) return;
  const errno = lastErrno();
  if (errno !== constants.errno.EINVAL) throw new SystemCallError(`unmounting ${folder}`, errno);
}
