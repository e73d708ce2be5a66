/**
 * decide: a pure function from the trees as they stand and a command to what happens, or an errno.
 *
 * The checks of each command stand in the order of the contract: the first that fails answers. Nothing is
 * changed here; the facts returned are the change, all or nothing. An empty list means that the command
 * succeeded and there was nothing to do.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { AttrFact, By, Fact, Node } from '../../events/event.ts';
import type { Attributes, Container, Hierarchy, Task } from '../../projections/hierarchy.ts';
import type {
  Actor,
  AttachCommand,
  AttrCommand,
  Command,
  DelegateCommand,
  MkdirCommand,
  NodeCommand,
  Place,
  RenameCommand,
  RmdirCommand,
  WriteCommand,
} from './command.ts';
import { byOf } from './doer.ts';
import { type Refusal, refuse } from './errno.ts';
import { refusalOfMirrored } from './mirrored.ts';
import { isReserved, nameLimitBytes, nameTooLong, pathTooLong } from './path.ts';
import { inGroup, may, mayUnlinkIn, ownsOrRules, search, write } from './permission.ts';
import { releaseOf } from './release.ts';
import { parseAgent, parseFlag, parsePid } from './text.ts';

export type Decision = readonly Fact[] | Refusal;

export function decide(state: Hierarchy, command: Command, actor: Actor): Decision {
  const mirrored = refusalOfMirrored(state, command);
  if (mirrored) return mirrored;
  switch (command.type) {
    case 'mkdir':
      return mkdir(state, command, actor);
    case 'rmdir':
      return rmdir(state, command, actor);
    case 'rename':
      return rename(state, command, actor);
    case 'write':
      return writings[command.file](state, command, actor);
    case 'attach':
      return attachProcess(state, command, actor);
    case 'attr':
      return attr(state, command, actor);
    case 'delegate':
      return delegate(state, command, actor);
    default:
      return makeNode(state, command);
  }
}

const writings = { tasks: writeTasks, notify_on_release: writeFlag, release_agent: writeAgent } as const;

function mkdir(state: Hierarchy, { at, mode, umask }: MkdirCommand, actor: Actor): Decision {
  if (isRoot(at)) return refuse('EEXIST', 'the root always exists');
  const parent = state.container(at.parent);
  if (!parent) return refuse('ENOENT', 'its parent was removed');
  if (at.name === '') return refuse('ENOENT', 'the name is empty');
  if (at.name.length > nameLimitBytes) return nameTooLong(at.name);
  if (entryAt(parent, at.name)) return refuse('EEXIST', 'the name is taken');
  if (!may(actor, parent.attributes.directory, write | search)) return noWrite(actor);
  if (isUnspeakable(at.name)) return unspeakable();
  return [
    {
      type: 'mkdir',
      container: state.nextContainer,
      parent: parent.id,
      name: at.name,
      group: 0,
      mode: mode & ~umask & 0o1777,
      uid: actor.uid,
      gid: actor.gid,
      notify: parent.notify,
      by: byOf(state, actor),
    },
  ];
}

function rmdir(state: Hierarchy, { at }: RmdirCommand, actor: Actor): Decision {
  if (isRoot(at)) return refuse('EBUSY', 'the root is never removed');
  if (at.name === '.') return refuse('EINVAL', 'the last name is a dot');
  if (at.name === '..') return refuse('ENOTEMPTY', 'the last name is two dots');
  const parent = state.container(at.parent);
  const entry = parent && entryAt(parent, at.name);
  if (!parent || !entry) return refuse('ENOENT', 'no such container');
  const denied = denyUnlink(actor, parent, at.name, entry);
  if (denied) return denied;
  if (entry === 'file') return refuse('ENOTDIR', 'it is a file');
  if (entry.tasks.size > 0) return refuse('EBUSY', `${countOf(entry.tasks.size, 'task')} in it`);
  if (entry.children.size > 0) return refuse('EBUSY', `${countOf(entry.children.size, 'container')} in it`);
  const release = parent.children.size === 1 ? releaseOf(parent, parent.tasks.size, 0, 'rmdir', 0) : [];
  return [{ type: 'rmdir', container: entry.id, by: byOf(state, actor) }, ...release];
}

function rename(state: Hierarchy, command: RenameCommand, actor: Actor): Decision {
  const { from, to } = command;
  if (isRoot(from)) return refuse('EBUSY', 'the root is never renamed');
  const oldParent = state.container(from.parent);
  const source = oldParent && (isDots(from.name) ? oldParent : entryAt(oldParent, from.name));
  if (!oldParent || !source) return refuse('ENOENT', 'no such container');
  if (isDots(from.name) || isDots(to.name)) return refuse('EBUSY', 'a dot name is never renamed');
  if (isRoot(to)) return refuse('EBUSY', 'the root is never replaced');
  const newParent = state.container(to.parent);
  if (!newParent || to.name === '') return refuse('ENOENT', 'no such place to move it to');
  if (source !== 'file' && isWithin(newParent, source)) return refuse('EINVAL', 'the target is inside it');
  if (to.name.length > nameLimitBytes) return nameTooLong(to.name);
  const target = entryAt(newParent, to.name);
  if (target && target !== 'file' && isWithin(oldParent, target)) {
    return refuse('ENOTEMPTY', 'the target holds it');
  }
  if (newParent === oldParent && to.name === from.name) return [];
  const denied =
    denyUnlink(actor, oldParent, from.name, source) ??
    (target ? denyUnlink(actor, newParent, to.name, target) : denyCreate(actor, newParent));
  if (denied) return denied;
  if (source !== 'file' && target === 'file') return refuse('ENOTDIR', 'the target is a file');
  if (source === 'file' && target && target !== 'file') return refuse('EISDIR', 'the target is a container');
  if (source !== 'file' && newParent !== oldParent && !may(actor, source.attributes.directory, write)) {
    // Its entry for the parent would have to change (vfs_rename in fs/namei.c).
    return refuse('EACCES', `uid ${actor.uid} may not write in it, and it would get another parent`);
  }
  if (isUnspeakable(to.name)) return unspeakable();
  if (source === 'file') return refuse('ENOTDIR', 'it is a file');
  if (target) return refuse('EEXIST', 'the name is taken');
  if (newParent !== oldParent) return refuse('EIO', 'a container keeps its parent');
  if (command.exchange) return refuse('EINVAL', 'two containers are never exchanged');
  return [{ type: 'rename', container: source.id, name: to.name, by: byOf(state, actor) }];
}

function writeTasks(state: Hierarchy, { container: id, text }: WriteCommand, actor: Actor): Decision {
  const parsed = parsePid(text);
  if (parsed === 'E2BIG') return refuse('E2BIG', `${text.length} bytes are too many`);
  if (parsed === 'empty') return [];
  const container = state.container(id);
  if (!container) return refuse('ENODEV', 'the container was removed');
  if (parsed === 'EIO') return refuse('EIO', 'the text does not begin with a number');
  if (parsed === 'EINVAL') return refuse('EINVAL', 'something follows the number: one pid, one write');
  if (parsed === 0) {
    const writer = state.taskByPid(actor.pid);
    return writer ? attach(state, container, [writer], actor) : refuse('ESRCH', 'the writer is not known');
  }
  if (parsed < 0) return refuse('ESRCH', 'no task can have this pid');
  const task = state.taskByPid(parsed);
  if (!task) return noTask(parsed);
  return mayMove(actor, task) ? attach(state, container, [task], actor) : notYours(actor, task);
}

function attachProcess(state: Hierarchy, { container: id, pid }: AttachCommand, actor: Actor): Decision {
  const container = state.container(id);
  if (!container) return refuse('ENODEV', 'the container was removed');
  const threads = state.threadsOf(state.taskByPid(pid)?.tgid ?? pid);
  if (threads.length === 0) return noTask(pid);
  const foreign = threads.find((thread) => !mayMove(actor, thread));
  return foreign ? notYours(actor, foreign) : attach(state, container, threads, actor);
}

/** Moves tasks one after another, each with the release it causes, as so many single writes would. */
function attach(state: Hierarchy, to: Container, tasks: readonly Task[], actor: Actor): readonly Fact[] {
  const by = byOf(state, actor);
  const left = new Map<Container, number>();
  const facts: Fact[] = [];
  for (const task of tasks) {
    const from = task.container;
    if (from === to) continue;
    const tasksLeft = (left.get(from) ?? from.tasks.size) - 1;
    left.set(from, tasksLeft);
    facts.push({ type: 'attach', task: task.id, container: to.id, by, certainty: 'known' });
    facts.push(...releaseOf(from, tasksLeft, from.children.size, 'attach', task.id));
  }
  return facts;
}

