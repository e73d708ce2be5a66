/**
 * The kernel's process connector (Documentation/driver-api/connector.rst, include/uapi/linux/cn_proc.h) as a socket:
 * what happens to tasks comes as messages. It is opened, told that we listen, and read many messages at a time. What
 * is in a message is the source's to know.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { SystemCallError } from './errno.ts';
import { addressOf, checked, lastErrno, libc } from './libc.ts';

/** Where a message's parts begin, in words of 32 bits: netlink's header, the connector's, and the event. */
const messageLayout = { connectorHeader: 4, event: 9 } as const;
/** The length of a message's place in `Connector.words`, in words. */
export const messageWords = 64;

// <sys/socket.h>, <linux/netlink.h>, <linux/cn_proc.h>.
const netlinkFamily = 16;
const datagram = 2 | 0o2000000;
const connectorProtocol = 11;
const processIndex = 1;
const operations = { listen: 1, ignore: 2 } as const;
const messageDone = 3;
const noEvent = 0;
const socketLevel = 1;
const options = { receiveBuffer: 8, receiveBufferForced: 33 } as const;
const doNotWait = 0x40;
const readable = 1;

/** How many messages are read by one call. */
const batch = 256;
/** The sizes of `struct iovec` and `struct mmsghdr` on a 64-bit machine, in words of 64 bits. */
const vectorWords = 2;
const headerWords = 8;

/** How long the kernel may take to answer; it does so at once, or, outside of the initial namespaces, never. */
const answerMs = 300;
const mostAsked = 100;

/**
 * Begins to listen: from the return of this call on, every message is queued, up to `bufferBytes` as the kernel
 * counts them. Throws a `SystemCallError` where the connector refuses or does not answer.
 */
export function openConnector(bufferBytes: number): Connector {
  const { socket, close } = libc();
  const fd = checked('opening a socket to the kernel', socket(netlinkFamily, datagram, connectorProtocol));
  try {
    return new Connector(fd, listenOn(fd, bufferBytes));
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Returns the size of the buffer as it has become: whoever is not root gets no more than the machine allows. */
function listenOn(fd: number, bufferBytes: number): number {
  const sizeBytes = growBuffer(fd, bufferBytes);
  const address = new Uint32Array([netlinkFamily, 0, processIndex]);
  checked('joining the group of process events', libc().bind(fd, address, address.byteLength));
  tell(fd, operations.listen);
  awaitAnswer(fd);
  return sizeBytes;
}

export class Connector {
  readonly fd: number;
  /** How much the kernel keeps for us: what a message takes of it is far more than its own length. */
  readonly bufferBytes: number;
  /** The messages that were received last, each at a multiple of `messageWords`. */
  readonly words = new Uint32Array(batch * messageWords);
  // The kernel is told where these are, so they live as long as this object does.
  readonly #vectors = new BigUint64Array(batch * vectorWords);
  readonly #headers = new BigUint64Array(batch * headerWords);
  #isOpen = true;

  constructor(fd: number, bufferBytes: number) {
    this.fd = fd;
    this.bufferBytes = bufferBytes;
    for (let i = 0; i < batch; i++) {
      const slotBytes = messageWords * Uint32Array.BYTES_PER_ELEMENT;
      this.#vectors[i * vectorWords] = BigInt(addressOf(this.words) + i * slotBytes);
      this.#vectors[i * vectorWords + 1] = BigInt(slotBytes);
      const vectorBytes = vectorWords * BigUint64Array.BYTES_PER_ELEMENT;
      this.#headers[i * headerWords + 2] = BigInt(addressOf(this.#vectors) + i * vectorBytes);
      this.#headers[i * headerWords + 3] = 1n;
    }
  }

  /**
   * Receives the next messages that are queued; returns how many, 0 for none, without waiting. `overrun`: since the
   * queue was last empty the kernel has had no room for some. They would stand behind those that are still queued.
   */
  receive(): number | 'overrun' {
    assert(this.#isOpen, 'the connector is closed');
    for (;;) {
      const received = libc().recvmmsg(this.fd, this.#headers, batch, doNotWait, 0);
      if (received !== -1) return received;
      const errno = lastErrno();
      if (errno === constants.errno.EAGAIN) return 0;
      if (errno === constants.errno.ENOBUFS) return 'overrun';
      if (errno === constants.errno.EINTR) continue;
      throw new SystemCallError('receiving process events', errno);
    }
  }

  close(): void {
    assert(this.#isOpen, 'the connector is closed');
    this.#isOpen = false;
    // Older kernels go on counting a listener that has only closed its socket.
    tell(this.fd, operations.ignore);
    checked('closing the socket to the kernel', libc().close(this.fd));
  }
}

/** Asks for this much room, for more than the machine allows where that may be; returns how much there is. */
function growBuffer(fd: number, bufferBytes: number): number {
  const { setsockopt, getsockopt } = libc();
  const wanted = Int32Array.of(bufferBytes);
  if (setsockopt(fd, socketLevel, options.receiveBufferForced, wanted, wanted.byteLength) === -1) {
    const result = setsockopt(fd, socketLevel, options.receiveBuffer, wanted, wanted.byteLength);
    checked('asking for a larger buffer of a socket', result);
  }
  const got = new Int32Array(1);
  const sizeBytes = Uint32Array.of(got.byteLength);
  const result = getsockopt(fd, socketLevel, options.receiveBuffer, got, sizeBytes);
  checked('asking how large the buffer of a socket is', result);
  return got[0] ?? 0;
}

function tell(fd: number, operation: number): void {
  const { connectorHeader, event } = messageLayout;
  const message = new Uint32Array(event + 1);
  message[0] = message.byteLength;
  message[1] = messageDone;
  message[connectorHeader] = processIndex;
  message[connectorHeader + 1] = processIndex;
  message[connectorHeader + 4] = Uint32Array.BYTES_PER_ELEMENT;
  message[event] = operation;
  checked('asking for process events', libc().send(fd, message, message.byteLength, 0));
}

/**
 * Real events may come first: they are of before we listen. They can also be so many that there is no room for the
 * answer; then it is asked for again.
 */
function awaitAnswer(fd: number): void {
  const attempt = 'waiting for the answer of the process connector';
  const { poll, recv } = libc();
  const message = new Uint32Array(messageWords);
  for (let asked = 1; ; ) {
    const waiting = new Int32Array([fd, readable]);
    const isReadable = checked(attempt, poll(waiting, 1, answerMs)) !== 0;
    if (!isReadable || asked > mostAsked) throw new SystemCallError(attempt, constants.errno.ETIMEDOUT);
    if (recv(fd, message, message.byteLength, 0) === -1) {
      const refusal = lastErrno();
      if (refusal !== constants.errno.ENOBUFS) throw new SystemCallError(attempt, refusal);
      tell(fd, operations.listen);
      asked += 1;
      continue;
    }
    if (message[messageLayout.event] !== noEvent) continue;
    const errno = message[messageLayout.event + 4] ?? 0;
    if (errno !== 0) throw new SystemCallError('listening to process events', errno);
    return;
  }
}
