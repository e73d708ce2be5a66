/**
 * The kernel's process connector (Documentation/driver-api/connector.rst, include/uapi/linux/cn_proc.h): only
 * whether it answers this process. It says that it listens, waits for the kernel's word, and stops listening.
 */
import { constants } from 'node:os';
import { SystemCallError } from './errno.ts';
import { checked, libc } from './libc.ts';

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
  const { socket, bind, close } = libc();
  const fd = checked('opening a socket to the kernel', socket(netlinkFamily, datagram, connectorProtocol));
  try {
    const address = new Uint32Array([netlinkFamily, 0, processIndex]);
    checked('joining the group of process events', bind(fd, address, address.byteLength));
    send(fd, operations.listen);
    awaitAnswer(fd);
    send(fd, operations.ignore);
  } finally {
    close(fd);
  }
}

function send(fd: number, operation: number): void {
  const sizeBytes = eventAt + 4;
  const message = new DataView(new ArrayBuffer(sizeBytes));
  message.setUint32(0, sizeBytes, true);
  message.setUint16(4, messageDone, true);
  message.setUint32(netlinkHeaderBytes, processIndex, true);
  message.setUint32(netlinkHeaderBytes + 4, processIndex, true);
  message.setUint16(netlinkHeaderBytes + 16, 4, true);
  message.setUint32(eventAt, operation, true);
  const bytes = new Uint8Array(message.buffer);
  checked('asking for process events', libc().send(fd, bytes, bytes.length, 0));
}

/** Real events may come first. */
function awaitAnswer(fd: number): void {
  const attempt = 'waiting for the answer of the process connector';
  const { poll, recv } = libc();
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  for (;;) {
    const waiting = new Int32Array([fd, readable]);
    if (checked(attempt, poll(waiting, 1, answerMs)) === 0)
      throw new SystemCallError(attempt, constants.errno.ETIMEDOUT);
    checked(attempt, recv(fd, bytes, bytes.length, 0));
    if (view.getUint32(eventAt, true) !== noEvent) continue;
    const errno = view.getUint32(answerErrnoAt, true);
    if (errno !== 0) throw new SystemCallError('listening to process events', errno);
    return;
  }
}
