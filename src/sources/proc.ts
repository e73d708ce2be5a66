/**
 * Looks at /proc: which tasks exist now, and what the kernel says of one. Reading is synchronous; a task that is
 * gone by the time it is read, or that is exiting, is left out. Parsers are pure functions over a file's text, read
 * as latin1, so that every character is one byte.
 *
 * Facts about the files: proc_pid_stat(5), proc_pid_status(5) and fs/proc/array.c.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { Bytes } from '../../events/bytes.ts';
import type { CommandLine } from '../../events/event.ts';
import type { GroupId, TaskSeen } from '../ports.ts';
import { hasCode } from '../system/errno.ts';
import { groupsHolding, groupsIn, type MountedHierarchy } from './cgroups.ts';
import { type CommandLines, commandLineOf } from './commandLines.ts';

/** What a task's `stat` file tells. */
export interface Stat {
  /** One letter: R, S, D, T, Z, … */
  readonly state: string;
  /** The process that is the real parent of the task's process. */
  readonly parentPid: number;
  /** The kernel's PF_ flags of include/linux/sched.h. */
  readonly flags: number;
  readonly startTicks: number;
}

/** What a task's `status` file tells and `stat` does not. */
export interface Status {
  /** The name as /proc shows it, which is longer than the kernel's own for some of the kernel's threads. */
  readonly name: Bytes;
  readonly tgid: number;
  readonly uid: number;
  readonly suid: number;
}

const flagExiting = 0x4;
const flagWorkqueueWorker = 0x20;
/** A name that a program can set has at most this many bytes (TASK_COMM_LEN without its zero). */
const commBytes = 15;

/** Most files are far shorter: stat has 52 numbers, status about 60 lines. A `cgroup` file may hold long paths. */
const firstBufferBytes = 16_384;
let buffer = Buffer.allocUnsafe(firstBufferBytes);

/** How often a task is read anew because it, or its group, moves on while it is read. */
const readsOfMovingTask = 20;

/** The pids of all processes, in no order. */
export function listProcesses(): number[] {
  return numbersIn('/proc');
}

/**
 * All tasks of these processes, one process after the other, each with its threads, and with its groups in these
 * hierarchies; without them, and `unplaced`, where they could not be caught however often it was read. With the command
 * lines of leaders where it is said how to tell them.
 */
export function* scanTasks(
  mirrored: readonly MountedHierarchy[] = [],
  commandLines?: CommandLines,
  processes: readonly number[] = listProcesses(),
): Generator<TaskSeen> {
  for (const process of processes) {
    for (const thread of threadsOf(process)) {
      const task = readTask(process, thread, mirrored);
      if (task !== undefined) yield withCommandLine(task, commandLines);
    }
  }
}

/**
 * The task of this pid, be it a leader or not, with its groups as in a scan; undefined where there is none or it is
 * exiting.
 */
export function lookAtTask(pid: number, mirrored: readonly MountedHierarchy[] = []): TaskSeen | undefined {
  // A thread's own pid is a folder of /proc too: it is not listed, but it opens.
  return readTask(pid, pid, mirrored);
}

/** The task with its command line, where it is a leader that has one, and it is said how to tell it. */
export function withCommandLine(task: TaskSeen, commandLines: CommandLines | undefined): TaskSeen {
  const commandLine = commandLines && task.pid === task.tgid && readCommandLine(task.pid, commandLines);
  return commandLine ? { ...task, commandLine } : task;
}

/** The command line of a process; undefined where it is gone or has none. */
export function readCommandLine(process: number, commandLines: CommandLines): CommandLine | undefined {
  const text = readIfThere(`/proc/${process}/cmdline`) ?? '';
  return commandLineOf(text, text.length, commandLines);
}

/** Names one boot of this machine: a UUID. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Reads the text of a `stat` file. */
export function parseStat(text: string): Stat {
  // The name stands here as it is: it may hold spaces, newlines and parentheses. What follows holds none of those.
  const close = text.lastIndexOf(')');
  // The fields from the third on, up to the 22nd.
  const fields = text.slice(close + 2).split(' ', 20);
  return {
    state: fields[0] ?? '',
    parentPid: Number(fields[1]),
    flags: Number(fields[6]),
    startTicks: Number(fields[19]),
  };
}

/** Reads the text of a `status` file. */
export function parseStatus(text: string): Status {
  // Four ids: real, effective, saved, filesystem.
  const uids = lineOf(text, 'Uid').split('\t');
  return {
    name: unescaped(lineOf(text, 'Name')),
    tgid: Number(lineOf(text, 'Tgid')),
    uid: Number(uids[0]),
    suid: Number(uids[2]),
  };
}

