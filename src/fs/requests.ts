/**
 * Requests: what a message of the FUSE protocol asks for, as plain data (include/uapi/linux/fuse.h, protocol 7.31).
 * Every field is checked against the message's own length; what is not of the protocol's form is `malformed` and goes
 * no further. Whether a request makes sense is for the filesystem to say.
 */
import type { Bytes } from '../../events/bytes.ts';
import { type Header, headerBytes, operations } from './header.ts';
import type { Instant, WantedTimes } from './times.ts';

export type FuseRequest =
  | { readonly type: 'init'; readonly major: number; readonly minor: number; readonly flags: number }
  | { readonly type: 'lookup'; readonly name: Bytes }
  | { readonly type: 'rmdir'; readonly name: Bytes }
  | { readonly type: 'unlink'; readonly name: Bytes }
  | { readonly type: 'forget'; readonly forgotten: readonly Forgotten[] }
  | { readonly type: 'getattr' }
  | { readonly type: 'readlink' }
  | { readonly type: 'statfs' }
  | { readonly type: 'opendir' }
  | SetattrRequest
  | { readonly type: 'mkdir'; readonly name: Bytes; readonly mode: number; readonly umask: number }
  | { readonly type: 'make'; readonly what: 'create' | 'fifo' | 'symlink' | 'link'; readonly name: Bytes }
  | RenameRequest
  | { readonly type: 'open'; readonly flags: number }
  | RangeRequest<'read'>
  | RangeRequest<'readdir'>
  | { readonly type: 'write'; readonly handle: number; readonly text: Bytes }
  | { readonly type: 'release'; readonly handle: number }
  | { readonly type: 'access'; readonly mask: number }
  /** `interrupt` is about a request that is answered anyway; `destroy` says that the mount is gone. */
  | { readonly type: 'interrupt' }
  | { readonly type: 'destroy' }
  | { readonly type: 'unknown' }
  | { readonly type: 'malformed' };

/** How many of its lookups of a node the kernel has forgotten. */
export interface Forgotten {
  readonly node: number;
  readonly lookups: number;
}

/** What is undefined stays. Sizes are not kept, so nothing is said of them. */
export interface SetattrRequest {
  readonly type: 'setattr';
  /** Undefined where none is to be set. */
  readonly times?: WantedTimes;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface RenameRequest {
  readonly type: 'rename';
  readonly name: Bytes;
  /** The node of the directory that it is to be in. */
  readonly toNode: number;
  readonly toName: Bytes;
  /** RENAME_EXCHANGE (rename(2)). */
  readonly exchange: boolean;
}

/** A part of what an open handle stands for. */
export interface RangeRequest<Type extends 'read' | 'readdir'> {
  readonly type: Type;
  readonly handle: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What a message asks for, whose header is sound. */
export function requestOf({ operation, node }: Header, message: Buffer): FuseRequest {
  try {
    return parse(operation, node, new Body(message));
  } catch (error) {
    if (error instanceof Malformed) return { type: 'malformed' };
    throw error;
  }
}

function parse(operation: number, node: number, body: Body): FuseRequest {
  switch (operation) {
    case operations.init:
      return { type: 'init', major: body.word(0), minor: body.word(4), flags: body.word(12) };
    case operations.lookup:
      return { type: 'lookup', name: body.lastName(0) };
    case operations.rmdir:
      return { type: 'rmdir', name: body.lastName(0) };
    case operations.unlink:
      return { type: 'unlink', name: body.lastName(0) };
    case operations.forget:
      return { type: 'forget', forgotten: [{ node, lookups: body.long(0) }] };
    case operations.batchForget:
      return { type: 'forget', forgotten: forgottenIn(body) };
    case operations.getattr:
      return { type: 'getattr' };
    case operations.readlink:
      return { type: 'readlink' };
    case operations.setattr:
      return setattr(body);
    case operations.mkdir:
      return { type: 'mkdir', mode: body.word(0), umask: body.word(4), name: body.lastName(8) };
    case operations.create:
      return { type: 'make', what: 'create', name: body.lastName(16) };
    case operations.mknod:
      return { type: 'make', what: isRegular(body.word(0)) ? 'create' : 'fifo', name: body.lastName(16) };
    case operations.symlink:
      return { type: 'make', what: 'symlink', name: body.names(0)[0] };
    case operations.link:
      return { type: 'make', what: 'link', name: body.lastName(8) };
    case operations.rename:
      return rename(body, 8, 0);
    case operations.rename2:
      return rename(body, 16, body.word(8));
    case operations.open:
      return { type: 'open', flags: body.word(0) };
    case operations.opendir:
      return { type: 'opendir' };
    case operations.read:
      return range('read', body);
    case operations.readdir:
      return range('readdir', body);
    case operations.write:
      return { type: 'write', handle: body.long(0), text: body.rest(writeBytes, body.word(16)) };
    case operations.release:
    case operations.releasedir:
      return { type: 'release', handle: body.long(0) };
    case operations.statfs:
      return { type: 'statfs' };
    case operations.access:
      return { type: 'access', mask: body.word(0) };
    case operations.interrupt:
      return { type: 'interrupt' };
    case operations.destroy:
      return { type: 'destroy' };
    default:
      return { type: 'unknown' };
  }
}

/** `struct fuse_write_in`; the text follows. */
const writeBytes = 40;
/** `struct fuse_batch_forget_in`, and each `struct fuse_forget_one` after it. */
const batchBytes = 8;
const forgottenBytes = 16;
const renameExchange = 2;

function forgottenIn(body: Body): Forgotten[] {
  const forgotten: Forgotten[] = [];
  const count = body.word(0);
  for (let i = 0; i < count; i++) {
    const at = batchBytes + i * forgottenBytes;
    forgotten.push({ node: body.long(at), lookups: body.long(at + 8) });
  }
  return forgotten;
}

/** Which of its fields count, `struct fuse_setattr_in` says by bits (FATTR_MODE, FATTR_UID and so on). */
function setattr(body: Body): SetattrRequest {
  const valid = body.word(0);
  const [mode, uid, gid] = [body.word(68), body.word(76), body.word(80)];
  return {
    type: 'setattr',
    ...((valid & 1) !== 0 && { mode: mode & 0o7777 }),
    ...((valid & 2) !== 0 && { uid }),
    ...((valid & 4) !== 0 && { gid }),
    ...((valid & (accessedBits.set | modifiedBits.set)) !== 0 && { times: wantedTimes(body, valid) }),
  };
}

/** FATTR_ATIME and FATTR_ATIME_NOW, and the same of the mtime. */
const accessedBits = { set: 1 << 4, now: 1 << 7 } as const;
const modifiedBits = { set: 1 << 5, now: 1 << 8 } as const;

function wantedTimes(body: Body, valid: number): WantedTimes {
  const wanted = (bits: { readonly set: number; readonly now: number }, instant: Instant): Instant | 'now' =>
    (valid & bits.now) !== 0 ? 'now' : instant;
  return {
    ...((valid & accessedBits.set) !== 0 && { accessed: wanted(accessedBits, body.instant(32, 56)) }),
    ...((valid & modifiedBits.set) !== 0 && { modified: wanted(modifiedBits, body.instant(40, 60)) }),
  };
}

function rename(body: Body, namesAt: number, flags: number): RenameRequest {
  const [name, toName] = body.names(namesAt);
  return { type: 'rename', name, toNode: body.long(0), toName, exchange: (flags & renameExchange) !== 0 };
}

function range<Type extends 'read' | 'readdir'>(type: Type, body: Body): RangeRequest<Type> {
  return { type, handle: body.long(0), offset: body.long(8), sizeBytes: body.word(16) };
}

/** By the type bits of a mode (inode(7)); none mean a regular file too. */
function isRegular(mode: number): boolean {
  const type = mode & 0o170000;
  return type === 0o100000 || type === 0;
}

class Malformed extends Error {}

/** What follows a header. Whoever reads past the end of it, or finds no name where one must be, throws Malformed. */
class Body {
  readonly #message: Buffer;

