/**
 * Views: what there is to see of a tree, as one side shows it. Two views that are the same print the same lines.
 */
import type { Bytes } from '../../events/bytes.ts';
import { shown } from './step.ts';

/** A container as a side shows it. */
export interface ContainerSeen {
  readonly path: Bytes;
  readonly notify: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Ascending. In the root only those of the program. */
  readonly pids: readonly number[];
  /** Modes and owners of its two files; undefined where nobody has looked. */
  readonly files?: string;
}

export interface View {
  readonly containers: readonly ContainerSeen[];
  /** The path of each task of the program's, by its pid. */
  readonly paths: ReadonlyMap<number, Bytes>;
}

/** One line a container, by path, and one a task, by pid. */
export function linesOf({ containers, paths }: View): string[] {
  return [
    ...containers.map(containerLine).sort(),
    ...[...paths].sort(([a], [b]) => a - b).map(([pid, path]) => `task ${pid} in ${shown(path)}`),
  ];
}

/** The lines that only one of them has, each with the name of who has it; empty when there are none. */
export function differences(kernel: View, ours: View): string[] {
  const [kernelLines, ourLines] = [linesOf(kernel), linesOf(ours)];
  return [
    ...kernelLines.filter((line) => !ourLines.includes(line)).map((line) => `kernel:    ${line}`),
    ...ourLines.filter((line) => !kernelLines.includes(line)).map((line) => `tasktrail: ${line}`),
  ];
}

interface Status {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The modes and owners of a container's two files. */
export function filesText(tasks: Status, flag: Status): string {
  const text = ({ mode, uid, gid }: Status): string => `${mode.toString(8)} ${uid}:${gid}`;
  return `tasks ${text(tasks)}, flag ${text(flag)}`;
}

function containerLine({ path, notify, mode, uid, gid, pids, files = '' }: ContainerSeen): string {
  const flag = notify ? 'notify' : 'quiet';
  return `${shown(path)} ${mode.toString(8)} ${uid}:${gid} ${flag} [${pids.join(' ')}] ${files}`.trimEnd();
}
