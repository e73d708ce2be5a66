/**
 * Starts a program as the kernel starts its user-mode helpers: exact bytes as arguments, an environment of
 * its own, no standard input at all, a session of its own, default signals. Node's `child_process` cannot
 * say the first and the third of these.
 *
 * A call blocks until the program's exec has succeeded or failed. Never call it on the recorder's thread.
 */
import type { Bytes } from '../../events/bytes.ts';
import { cString, cStrings } from './cStrings.ts';
import { errnoName } from './errno.ts';
import { koffi, lastErrno, type Memory } from './libc.ts';

export interface Program {
  readonly program: Bytes;
  readonly args: readonly Bytes[];
  /** `NAME=value` each, and nothing else. */
  readonly environment: readonly string[];
  readonly folder: string;
}

/** The new process, or the name of the errno with which its exec failed. */
export type Spawned = { readonly pid: number } | { readonly error: string };

// <spawn.h> and <signal.h> of glibc on x86-64 and arm64. The opaque structures are smaller than this.
const structureBytes = 512;
const setSignalDefaults = 0x04;
const setSignalMask = 0x08;
const setSession = 0x80;
const descriptors = { input: 0, output: 1, error: 2 } as const;
const writeOnly = 1;
/** glibc has this since 2.34. */
const closeOthers = 'posix_spawn_file_actions_addclosefrom_np';

// <sys/wait.h>, <sys/syscall.h>: pidfd_open has the same number on every architecture.
const noHang = 1;
const pidfdOpen = 434;

// <linux/sched.h>: a thread's working folder, root and umask.
const cloneFs = 0x200;

type Call = (...args: (number | Memory)[]) => number;

let calls: Record<string, Call> | undefined;

export function spawnProgram({ program, args, environment, folder }: Program): Spawned {
  const call = bound();
  const actions = new Uint8Array(structureBytes);
  const attributes = new Uint8Array(structureBytes);
  const nullDevice = cString('/dev/null');
  const workingFolder = cString(folder);
  const allSignals = new Uint8Array(128).fill(0xff);
  const noSignals = new Uint8Array(128);
  run(call, 'posix_spawn_file_actions_init', actions);
  run(call, 'posix_spawnattr_init', attributes);
  run(call, 'posix_spawn_file_actions_addopen', actions, descriptors.output, nullDevice, writeOnly, 0);
  run(call, 'posix_spawn_file_actions_addopen', actions, descriptors.error, nullDevice, writeOnly, 0);
  run(call, 'posix_spawn_file_actions_addclose', actions, descriptors.input);
  run(call, 'posix_spawn_file_actions_addchdir_np', actions, workingFolder);
  // All others are closed by the exec; but where that hangs, connections of ours would stay open as long.
  if (call[closeOthers]) run(call, closeOthers, actions, descriptors.error + 1);
  run(call, 'posix_spawnattr_setflags', attributes, setSignalDefaults | setSignalMask | setSession);
  run(call, 'posix_spawnattr_setsigdefault', attributes, allSignals);
  run(call, 'posix_spawnattr_setsigmask', attributes, noSignals);
  const argv = cStrings([program, ...args]);
  const envp = cStrings(environment);
  const pid = new Int32Array(1);
  const errno = call.posix_spawn?.(pid, cString(program), actions, attributes, argv.table, envp.table) ?? -1;
  run(call, 'posix_spawn_file_actions_destroy', actions);
  run(call, 'posix_spawnattr_destroy', attributes);
  return errno === 0 ? { pid: pid[0] ?? 0 } : { error: errnoName(errno) };
}

/**
 * Gives the calling thread a umask of its own, which what it spawns inherits. Where that is not allowed (by the
 * filter of a container, say) the whole process gets it.
 */
export function setThreadUmask(mask: number): void {
  const call = bound();
  call.unshare?.(cloneFs);
  call.umask?.(mask);
}

/** How a process ended: its wait(2) status, or the name of the errno that nobody could be told it with. */
export type Ending = { readonly status: number } | { readonly error: string };

/** A wait for a process to end. */
export interface Waiting {
  /** Resolves when it has ended, and has been reaped. Stays open for ever after a `stop`. */
  readonly ending: Promise<Ending>;
  /**
   * Ends the waiting. A thread must do that before it ends: Node lets a last poll call back when no callback can run
   * any more, and aborts the whole process.
   */
  stop(): void;
}

/** Waits for a child of ours, whichever thread has started it, and reaps it. */
export function waitFor(pid: number): Waiting {
  const call = bound();
  const descriptor = Number(call.syscall?.(pidfdOpen, pid, 0));
  if (descriptor < 0) throw new Error(`impossible state: child ${pid} has no pidfd before it is reaped`);
  let resolve = (_ending: Ending): void => {};
  const ending = new Promise<Ending>((settle) => {
    resolve = settle;
  });
  const poll = koffi().node.poll(descriptor, { readable: true }, () => {
    const status = new Int32Array(1);
    const reaped = call.waitpid?.(pid, status, noHang);
    if (reaped === 0) return;
    const result = reaped === pid ? { status: status[0] ?? 0 } : { error: errnoName(lastErrno()) };
    stop();
    resolve(result);
  });
  const stop = (): void => {
    poll.close();
    call.close?.(descriptor);
  };
  return { ending, stop };
}

function run(call: Record<string, Call>, name: string, ...args: (number | Memory)[]): void {
  const errno = call[name]?.(...args);
  if (errno !== 0) throw new Error(`${name} failed: ${errnoName(errno ?? 0)}`);
}

function bound(): Record<string, Call> {
  calls ??= bind();
  return calls;
}

function bind(): Record<string, Call> {
  const library = koffi().load(null);
  const pointer = 'void *';
  const signatures: Record<string, [string, string[]]> = {
    posix_spawn: ['int', [pointer, pointer, pointer, pointer, pointer, pointer]],
    posix_spawn_file_actions_init: ['int', [pointer]],
    posix_spawn_file_actions_destroy: ['int', [pointer]],
    posix_spawn_file_actions_addopen: ['int', [pointer, 'int', pointer, 'int', 'uint']],
    posix_spawn_file_actions_addclose: ['int', [pointer, 'int']],
    posix_spawn_file_actions_addchdir_np: ['int', [pointer, pointer]],
    posix_spawnattr_init: ['int', [pointer]],
    posix_spawnattr_destroy: ['int', [pointer]],
    posix_spawnattr_setflags: ['int', [pointer, 'short']],
    posix_spawnattr_setsigdefault: ['int', [pointer, pointer]],
    posix_spawnattr_setsigmask: ['int', [pointer, pointer]],
    waitpid: ['int', ['int', pointer, 'int']],
    unshare: ['int', ['int']],
    umask: ['uint', ['uint']],
    syscall: ['long', ['long', 'long', 'long']],
    close: ['int', ['int']],
  };
  const calls = Object.entries(signatures).map(([name, [result, args]]) => [
    name,
    library.func(name, result, args) as unknown as Call,
  ]);
  return {
    ...Object.fromEntries(calls),
    ...optional(() => library.func(closeOthers, 'int', [pointer, 'int'])),
  };
}

function optional(find: () => unknown): Record<string, Call> {
  try {
    return { [closeOthers]: find() as Call };
  } catch {
    // This C library does not have it.
    return {};
  }
}
