/**
 * Tasks as a person knows them: processes with their threads.
 */
import type { TaskView } from '../../engine/reads.ts';
import { table } from './table.ts';

/** The threads of one process that are in one container. */
export interface ProcessView {
  /** The process's pid, which is the tgid of its threads. */
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly program: string;
  /** The pids of its threads in the container, ascending. */
  readonly threads: readonly number[];
  /** Whether the thread that the process is named after is among them. */
  readonly hasLeader: boolean;
}

/** Groups tasks by process, in ascending order of pid. What is said of a process is said of its leader. */
export function processesOf(tasks: readonly TaskView[]): ProcessView[] {
  const groups = new Map<number, TaskView[]>();
  for (const task of tasks) {
    const group = groups.get(task.tgid);
    if (group) group.push(task);
    else groups.set(task.tgid, [task]);
  }
  return [...groups].map(([pid, threads]) => processView(pid, threads)).sort((a, b) => a.pid - b.pid);
}

export function processTable(processes: readonly ProcessView[]): string[] {
  return table(
    ['right', 'right', 'right', 'left', 'left'],
    [
      ['PID', 'UID', 'THREADS', 'COMM', 'PROGRAM'],
      ...processes.map(({ pid, uid, threads, comm, program, hasLeader }) => [
        String(pid),
        String(uid),
        String(threads.length),
        comm,
        hasLeader ? program : `${program} (its first thread is elsewhere)`.trimStart(),
      ]),
    ],
  );
}

export function threadTable(tasks: readonly TaskView[]): string[] {
  const ordered = [...tasks].sort((a, b) => a.tgid - b.tgid || a.pid - b.pid);
  return table(
    ['right', 'right', 'right', 'left', 'left'],
    [
      ['PID', 'THREAD', 'UID', 'COMM', 'PROGRAM'],
      ...ordered.map(({ tgid, pid, uid, comm, program }) => [
        String(tgid),
        String(pid),
        String(uid),
        comm,
        program,
      ]),
    ],
  );
}

function processView(pid: number, threads: readonly TaskView[]): ProcessView {
  const leader = threads.find((task) => task.pid === pid);
  const speaker = leader ?? threads[0];
  return {
    pid,
    uid: speaker?.uid ?? 0,
    comm: speaker?.comm ?? '',
    program: speaker?.program ?? '',
    threads: threads.map((task) => task.pid).sort((a, b) => a - b),
    hasLeader: leader !== undefined,
  };
}
