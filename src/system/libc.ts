/**
 * The C library through koffi: the few calls that Node has no word for, each as a typed function. koffi is loaded
 * at the first call and not before, so importing this file costs nothing. Only Linux on a 64-bit machine is meant.
 *
 * A call that the kernel refuses throws a `SystemCallError` whose message begins with `attempt`, the caller's own
 * words for what it tried; functions that do not take such words give back what the C function gives.
 */
import { createRequire } from 'node:module';
import type koffiModule from 'koffi';
import { SystemCallError } from './errno.ts';

type Koffi = typeof koffiModule;

/** Memory of ours that a call reads or writes. */
export type Memory = NodeJS.TypedArray;

/** An address in this process. Above 2^53 no user address exists, so a number holds each exactly. */
export type Address = number;

export const clocks = { realtime: 0, monotonic: 1, boottime: 7 } as const;

/** The calls by the names that the C library has for them; their pages of the manual say what they take. */
interface Calls {
  readonly accept4: (fd: number, address: Address, size: Address, flags: number) => number;
  readonly bind: (fd: number, address: Memory, sizeBytes: number) => number;
  readonly clock_gettime: (clock: number, into: Memory) => number;
  readonly close: (fd: number) => number;
  readonly connect: (fd: number, address: Memory, sizeBytes: number) => number;
  readonly execvp: (file: Memory, argv: Memory) => number;
  readonly fcntl: (fd: number, command: number, argument: number) => number;
  readonly getpagesize: () => number;
  readonly getpwnam_r: (
    name: Memory,
    record: Memory,
    space: Memory,
    sizeBytes: number,
    found: Memory,
  ) => number;
  readonly getpwuid_r: (
    uid: number,
    record: Memory,
    space: Memory,
    sizeBytes: number,
    found: Memory,
  ) => number;
  readonly getsockopt: (fd: number, level: number, name: number, value: Memory, size: Memory) => number;
  readonly ioctl: (fd: number, request: number, argument: number) => number;
  readonly listen: (fd: number, backlog: number) => number;
  readonly mmap: (
    at: Address,
    sizeBytes: number,
    access: number,
    flags: number,
    fd: number,
    offset: number,
  ) => Address;
  readonly mount: (source: Memory, folder: Memory, type: Memory, flags: number, options: Memory) => number;
  readonly munmap: (at: Address, sizeBytes: number) => number;
  readonly poll: (descriptors: Memory, count: number, timeoutMs: number) => number;
  readonly read: (fd: number, into: Memory, sizeBytes: number) => number;
  readonly recv: (fd: number, into: Memory, sizeBytes: number, flags: number) => number;
  readonly recvmmsg: (fd: number, headers: Memory, count: number, flags: number, timeout: Address) => number;
  readonly recvmsg: (fd: number, header: Memory, flags: number) => number;
  readonly send: (fd: number, message: Memory, sizeBytes: number, flags: number) => number;
  readonly sendmsg: (fd: number, header: Memory, flags: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Memory, sizeBytes: number) => number;
  readonly signal: (signal: number, disposition: number) => number;
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly socketpair: (family: number, type: number, protocol: number, into: Memory) => number;
  readonly syscall: (number: number, a: number, b: number, c: number) => number;
  readonly umount2: (folder: Memory, flags: number) => number;
  readonly unshare: (flags: number) => number;
  readonly write: (fd: number, bytes: Memory, sizeBytes: number) => number;
}

let loadedKoffi: Koffi | undefined;
let boundCalls: Calls | undefined;

/** koffi itself, for what is no system call: polling a descriptor, addresses, views over mapped memory. */
export function koffi(): Koffi {
  loadedKoffi ??= createRequire(import.meta.url)('koffi') as Koffi;
  return loadedKoffi;
}

/** The calls, bound to the C library that this process runs on, whichever it is. */
export function libc(): Calls {
  boundCalls ??= bind();
  return boundCalls;
}

/** The address of memory of ours. It holds only while the caller keeps the memory referenced. */
export function addressOf(memory: Memory): Address {
  return Number(koffi().address(memory));
}

/** Hands a call's result on, or throws what errno says where the result is -1. */
export function checked(attempt: string, result: number): number {
  if (result === -1) throw new SystemCallError(attempt, lastErrno());
  return result;
}

/** errno after the last call, as a number. */
export function lastErrno(): number {
  return koffi().errno();
}

function bind(): Calls {
  const library = koffi().load(null);
  return {
    accept4: library.func('accept4', 'int', ['int', 'intptr_t', 'intptr_t', 'int']),
    bind: library.func('bind', 'int', ['int', 'void *', 'uint']),
    clock_gettime: library.func('clock_gettime', 'int', ['int', 'void *']),
    close: library.func('close', 'int', ['int']),
    connect: library.func('connect', 'int', ['int', 'void *', 'uint']),
    execvp: library.func('execvp', 'int', ['void *', 'void *']),
    fcntl: library.func('fcntl', 'int', ['int', 'int', 'long']),
    getpagesize: library.func('getpagesize', 'int', []),
    getpwnam_r: library.func('getpwnam_r', 'int', ['void *', 'void *', 'void *', 'size_t', 'void *']),
    getpwuid_r: library.func('getpwuid_r', 'int', ['uint', 'void *', 'void *', 'size_t', 'void *']),
    getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
    ioctl: library.func('ioctl', 'int', ['int', 'ulong', 'long']),
    listen: library.func('listen', 'int', ['int', 'int']),
    mmap: library.func('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']),
    mount: library.func('mount', 'int', ['void *', 'void *', 'void *', 'ulong', 'void *']),
    munmap: library.func('munmap', 'int', ['intptr_t', 'size_t']),
    poll: library.func('poll', 'int', ['void *', 'ulong', 'int']),
    read: library.func('read', 'intptr_t', ['int', 'void *', 'size_t']),
    recv: library.func('recv', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    recvmmsg: library.func('recvmmsg', 'int', ['int', 'void *', 'uint', 'int', 'intptr_t']),
    recvmsg: library.func('recvmsg', 'intptr_t', ['int', 'void *', 'int']),
    send: library.func('send', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    sendmsg: library.func('sendmsg', 'intptr_t', ['int', 'void *', 'int']),
    setsockopt: library.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']),
    signal: library.func('signal', 'intptr_t', ['int', 'intptr_t']),
    socket: library.func('socket', 'int', ['int', 'int', 'int']),
    socketpair: library.func('socketpair', 'int', ['int', 'int', 'int', 'void *']),
    syscall: library.func('syscall', 'long', ['long', 'long', 'long', 'long']),
    umount2: library.func('umount2', 'int', ['void *', 'int']),
    unshare: library.func('unshare', 'int', ['int']),
    write: library.func('write', 'intptr_t', ['int', 'void *', 'size_t']),
  };
}