function writeFlag(state: Hierarchy, { container: id, text }: WriteCommand, actor: Actor): Decision {
  const parsed = parseFlag(text);
  if (parsed === 'E2BIG') return refuse('E2BIG', `${text.length} bytes are too many`);
  if (parsed === 'empty') return [];
  const container = state.container(id);
  if (!container) return refuse('ENODEV', 'the container was removed');
  if (parsed === 'EINVAL') return refuse('EINVAL', 'the flag is 0 or 1');
  if (parsed === container.notify) return [];
  return [{ type: 'flag', container: id, on: parsed, by: byOf(state, actor) }];
}

/** What it names is run as root, or as whoever records: who may not open the file cannot be handed it either. */
function writeAgent(state: Hierarchy, { container: id, text }: WriteCommand, actor: Actor): Decision {
  const parsed = parseAgent(text);
  if (parsed === 'E2BIG') return refuse('E2BIG', `${text.length} bytes are too many`);
  if (parsed === 'empty') return [];
  const container = state.container(id);
  if (!container) return refuse('ENODEV', 'the container was removed');
  const file = container.attributes.release_agent;
  if (!file) return refuse('ENOENT', 'only the root has a release agent');
  if (!may(actor, file, write)) return refuse('EACCES', `uid ${actor.uid} may not appoint the release agent`);
  if (parsed === 'EINVAL') return refuse('EINVAL', 'the release agent is an absolute path in one line');
  if (parsed === 'ENAMETOOLONG') return pathTooLong(text);
  if (parsed.program === state.releaseAgent) return [];
  return [{ type: 'appoint', program: parsed.program, by: byOf(state, actor) }];
}

