/**
 * The messages of the process connector, as include/uapi/linux/cn_proc.h lays them out: words of 32 bits in, what they
 * say out. What a message leaves out, the tracker knows.
 */
import type { Bytes } from '../../../events/bytes.ts';

/** Which of its messages a CPU sent: each CPU counts its own, one after the other, whatever they say. */
export interface Sent {
  readonly cpu: number;
  /** Below 2³², and then from 0 again. */
  readonly seq: number;
}

/** What a message says of a task. */
export type Message =
  | {
      readonly type: 'fork';
      readonly bootUs: number;
      /**
       * The child's real parent: the thread that forked it, unless it was born with CLONE_PARENT or as a thread; then
       * it is the parent of that thread's process.
       */
      readonly parentPid: number;
      readonly parentTgid: number;
      readonly pid: number;
      readonly tgid: number;
    }
  | { readonly type: 'exec'; readonly bootUs: number; readonly pid: number }
  | {
      readonly type: 'exit';
      readonly bootUs: number;
      readonly pid: number;
      readonly tgid: number;
      /** As wait(2) gives it. */
      readonly status: number;
      /** Its parent had waited for it before this was told, and its pid was free. */
      readonly isReaped: boolean;
    }
  | { readonly type: 'comm'; readonly bootUs: number; readonly pid: number; readonly comm: Bytes }
  /** The real user and the effective one, of which at least one, or the saved one, has changed. */
  | {
      readonly type: 'uid';
      readonly bootUs: number;
      readonly pid: number;
      readonly uid: number;
      readonly euid: number;
    };

/** `enum proc_cn_event`. Others are sent as well: of groups, sessions, tracing, and answers to listeners. */
const events = { fork: 0x1, exec: 0x2, uid: 0x4, comm: 0x200, exit: 0x8000_0000 } as const;

/** Words from the message's first on: `struct nlmsghdr`, `struct cn_msg`, `struct proc_event`. */
const layout = { seq: 6, what: 9, cpu: 10, timeLow: 11, timeHigh: 12, data: 13 } as const;
/** Bytes of a task's name, with its zero. */
const commBytes = 16;

const microsecondsPerHighWord = 2 ** 32 / 1000;

/** Which message begins at this word. */
export function sentOf(words: Uint32Array, at: number): Sent {
  return { cpu: words[at + layout.cpu] ?? 0, seq: words[at + layout.seq] ?? 0 };
}

/**
 * When the message that begins at this word was made: BOOTTIME, microseconds. It has a time of MONOTONIC, nanoseconds,
 * which is behind by what the machine has been suspended.
 */
export function bootUsOf(words: Uint32Array, at: number, suspendedUs: number): number {
  const low = words[at + layout.timeLow] ?? 0;
  const high = words[at + layout.timeHigh] ?? 0;
  // Nanoseconds do not fit a double for ever; microseconds do for centuries.
  return Math.floor(high * microsecondsPerHighWord + low / 1000 + suspendedUs);
}

/** What the message that begins at this word says; undefined where it is about nothing that is recorded. */
export function messageOf(words: Uint32Array, at: number, suspendedUs: number): Message | undefined {
  const data = (place: number): number => words[at + layout.data + place] ?? 0;
  const bootUs = bootUsOf(words, at, suspendedUs);
  switch (words[at + layout.what]) {
    case events.fork:
      return {
        type: 'fork',
        bootUs,
        parentPid: data(0),
        parentTgid: data(1),
        pid: data(2),
        tgid: data(3),
      };
    case events.exec:
      return { type: 'exec', bootUs, pid: data(0) };
    case events.exit:
      // A task that is reaped has no parent any more.
      return { type: 'exit', bootUs, pid: data(0), tgid: data(1), status: data(2), isReaped: data(4) === 0 };
    case events.comm:
      return { type: 'comm', bootUs, pid: data(0), comm: nameIn(words, at + layout.data + 2) };
    case events.uid:
      return { type: 'uid', bootUs, pid: data(0), uid: data(2), euid: data(3) };
    default:
      return undefined;
  }
}

function nameIn(words: Uint32Array, at: number): Bytes {
  const bytes = Buffer.from(words.buffer, words.byteOffset + 4 * at, commBytes);
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? commBytes : end);
}
