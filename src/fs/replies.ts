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

/** What is answered to a request: the body of a reply, an errno, or nothing at all. */
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
/** Requests that the kernel sends before their askers wait for them; there are none but releases. */
const backgroundLimit = 16;
const congestedFrom = 12;
/** How long the kernel may keep what it is told, in seconds, unless a notice comes before. */
const keptSeconds = 3600n;
const notices = { attributes: 2, names: 8 } as const;
/** Of one name, in bytes (limits.h). */
const nameLimitBytes = 255;
const blockBytes = 4096;

/** A whole reply: its header (`struct fuse_out_header`) and its body; `nothing` has none. */
export function replyTo(unique: bigint, answer: Exclude<Answer, 'nothing'>): Buffer {
  const body = typeof answer === 'string' ? Buffer.alloc(0) : answer;
  const reply = Buffer.allocUnsafe(replyHeaderBytes + body.length);
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(typeof answer === 'string' ? -constants.errno[answer] : 0, 4);
  reply.writeBigUInt64LE(unique, 8);
  body.copy(reply, replyHeaderBytes);
  return reply;
}

/** It was done, and there is nothing to say of it. */
export function doneReply(): Buffer {
  return Buffer.alloc(0);
}

/** `struct fuse_init_out`; `offered` is what the kernel can do. */
export function initReply(offered: number): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(protocol.major, 0);
  body.writeUInt32LE(protocol.minor, 4);
  body.writeUInt32LE(offered & wantedFlags, 12);
  body.writeUInt16LE(backgroundLimit, 16);
  body.writeUInt16LE(congestedFrom, 18);
  body.writeUInt32LE(writeLimitBytes, 20);
  body.writeUInt32LE(1, 24);
  return body;
}

/** `struct fuse_entry_out`: a name and what it stands for; whether the name may be kept as well. */
export function entryReply(attributes: NodeAttributes, keepsNames: boolean): Buffer {
  const body = Buffer.alloc(40 + attributesBytes);
  body.writeBigUInt64LE(BigInt(attributes.number), 0);
  if (keepsNames) body.writeBigUInt64LE(keptSeconds, 16);
  body.writeBigUInt64LE(keptSeconds, 24);
  writeAttributes(body, 40, attributes);
  return body;
}

/** `struct fuse_attr_out`. */
export function attributesReply(attributes: NodeAttributes): Buffer {
  const body = Buffer.alloc(16 + attributesBytes);
  body.writeBigUInt64LE(keptSeconds, 0);
  writeAttributes(body, 16, attributes);
  return body;
}

/** `struct fuse_open_out`. */
export function openReply(handle: number, node: Node): Buffer {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(BigInt(handle), 0);
  body.writeUInt32LE(node === 'directory' ? 0 : directIo, 8);
  return body;
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
  const body = Buffer.alloc(8);
  body.writeUInt32LE(sizeBytes, 0);
  return body;
}

/** `struct fuse_statfs_out`: a filesystem without blocks, as the kernel's own of this kind. */
export function statfsReply(): Buffer {
  const body = Buffer.alloc(80);
  body.writeUInt32LE(blockBytes, 40);
  body.writeUInt32LE(nameLimitBytes, 44);
  body.writeUInt32LE(blockBytes, 48);
  return body;
}

/** One name of a directory. */
export interface DirectoryEntry {
  readonly number: number;
  readonly node: Node | 'link';
  readonly name: Bytes;
}

/** As many entries (`struct fuse_dirent`) from `offset` on as have room; an entry's offset is its place in the list. */
export function entriesReply(entries: readonly DirectoryEntry[], offset: number, sizeBytes: number): Buffer {
  const parts: Buffer[] = [];
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
