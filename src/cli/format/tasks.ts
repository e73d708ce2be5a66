/**
 * Tasks as a person knows them: processes with their threads.
 */
import type { CommandLineView, TaskView } from '../../engine/reads.ts';
import { withBackslashes } from './backslash.ts';
import { commandLineText } from './commandLine.ts';
import { groupsOf, spaced } from './group.ts';
import { table } from './table.ts';

/** The threads of one process that are in one container. */
export interface ProcessView {
  readonly tree: string;
  /** Of the container. */
  readonly path: string;
  /** The process's pid, which is the tgid of its threads. */
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly program: string;
  readonly commandLine?: CommandLineView;
  /** The pids of its threads in the container, ascending. */
  readonly threads: readonly number[];
  /** Whether the thread that the process is named after is among them. */
  readonly hasLeader: boolean;
}

/**
 * The processes of each container, in ascending order of pid; containers in the order in which their tasks come.
 * What is said of a process is said of its leader.
 */
export function processesOf(tasks: readonly TaskView[]): ProcessView[] {
  return [...groupsOf(tasks, placeOf).values()].flatMap((inside) =>
    [...groupsOf(inside, ({ tgid }) => tgid)]
      .map(([pid, threads]) => processView(pid, threads))
      .sort((a, b) => a.pid - b.pid),
  );
}

/** A table for each container; where there are several, each has its tree and path above it. */
export function byContainer<Item extends { readonly tree: string; readonly path: string }>(
  items: readonly Item[],
  tableOf: (items: readonly Item[]) => readonly string[],
): readonly string[] {
  const groups = groupsOf(items, placeOf);
  if (groups.size <= 1) return tableOf(items);
  return spaced([...groups].map(([place, inside]) => [place, ...tableOf(inside)]));
}

/** `v2:/system.slice`; of our own tree the path alone. */
function placeOf({ tree, path }: { readonly tree: string; readonly path: string }): string {
  return withBackslashes(tree === 'tasktrail' ? path : `${tree}:${path}`);
}

export function processTable(processes: readonly ProcessView[]): readonly string[] {
  return table(
    ['right', 'right', 'right', 'left', 'left'],
    [
      ['PID', 'UID', 'THREADS', 'COMM', whatRuns(processes)],
      ...processes.map((process) => [
        String(process.pid),
        String(process.uid),
        String(process.threads.length),
        process.comm,
        process.hasLeader
          ? running(process)
          : `${running(process)} (its first thread is elsewhere)`.trimStart(),
      ]),
    ],
  );
}

export function threadTable(tasks: readonly TaskView[]): readonly string[] {
  const ordered = [...tasks].sort((a, b) => a.tgid - b.tgid || a.pid - b.pid);
  return table(
    ['right', 'right', 'right', 'left', 'left'],
    [
      ['PID', 'THREAD', 'UID', 'COMM', whatRuns(ordered)],
      ...ordered.map((task) => [
        String(task.tgid),
        String(task.pid),
        String(task.uid),
        task.comm,
        running(task),
      ]),
    ],
  );
}

type Running = Pick<TaskView, 'program' | 'commandLine'>;

/** What the last column is about. */
function whatRuns(tasks: readonly Running[]): string {
  return tasks.some(({ commandLine }) => commandLine) ? 'COMMAND LINE' : 'PROGRAM';
}

function running({ program, commandLine }: Running): string {
  return commandLine ? commandLineText(commandLine) : program;
}

function processView(pid: number, threads: readonly TaskView[]): ProcessView {
  const leader = threads.find((task) => task.pid === pid);
  const speaker = leader ?? threads[0];
  return {
    tree: speaker?.tree ?? '',
    path: speaker?.path ?? '',
    pid,
    uid: speaker?.uid ?? 0,
    comm: speaker?.comm ?? '',
    program: speaker?.program ?? '',
    ...(speaker?.commandLine && { commandLine: speaker.commandLine }),
    threads: threads.map((task) => task.pid).sort((a, b) => a - b),
    hasLeader: leader !== undefined,
  };
}
