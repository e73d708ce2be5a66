/**
 * The machine's system log: datagrams to the socket that syslog(3) writes to, which systemd's journal, rsyslog and others
 * listen on. No process is started for it, and a log that is not there or full is an error at once.
 */
import { checked, libc } from './libc.ts';

export const systemLogSocket = '/dev/log';

// <sys/socket.h>, <bits/socket.h>.
const localFamily = 1;
const datagram = 2 | 0o2000000;
const doNotWait = 0x40;
const noSignal = 0x4000;
/** `daemon` and `info`, as syslog(3) makes one number of both. */
const priority = (3 << 3) | 6;

/** Writes one line, in the name of `tasktrail`. Throws a `SystemCallError`. */
export function writeSystemLog(line: string, timeMs: number, socketPath = systemLogSocket): void {
  const { socket, connect, send, close } = libc();
  const attempt = `writing to the system log at ${socketPath}`;
  const fd = checked(attempt, socket(localFamily, datagram, 0));
  try {
    const address = Buffer.from(`\0\0${socketPath}\0`, 'utf8');
    address.writeUInt16LE(localFamily);
    checked(attempt, connect(fd, address, address.length));
    const text = `<${priority}>${timeOf(timeMs)} tasktrail[${process.pid}]: ${line}`;
    const message = Buffer.from(text, 'utf8');
    checked(attempt, send(fd, message, message.length, doNotWait | noSignal));
  } finally {
    close(fd);
  }
}

/** `Nov 24 03:12:00`, local time, as syslog(3) begins its lines. */
function timeOf(timeMs: number): string {
  const [, month, day, , time] = new Date(timeMs).toString().split(' ');
  return `${month} ${day?.replace(/^0/, ' ')} ${time}`;
}
