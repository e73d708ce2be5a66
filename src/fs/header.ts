/**
 * The header of a message of the kernel's FUSE protocol (`struct fuse_in_header` of include/uapi/linux/fuse.h): what
 * is asked, about which node, and by whom. All numbers are in the machine's byte order, which is little-endian on
 * every machine that tasktrail runs on.
 */

/** What the kernel may ask for, by its own numbers; what is not here is not answered with more than ENOSYS. */
export const operations = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const;

/** Whether the kernel waits for a reply to such a message. */
export function isAnswered(operation: number): boolean {
  const { forget, batchForget, interrupt } = operations;
  return operation !== forget && operation !== batchForget && operation !== interrupt;
}

export interface Header {
  readonly operation: number;
  /** Names the message; its reply carries the same. */
  readonly unique: bigint;
  /** The node that is asked about, as `node.ts` numbers them; 0 where none is meant. */
  readonly node: number;
  /** Of the asking thread: its fsuid and fsgid. */
  readonly uid: number;
  readonly gid: number;
  /** The asking thread, in our pid namespace; 0 where it is not in there, or where the kernel itself asks. */
  readonly pid: number;
}

export const headerBytes = 40;

/**
 * The header of one whole message. Undefined where the bytes are not one: then nobody can be answered, since the
 * message that would be answered has no name.
 */
export function headerOf(message: Buffer): Header | undefined {
  if (message.length < headerBytes || message.readUInt32LE(0) !== message.length) return undefined;
  const node = message.readUInt32LE(16) + message.readUInt32LE(20) * 2 ** 32;
  if (node > Number.MAX_SAFE_INTEGER) return undefined;
  return {
    operation: message.readUInt32LE(4),
    unique: message.readBigUInt64LE(8),
    node,
    uid: message.readUInt32LE(24),
    gid: message.readUInt32LE(28),
    pid: message.readUInt32LE(32),
  };
}
