/**
 * Replies: what the kernel gets for a request, as bytes (include/uapi/linux/fuse.h, protocol 7.31). Nothing may be
 * kept by the kernel: every name and attribute is asked for again when it is needed, so that nobody sees a tree as it
 * was.
 */
import { constants } from 'node:os';
import type { Bytes } from '../../events/bytes.ts';
import type { Node } from '../../events/event.ts';
import type { Errno } from '../kernel/errno.ts';
import { attributesBytes, type NodeAttributes, typeOf, writeAttributes } from './attributes.ts';

/** What is answered to a request: the body of a reply, an errno, or nothing at all. */
export type Answer = Buffer | Errno | 'ENOSYS' | 'nothing';

export const protocol = { major: 7, minor: 31 } as const;

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
/** Of one name, in bytes (limits.h). */
const nameLimitBytes = 255;
const blockBytes = 4096;

/** A whole reply: its header (`struct fuse_out_header`) and its body; `nothing` has none. */
export function replyTo(unique: bigint, answer: Exclude<Answer, 'nothing'>): Buffer {
  const body = typeof answer === 'string' ? Buffer.alloc(0) : answer;
  const reply = Buffer.alloc(replyHeaderBytes + body.length);
  reply.writeUInt32LE(reply.length, 0);
  if (typeof answer === 'string') reply.writeInt32LE(-constants.errno[answer], 4);
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

/** `struct fuse_entry_out`: a name and what it stands for. */
export function entryReply(attributes: NodeAttributes): Buffer {
  const body = Buffer.alloc(40 + attributesBytes);
  body.writeBigUInt64LE(BigInt(attributes.number), 0);
  writeAttributes(body, 40, attributes);
  return body;
}

/** `struct fuse_attr_out`. */
export function attributesReply(attributes: NodeAttributes): Buffer {
  const body = Buffer.alloc(16 + attributesBytes);
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
