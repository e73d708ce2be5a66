/**
 * Replies: what the kernel gets for a request, and notices that it gets without one, as bytes
 * (include/uapi/linux/fuse.h, protocol 7.31). Attributes are the kernel's to keep until a notice says otherwise, and so
 * are names where it knows the notice for them (7.44, Linux 6.16).
 */
import { constants } from 'node:os';
import type { Bytes } from '../../events/bytes.ts';
import type { Node } from '../../events/event.ts';
import type { Errno } from '../kernel/errno.ts';
import { attributesBytes, type NodeAttributes, typeOf, writeAttributes } from './attributes.ts';

/**
 * What is answered to a request: a reply, an errno, or nothing at all. The reply is whole but for its header, for which
 * it has room: who asked is for the session to know.
 */
export type Answer = Buffer | Errno | 'ENOSYS' | 'nothing';

export const protocol = { major: 7, minor: 31 } as const;

/** From this minor version on the kernel takes notice that no name is what it was. */
export const namesNoticeMinor = 44;

/** The longest text that one WRITE brings, of a write(2) that is longer: far more than a container's files take. */
export const writeLimitBytes = 64 * 1024;

/** What we take of that the kernel can do: FUSE_ATOMIC_O_TRUNC and FUSE_BIG_WRITES. */
const wantedFlags = (1 << 3) | (1 << 5);
/** FOPEN_DIRECT_IO: reads are not cut off at the file's size, which is 0, and each write is one request. */
const directIo = 1;
const replyHeaderBytes = 16;
/** Where a reply's body begins. */
const bodyAt = replyHeaderBytes;
/** Requests that the kernel sends before their askers wait for them; there are none but releases. */
const backgroundLimit = 16;
const congestedFrom = 12;
/** How long the kernel may keep what it is told, in seconds, unless a notice comes before. */
const keptSeconds = 3600n;
const notices = { attributes: 2, names: 8 } as const;
/** Of one name, in bytes (limits.h). */
const nameLimitBytes = 255;
const blockBytes = 4096;

/** Puts the header (`struct fuse_out_header`) on a reply; `nothing` has none. */
export function replyTo(unique: bigint, answer: Exclude<Answer, 'nothing'>): Buffer {
  const reply = typeof answer === 'string' ? emptyReply(0) : answer;
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(typeof answer === 'string' ? -constants.errno[answer] : 0, 4);
  reply.writeBigUInt64LE(unique, 8);
  return reply;
}

/** A reply whose body is so many zeros. Small ones share memory, which makes them cheap to hand to the kernel. */
function emptyReply(bodyBytes: number): Buffer {
  return Buffer.allocUnsafe(replyHeaderBytes + bodyBytes).fill(0);
}

/** It was done, and there is nothing to say of it. */
export function doneReply(): Buffer {
  return emptyReply(0);
}

/** What is read of a file or a link. */
export function textReply(text: Bytes): Buffer {
  const reply = emptyReply(text.length);
  reply.write(text, bodyAt, 'latin1');
  return reply;
}

/** `struct fuse_init_out`; `offered` is what the kernel can do. */
export function initReply(offered: number): Buffer {
  const reply = emptyReply(64);
  reply.writeUInt32LE(protocol.major, bodyAt);
  reply.writeUInt32LE(protocol.minor, bodyAt + 4);
  reply.writeUInt32LE(offered & wantedFlags, bodyAt + 12);
  reply.writeUInt16LE(backgroundLimit, bodyAt + 16);
  reply.writeUInt16LE(congestedFrom, bodyAt + 18);
  reply.writeUInt32LE(writeLimitBytes, bodyAt + 20);
  reply.writeUInt32LE(1, bodyAt + 24);
  return reply;
}

/** `struct fuse_entry_out`: a name and what it stands for; whether the name may be kept as well. */
export function entryReply(attributes: NodeAttributes, keepsNames: boolean): Buffer {
  const reply = emptyReply(40 + attributesBytes);
  reply.writeBigUInt64LE(BigInt(attributes.number), bodyAt);
  if (keepsNames) reply.writeBigUInt64LE(keptSeconds, bodyAt + 16);
  reply.writeBigUInt64LE(keptSeconds, bodyAt + 24);
  writeAttributes(reply, bodyAt + 40, attributes);
  return reply;
}

/** `struct fuse_attr_out`. */
export function attributesReply(attributes: NodeAttributes): Buffer {
  const reply = emptyReply(16 + attributesBytes);
  reply.writeBigUInt64LE(keptSeconds, bodyAt);
  writeAttributes(reply, bodyAt + 16, attributes);
  return reply;
}

/** `struct fuse_open_out`. */
export function openReply(handle: number, node: Node): Buffer {
  const reply = emptyReply(16);
  reply.writeBigUInt64LE(BigInt(handle), bodyAt);
  reply.writeUInt32LE(node === 'directory' ? 0 : directIo, bodyAt + 8);
  return reply;
}

/** FUSE_NOTIFY_INVAL_INODE: the attributes of a node are not what they were. Its content is never kept. */
export function attributesNotice(node: number): Buffer {
  const notice = Buffer.alloc(replyHeaderBytes + 24);
  notice.writeUInt32LE(notice.length, 0);
  notice.writeInt32LE(notices.attributes, 4);
  notice.writeBigUInt64LE(BigInt(node), replyHeaderBytes);
  // From a negative offset on: no content.
  notice.writeBigInt64LE(-1n, replyHeaderBytes + 8);
  return notice;
}

/** FUSE_NOTIFY_INC_EPOCH: every name has to be asked for again. */
export function namesNotice(): Buffer {
  const notice = Buffer.alloc(replyHeaderBytes);
  notice.writeUInt32LE(notice.length, 0);
  notice.writeInt32LE(notices.names, 4);
  return notice;
}

/** `struct fuse_write_out`. */
export function writtenReply(sizeBytes: number): Buffer {
  const reply = emptyReply(8);
  reply.writeUInt32LE(sizeBytes, bodyAt);
  return reply;
}

/** `struct fuse_statfs_out`: a filesystem without blocks, as the kernel's own of this kind. */
export function statfsReply(): Buffer {
  const reply = emptyReply(80);
  reply.writeUInt32LE(blockBytes, bodyAt + 40);
  reply.writeUInt32LE(nameLimitBytes, bodyAt + 44);
  reply.writeUInt32LE(blockBytes, bodyAt + 48);
  return reply;
}

/** One name of a directory. */
export interface DirectoryEntry {
  readonly number: number;
  readonly node: Node | 'link';
  readonly name: Bytes;
}

/** As many entries (`struct fuse_dirent`) from `offset` on as have room; an entry's offset is its place in the list. */
export function entriesReply(entries: readonly DirectoryEntry[], offset: number, sizeBytes: number): Buffer {
  const parts = [emptyReply(0)];
  let room = sizeBytes;
  for (let i = offset; i < entries.length; i++) {
    const part = direntOf(entries[i] as DirectoryEntry, i + 1);
    room -= part.length;
    if (room < 0) break;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const direntBytes = 24;

function direntOf({ number, node, name }: DirectoryEntry, next: number): Buffer {
  const dirent = Buffer.alloc(Math.ceil((direntBytes + name.length) / 8) * 8);
  dirent.writeBigUInt64LE(BigInt(number), 0);
  dirent.writeBigUInt64LE(BigInt(next), 8);
  dirent.writeUInt32LE(name.length, 16);
  dirent.writeUInt32LE(typeOf(node) >> 12, 20);
  dirent.write(name, direntBytes, 'latin1');
  return dirent;
}
