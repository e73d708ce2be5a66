/**
 * The kernel's process connector (Documentation/driver-api/connector.rst, include/uapi/linux/cn_proc.h): only
 * whether it answers this process. It says that it listens, waits for the kernel's word, and stops listening.
 */

import { constants } from 'node:os';
import { SystemCallError } from './errno.ts';
import { checked, koffi, libc, type Memory } from './libc.ts';

// <sys/socket.h>, <linux/netlink.h>, <linux/cn_proc.h>.
const netlinkFamily = 16;
const datagram = 2 | 0o2000000;
const connectorProtocol = 11;
const processIndex = 1;
const operations = { listen: 1, ignore: 2 } as const;
const netlinkHeaderBytes = 16;
const connectorHeaderBytes = 20;
const messageDone = 3;
/** Where an event says what it is, and, of the answer to `listen`, its errno. */
const eventAt = netlinkHeaderBytes + connectorHeaderBytes;
const answerErrnoAt = eventAt + 16;
const noEvent = 0;
const readable = 1;

/** How long the kernel may take to answer; it does so at once, or, outside of the initial namespaces, never. */
const answerMs = 300;

/** Throws a `SystemCallError` where the connector refuses or does not answer. */
export function tryConnector(): void {
  const call = bound();
  const fd = checked(
    'opening a socket to the kernel',
    call.socket(netlinkFamily, datagram, connectorProtocol),
  );
  try {
    const address = new Uint32Array([netlinkFamily, 0, processIndex]);
    checked('joining the group of process events', call.bind(fd, address, address.byteLength));
    send(call, fd, operations.listen);
    awaitAnswer(call, fd);
    send(call, fd, operations.ignore);
  } finally {
    libc().close(fd);
  }
}

function send(call: Calls, fd: number, operation: number): void {
  const sizeBytes = eventAt + 4;
  const message = new DataView(new ArrayBuffer(sizeBytes));
  message.setUint32(0, sizeBytes, true);
  message.setUint16(4, messageDone, true);
  message.setUint32(netlinkHeaderBytes, processIndex, true);
  message.setUint32(netlinkHeaderBytes + 4, processIndex, true);
  message.setUint16(netlinkHeaderBytes + 16, 4, true);
  message.setUint32(eventAt, operation, true);
  const bytes = new Uint8Array(message.buffer);
  checked('asking for process events', call.send(fd, bytes, bytes.length, 0));
}

/** Real events may come first. */
function awaitAnswer(call: Calls, fd: number): void {
  const attempt = 'waiting for the answer of the process connector';
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  for (;;) {
    const waiting = new Int32Array([fd, readable]);
    if (checked(attempt, call.poll(waiting, 1, answerMs)) === 0)
      throw new SystemCallError(attempt, constants.errno.ETIMEDOUT);
    checked(attempt, call.recv(fd, bytes, bytes.length, 0));
    if (view.getUint32(eventAt, true) !== noEvent) continue;
    const errno = view.getUint32(answerErrnoAt, true);
    if (errno !== 0) throw new SystemCallError('listening to process events', errno);
    return;
  }
}

interface Calls {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Memory, sizeBytes: number) => number;
  readonly send: (fd: number, message: Memory, sizeBytes: number, flags: number) => number;
  readonly recv: (fd: number, into: Memory, sizeBytes: number, flags: number) => number;
  readonly poll: (descriptors: Memory, count: number, timeoutMs: number) => number;
}

function bound(): Calls {
  const library = koffi().load(null);
  return {
    socket: library.func('socket', 'int', ['int', 'int', 'int']),
    bind: library.func('bind', 'int', ['int', 'void *', 'uint']),
    send: library.func('send', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    recv: library.func('recv', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    poll: library.func('poll', 'int', ['void *', 'ulong', 'int']),
  };
}
