/**
 * Mirrored: why a command on a tree that mirrors the kernel's is refused, and what does the same there: which file to
 * write, or which directory to make. Facts: cgroups(7), the kernel's admin-guide/cgroup-v1 and cgroup-v2.
 */
import { textOf } from '../../events/bytes.ts';
import type { File } from '../../events/event.ts';
import { type Container, type Hierarchy, pathOf, type Tree } from '../../projections/hierarchy.ts';
import type { Command, Place } from './command.ts';
import { type Refusal, refuse } from './errno.ts';

/** EROFS where the command is about a mirrored tree. */
export function refusalOfMirrored(state: Hierarchy, command: Command): Refusal | undefined {
  const container = state.container(idIn(command));
  const tree = container && state.tree(container.tree);
  if (!container || !tree || tree.number === 0) return undefined;
  const instead = insteadOf(command, folderOf(tree, container), tree.hierarchy === 0);
  return refuse('EROFS', `tasktrail only mirrors the kernel's ${textOf(tree.name)}: ${instead}`);
}

/** The container that is asked to change, or in which something is. */
function idIn(command: Command): number {
  if ('container' in command) return command.container;
  return 'at' in command ? command.at.parent : command.from.parent;
}

function folderOf({ mountPoint }: Tree, container: Container): string {
  return textOf(mountPoint) + (container.parent ? textOf(pathOf(container)) : '');
}

function insteadOf(command: Command, folder: string, isUnified: boolean): string {
  switch (command.type) {
    case 'mkdir':
      return `make ${nodeIn(folder, command.at)} with mkdir(1)`;
    case 'rmdir':
      return `remove ${nodeIn(folder, command.at)} with rmdir(1)`;
    case 'rename':
      return isUnified
        ? 'cgroup v2 lets no group get another name'
        : `rename ${nodeIn(folder, command.from)} with mv(1)`;
    case 'attach':
      return `write the pid into ${folder}/cgroup.procs`;
    case 'write':
      return fileTo(command.file, folder, isUnified);
    default:
      return `what is at ${folder} can be changed with chown(1) and chmod(1)`;
  }
}

function fileTo(file: File, folder: string, isUnified: boolean): string {
  switch (file) {
    case 'tasks':
      return threadTo(folder, isUnified);
    case 'notify_on_release':
      return flagOf(folder, isUnified);
    case 'release_agent':
      return isUnified
        ? `cgroup v2 has no such agent, and ${folder}/cgroup.events tells what falls empty`
        : `write the path into ${folder}/release_agent`;
  }
}

function threadTo(folder: string, isUnified: boolean): string {
  return isUnified
    ? `write the thread's pid into ${folder}/cgroup.threads, which a threaded group takes`
    : `write the thread's pid into ${folder}/tasks`;
}

function flagOf(folder: string, isUnified: boolean): string {
  return isUnified
    ? `cgroup v2 has no such flag, and ${folder}/cgroup.events tells what falls empty`
    : `write the flag into ${folder}/notify_on_release`;
}

function nodeIn(folder: string, { name }: Place): string {
  return `${folder}/${textOf(name)}`;
}
