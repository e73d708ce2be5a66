/**
 * Messages between processes of one machine, each with a descriptor if need be (unix(7): SOCK_SEQPACKET, SCM_RIGHTS).
 * Node's own sockets cannot take descriptors that somebody else has opened.
 */
import { constants } from 'node:os';
import { type Bytes, bytesFrom, utf8BytesOf } from '../../events/bytes.ts';
import { SystemCallError } from './errno.ts';
import { addressOf, checked, lastErrno, libc } from './libc.ts';

export interface Message {
  readonly bytes: Bytes;
  /** A descriptor that came along, which is the receiver's to close. */
  readonly descriptor: number | undefined;
}

// <sys/socket.h>.
const unixFamily = 1;
const kinds = { stream: 1, packets: 5 } as const;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;
const socketLevel = 1;
const rights = 1;
const receiveCloseOnExec = 0x40000000;
const noSignal = 0x4000;
const readable = 1;
/** How many connections may wait to be taken. */
const backlog = 16;
/** The longest message. */
const messageBytes = 8192;
/** `struct cmsghdr` with one descriptor, and rounded up to whole words. */
const controlBytes = { used: 20, padded: 24 } as const;

/** A socket at a path, which must not be there, at which others connect. Its connections do not block. */
export function listenAt(path: string): number {
  const fd = openSocket(kinds.packets | nonBlocking);
  try {
    const address = addressFor(path);
    checked(`binding a socket to ${path}`, libc().bind(fd, address, address.length));
    checked(`listening at ${path}`, libc().listen(fd, backlog));
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** The next connection; undefined where none waits. */
export function acceptFrom(listener: number): number | undefined {
  const fd = libc().accept4(listener, 0, 0, closeOnExec | nonBlocking);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  // Whoever has gone away again, and whom nothing is left for, is not waiting.
  const { EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE } = constants.errno;
  if ([EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE].includes(errno)) return undefined;
  throw new SystemCallError('taking a connection', errno);
}

/** Throws a SystemCallError, ENOENT or ECONNREFUSED where nobody listens. */
export function connectTo(path: string): number {
  const fd = openSocket(kinds.packets);
  const address = addressFor(path);
  if (libc().connect(fd, address, address.length) === 0) return fd;
  const errno = lastErrno();
  libc().close(fd);
  throw new SystemCallError(`connecting to ${path}`, errno);
}

/** Two sockets that are connected with each other, as a stream. */
export function socketPair(): readonly [number, number] {
  const pair = new Int32Array(2);
  checked('opening two sockets', libc().socketpair(unixFamily, kinds.stream | closeOnExec, 0, pair));
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** Sends one message, with a descriptor where one is given. */
export function sendTo(fd: number, bytes: Bytes, descriptor?: number): void {
  const frame = new Frame(Buffer.from(bytes, 'latin1'), descriptor);
  checked('sending a message', libc().sendmsg(fd, frame.header, noSignal));
}

/**
 * Receives one message, after waiting for it for so long. Undefined where the other side is gone, or nothing has come.
 */
export function receiveFrom(fd: number, waitMs: number): Message | undefined {
  const waiting = new Int32Array([fd, readable]);
  if (libc().poll(waiting, 1, waitMs) <= 0) return undefined;
  const frame = new Frame(Buffer.alloc(messageBytes), -1);
  const sizeBytes = libc().recvmsg(fd, frame.header, receiveCloseOnExec);
  if (sizeBytes <= 0) return undefined;
  return { bytes: bytesFrom(frame.bytes.subarray(0, sizeBytes)), descriptor: frame.descriptor };
}

function openSocket(kind: number): number {
  return checked('opening a socket', libc().socket(unixFamily, kind | closeOnExec, 0));
}

function addressFor(path: string): Buffer {
  const address = Buffer.alloc(2 + 108);
  address.writeUInt16LE(unixFamily, 0);
  address.write(utf8BytesOf(path), 2, 'latin1');
  return address.subarray(0, 2 + utf8BytesOf(path).length + 1);
}

/** `struct msghdr` and what it points to: the message's bytes, and room for a descriptor or one that is sent. */
class Frame {
  readonly header = Buffer.alloc(56);
  readonly bytes: Buffer;
  readonly #vector = Buffer.alloc(16);
  readonly #control = Buffer.alloc(controlBytes.padded);

  constructor(bytes: Buffer, descriptor: number | undefined) {
    this.bytes = bytes;
    this.#vector.writeBigUInt64LE(BigInt(addressOf(bytes)), 0);
    this.#vector.writeBigUInt64LE(BigInt(bytes.length), 8);
    this.header.writeBigUInt64LE(BigInt(addressOf(this.#vector)), 16);
    this.header.writeBigUInt64LE(1n, 24);
    if (descriptor === undefined) return;
    this.#control.writeBigUInt64LE(BigInt(controlBytes.used), 0);
    this.#control.writeInt32LE(socketLevel, 8);
    this.#control.writeInt32LE(rights, 12);
    this.#control.writeInt32LE(descriptor, 16);
    this.header.writeBigUInt64LE(BigInt(addressOf(this.#control)), 32);
    this.header.writeBigUInt64LE(BigInt(controlBytes.padded), 40);
  }

  /** Of a message that was received: the descriptor that came along. */
  get descriptor(): number | undefined {
    const hasOne = this.header.readBigUInt64LE(40) >= BigInt(controlBytes.used);
    const isRights = this.#control.readInt32LE(8) === socketLevel && this.#control.readInt32LE(12) === rights;
    return hasOne && isRights ? this.#control.readInt32LE(16) : undefined;
  }
}