  constructor(message: Buffer) {
    this.#message = message;
  }

  word(at: number): number {
    this.#require(at + 4);
    return this.#message.readUInt32LE(headerBytes + at);
  }

  /** A number of 64 bits. No node, handle, offset or count of ours comes near 2^53. */
  long(at: number): number {
    this.#require(at + 8);
    const message = this.#message;
    const value =
      message.readUInt32LE(headerBytes + at) + message.readUInt32LE(headerBytes + at + 4) * 2 ** 32;
    if (value > Number.MAX_SAFE_INTEGER) throw new Malformed();
    return value;
  }

  /** A time before the epoch has seconds below 0; none of ours comes near 2^53 of them, on either side. */
  instant(secondsAt: number, nanosecondsAt: number): Instant {
    this.#require(secondsAt + 8);
    const seconds = Number(this.#message.readBigInt64LE(headerBytes + secondsAt));
    const nanoseconds = this.word(nanosecondsAt);
    if (!Number.isSafeInteger(seconds) || nanoseconds >= 1e9) throw new Malformed();
    return { seconds, nanoseconds };
  }

  /** The one name from here to the end: not empty, and ended by the message's only NUL. */
  lastName(at: number): Bytes {
    this.#require(at + 2);
    const start = headerBytes + at;
    const end = this.#message.indexOf(0, start);
    if (end <= start || end !== this.#message.length - 1) throw new Malformed();
    return this.#message.toString('latin1', start, end);
  }

  /** Two names, one after the other. */
  names(at: number): readonly [Bytes, Bytes] {
    this.#require(at + 2);
    const start = headerBytes + at;
    const end = this.#message.indexOf(0, start);
    if (end <= start) throw new Malformed();
    return [this.#message.toString('latin1', start, end), this.lastName(end + 1 - headerBytes)];
  }

  /** Everything from here on, which has to be so many bytes. */
  rest(at: number, sizeBytes: number): Bytes {
    if (this.#message.length !== headerBytes + at + sizeBytes) throw new Malformed();
    return this.#message.toString('latin1', headerBytes + at);
  }

  #require(sizeBytes: number): void {
    if (this.#message.length < headerBytes + sizeBytes) throw new Malformed();
  }
}