/** A task that is a zombie, dead, or on its way there. */
export function isExiting(stat: Stat): boolean {
  return stat.state === 'Z' || stat.state === 'X' || (stat.flags & flagExiting) !== 0;
}

/**
 * The name that the kernel holds for a task of these flags. For its own threads /proc shows more than that: the
 * whole of a name that is longer than the kernel holds, and behind a worker's name, after a `+` or a `-`, what it
 * works on (fs/proc/array.c: proc_task_name; kernel/workqueue.c: wq_worker_comm).
 */
export function commOf(name: Bytes, flags: number): Bytes {
  // A rescuer's name may hold a `-` of its own.
  const isPlainWorker = (flags & flagWorkqueueWorker) !== 0 && !name.startsWith('kworker/R-');
  const own = isPlainWorker ? name.replace(/[+-].*/s, '') : name;
  return own.slice(0, commBytes);
}

/** What stands behind `label:` and a tab, up to the end of its line. */
function lineOf(text: string, label: string): string {
  const before = `${label}:\t`;
  const at = text.startsWith(before) ? 0 : text.indexOf(`\n${before}`) + 1;
  return text.slice(at + before.length, text.indexOf('\n', at));
}

/** In `status` a newline is written as `\n` and a backslash as `\\`; every other byte stands as it is. */
function unescaped(name: string): Bytes {
  if (!name.includes('\\')) return name;
  return name.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function readTask(
  process: number,
  thread: number,
  mirrored: readonly MountedHierarchy[],
): TaskSeen | undefined {
  const folder = `/proc/${process}/task/${thread}`;
  if (mirrored.length === 0) return readAttributes(folder, thread);
  for (let reads = 1; ; reads++) {
    const task = readAttributes(folder, thread);
    if (task === undefined) return undefined;
    const groups = readGroups(folder, thread, mirrored);
    if (groups !== undefined) return { ...task, groups };
    if (reads < readsOfMovingTask) continue;
    // Maybe it does not move, and something is mounted over its group.
    const held = groupsHolding(thread, mirrored);
    return held === undefined ? { ...task, unplaced: true } : { ...task, groups: held };
  }
}

/** Everything but the groups. */
function readAttributes(folder: string, thread: number): TaskSeen | undefined {
  const statText = readIfThere(`${folder}/stat`);
  if (statText === undefined) return undefined;
  const stat = parseStat(statText);
  if (isExiting(stat)) return undefined;
  const statusText = readIfThere(`${folder}/status`);
  if (statusText === undefined) return undefined;
  const { name, tgid, uid, suid } = parseStatus(statusText);
  return {
    pid: thread,
    tgid,
    startTicks: stat.startTicks,
    uid,
    suid,
    comm: commOf(name, stat.flags),
    parentPid: thread === tgid ? stat.parentPid : tgid,
  };
}

/**
 * The groups that a task is in; undefined where they changed meanwhile.
 *
 * In v2 no group can get another name, so one that is found under the task's path is the task's, or the task has been
 * moved out of it since. In v1 one can, and another can be made in its place: there the path must be the same
 * afterwards as well.
 */
function readGroups(
  folder: string,
  thread: number,
  mirrored: readonly MountedHierarchy[],
): GroupId[] | undefined {
  const file = `${folder}/cgroup`;
  try {
    const text = readIfThere(file);
    if (text === undefined) return undefined;
    const groups = groupsIn(text, thread, mirrored);
    const mayBeRenamed = mirrored.some(({ hierarchy }) => hierarchy !== 0);
    return mayBeRenamed && readIfThere(file) !== text ? undefined : groups;
  } catch (error) {
    if (hasCode(error, 'ENAMETOOLONG')) return groupsHolding(thread, mirrored);
    throw error;
  }
}

function threadsOf(process: number): number[] {
  try {
    return numbersIn(`/proc/${process}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^[0-9]/.test(name))
    .map(Number);
}

/** The text of a file of a task; undefined where the task is gone. */
function readIfThere(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      return readWhole(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The file in one read, so that all of it is of one moment: with a larger buffer where it does not fit. */
function readWhole(fd: number): string {
  for (;;) {
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    if (length < buffer.length) return buffer.toString('latin1', 0, length);
    buffer = Buffer.allocUnsafe(2 * buffer.length);
  }
}

/** A task that may not be looked at (the option `hidepid` of /proc) is none that is there for us. */
function isGone(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ESRCH', 'EPERM', 'EACCES');
}