function attr(state: Hierarchy, command: AttrCommand, actor: Actor): Decision {
  const container = state.container(command.container);
  if (!container) return refuse('ENOENT', 'the container was removed');
  const now = container.attributes[command.node];
  if (!now) return refuse('ENOENT', 'only the root has a release agent');
  const wanted: Attributes = {
    mode: (command.mode ?? now.mode) & 0o7777,
    uid: command.uid ?? now.uid,
    gid: command.gid ?? now.gid,
  };
  if (command.mode !== undefined && !ownsOrRules(actor, now)) return notOwner(actor);
  if (!mayChown(actor, now, command)) return notOwner(actor);
  return attrFacts(container, command.node, now, wanted, byOf(state, actor));
}

function delegate(state: Hierarchy, command: DelegateCommand, actor: Actor): Decision {
  const container = state.container(command.container);
  if (!container) return refuse('ENOENT', 'the container was removed');
  const nodes = ['directory', 'tasks', 'notify_on_release'] as const;
  if (!nodes.every((node) => mayChown(actor, container.attributes[node], command))) return notOwner(actor);
  const by = byOf(state, actor);
  return nodes.flatMap((node) => {
    const now = container.attributes[node];
    return attrFacts(container, node, now, { mode: now.mode, uid: command.uid, gid: command.gid }, by);
  });
}

