/**
 * Who is at the other end of a unix socket, by the kernel's word: the credentials that the peer had when it
 * connected (unix(7): SO_PEERCRED, SO_PEERGROUPS).
 */
import { constants } from 'node:os';
import { SystemCallError } from './errno.ts';
import { checked, lastErrno, libc } from './libc.ts';

export interface Peer {
  /** The process that connected, in the pid namespace of this one; it may be gone by now. */
  readonly pid: number;
  /** Effective user and group. */
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, in the kernel's order. */
  readonly groups: readonly number[];
}

const socketLevel = 1;
const options = { credentials: 17, groups: 59 } as const;

/** How many groups are asked for at first; most users are in fewer. */
const expectedGroups = 64;

/** The peer of the connected unix socket behind this descriptor. Throws a SystemCallError where there is none. */
export function peerOf(fd: number): Peer {
  const credentials = new Uint32Array(3);
  const sizeBytes = Uint32Array.of(credentials.byteLength);
  const result = libc().getsockopt(fd, socketLevel, options.credentials, credentials, sizeBytes);
  checked('asking who the peer of a socket is', result);
  const [pid = 0, uid = 0, gid = 0] = credentials;
  return { pid, uid, gid, groups: groupsOf(fd, expectedGroups) };
}

function groupsOf(fd: number, limit: number): number[] {
  const groups = new Uint32Array(limit);
  const sizeBytes = Uint32Array.of(groups.byteLength);
  if (libc().getsockopt(fd, socketLevel, options.groups, groups, sizeBytes) === 0) {
    return [...groups.subarray(0, wordsIn(sizeBytes))];
  }
  const errno = lastErrno();
  // There are more groups than room; the kernel has said how many.
  if (errno === constants.errno.ERANGE && wordsIn(sizeBytes) > limit) return groupsOf(fd, wordsIn(sizeBytes));
  throw new SystemCallError('asking for the groups of the peer of a socket', errno);
}

function wordsIn(sizeBytes: Uint32Array): number {
  return (sizeBytes[0] ?? 0) / Uint32Array.BYTES_PER_ELEMENT;
}
