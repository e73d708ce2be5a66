/**
 * Attributes: what stat(2) shows of a node, as `struct fuse_attr` of include/uapi/linux/fuse.h has it.
 */
import type { Node } from '../../events/event.ts';
import type { Attributes } from '../../projections/hierarchy.ts';
import type { Instant, NodeTimes } from './times.ts';

export interface NodeAttributes extends Attributes {
  /** As `node.ts` numbers them; it is the inode number too. */
  readonly number: number;
  readonly node: Node | 'link';
  /** How many names lead to it; 0 once it was removed. */
  readonly links: number;
  readonly times: NodeTimes;
}

export const attributesBytes = 88;

const types = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const blockBytes = 4096;

/** The type bits of a node's mode (inode(7)). */
export function typeOf(node: Node | 'link'): number {
  return node === 'directory' || node === 'link' ? types[node] : types.file;
}

/** Writes attributes into zeros. The size of every file is 0, as with the kernel's own files of this kind. */
export function writeAttributes(into: Buffer, at: number, attributes: NodeAttributes): void {
  const { number, node, mode, links, uid, gid, times } = attributes;
  into.writeBigUInt64LE(BigInt(number), at);
  writeInstant(into, at + 24, at + 48, times.accessed);
  writeInstant(into, at + 32, at + 52, times.modified);
  writeInstant(into, at + 40, at + 56, times.changed);
  into.writeUInt32LE(typeOf(node) | mode, at + 60);
  into.writeUInt32LE(links, at + 64);
  into.writeUInt32LE(uid, at + 68);
  into.writeUInt32LE(gid, at + 72);
  into.writeUInt32LE(blockBytes, at + 80);
}

function writeInstant(into: Buffer, secondsAt: number, nanosecondsAt: number, instant: Instant): void {
  into.writeBigInt64LE(BigInt(instant.seconds), secondsAt);
  into.writeUInt32LE(instant.nanoseconds, nanosecondsAt);
}