function makeNode(state: Hierarchy, command: NodeCommand): Decision {
  if (!isRoot(command.at) && !state.container(command.at.parent)) {
    return refuse('ENOENT', 'its parent was removed');
  }
  return command.type === 'create'
    ? refuse('EACCES', 'a container holds no files but its own')
    : refuse('EPERM', 'a container holds no files but its own');
}

/** A chown as chown(2) has it: root may all; an owner may give the node to a group of his. */
function mayChown(actor: Actor, now: Attributes, wanted: { uid?: number; gid?: number }): boolean {
  if (wanted.uid === undefined && wanted.gid === undefined) return true;
  if (actor.uid === 0) return true;
  const keepsUid = wanted.uid === undefined || wanted.uid === now.uid;
  const keepsGid = wanted.gid === undefined || wanted.gid === now.gid;
  return actor.uid === now.uid && keepsUid && (keepsGid || inGroup(actor, wanted.gid ?? now.gid));
}

function attrFacts(
  container: Container,
  node: Node,
  now: Attributes,
  wanted: Attributes,
  by: By,
): readonly AttrFact[] {
  if (now.mode === wanted.mode && now.uid === wanted.uid && now.gid === wanted.gid) return [];
  return [{ type: 'attr', container: container.id, node, ...wanted, by }];
}

/** Whether the actor may move a task: root may, and whoever the task's real or saved uid names. */
function mayMove(actor: Actor, task: Task): boolean {
  return actor.uid === 0 || actor.uid === task.uid || actor.uid === task.suid;
}

function denyCreate(actor: Actor, directory: Container): Refusal | undefined {
  return may(actor, directory.attributes.directory, write | search) ? undefined : noWrite(actor);
}

function denyUnlink(
  actor: Actor,
  directory: Container,
  name: Bytes,
  entry: Container | 'file',
): Refusal | undefined {
  const attributes = entry === 'file' ? fileAttributes(directory, name) : entry.attributes.directory;
  if (mayUnlinkIn(actor, directory.attributes.directory, attributes)) return denyCreate(actor, directory);
  return denyCreate(actor, directory) ?? refuse('EPERM', 'the directory is sticky and neither is yours');
}

/** Mode and owner of a directory's file. The root's `.at` goes with the root itself. */
function fileAttributes({ attributes }: Container, name: Bytes): Attributes {
  const isFile = name === 'tasks' || name === 'notify_on_release' || name === 'release_agent';
  return (isFile ? attributes[name] : undefined) ?? attributes.directory;
}

/** What a name stands for in a directory: a child, one of its files, or nothing. */
function entryAt(directory: Container, name: Bytes): Container | 'file' | undefined {
  if (isReserved(directory, name) || isDots(name)) return 'file';
  return directory.children.get(name);
}

function isRoot(at: Place): boolean {
  return at.parent === 0;
}

function isDots(name: Bytes): boolean {
  return name === '.' || name === '..';
}

/** Names that no line-based reader could bear. */
function isUnspeakable(name: Bytes): boolean {
  return /[/\0\n]/.test(name);
}

function isWithin(container: Container, ancestor: Container): boolean {
  for (let at: Container | undefined = container; at; at = at.parent) if (at === ancestor) return true;
  return false;
}

function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`;
}

function noWrite(actor: Actor): Refusal {
  return refuse('EACCES', `uid ${actor.uid} may not write in its parent`);
}

function noTask(pid: number): Refusal {
  return refuse('ESRCH', `no task ${pid} lives`);
}

function notYours(actor: Actor, task: Task): Refusal {
  return refuse('EACCES', `task ${task.pid} belongs to uid ${task.uid}, not to ${actor.uid}`);
}

function notOwner(actor: Actor): Refusal {
  return refuse('EPERM', `uid ${actor.uid} does not own it`);
}

function unspeakable(): Refusal {
  return refuse('EINVAL', 'a name holds no slash, NUL or newline');
}
