/**
 * Path rules: from a path as a person writes it to the place it names, with search permission on the way.
 * Paths are relative to the root of a tree; a leading slash is optional, repeated slashes are one.
 */
import { type Bytes, textOf } from '../../events/bytes.ts';
import type { File } from '../../events/event.ts';
import { type Container, type Hierarchy, pathOf } from '../../projections/hierarchy.ts';
import type { Actor, Place } from './command.ts';
import { isRefusal, type Refusal, refuse } from './errno.ts';
import { may, search, write } from './permission.ts';

/** The longest name and the first path length that is too long, in bytes (limits.h, PATH_MAX). */
export const nameLimitBytes = 255;
export const pathLimitBytes = 4096;

const fileNames = new Set(['tasks', 'notify_on_release']);
const rootNames = new Set(['release_agent', '.at']);

/** Whether a directory holds a file of this name beside its children. */
export function isReserved(directory: Container, name: Bytes): boolean {
  return fileNames.has(name) || (directory.parent === undefined && rootNames.has(name));
}

/**
 * The parent directory and last name of a path, in our own tree or in that of `root`. The last name need not exist,
 * but looking it up needs search permission on the parent: whoever has none is not told what is there
 * (path_resolution(7)).
 */
export function locate(
  state: Hierarchy,
  actor: Actor,
  path: Bytes,
  root: Container = state.root,
): Place | Refusal {
  const names = namesOf(path);
  if (path === '') return refuse('ENOENT', 'the path is empty');
  const last = names.pop();
  if (last === undefined) return { parent: 0, name: '' };
  const parent = descend(root, actor, names);
  if (isRefusal(parent)) return parent;
  if (!may(actor, parent.attributes.directory, search)) return noSearch(parent);
  return { parent: parent.id, name: last };
}

/** The container that a path names, in our own tree or in that of `root`. */
export function find(
  state: Hierarchy,
  actor: Actor,
  path: Bytes,
  root: Container = state.root,
): Container | Refusal {
  if (path === '') return refuse('ENOENT', 'the path is empty');
  return descend(root, actor, namesOf(path));
}

/** The container that a path names, where the actor may open one of its files for writing. */
export function openForWriting(
  state: Hierarchy,
  actor: Actor,
  path: Bytes,
  file: File,
  root: Container = state.root,
): Container | Refusal {
  const container = find(state, actor, path, root);
  if (isRefusal(container)) return container;
  if (!may(actor, container.attributes.directory, search)) return noSearch(container);
  const attributes = container.attributes[file];
  if (!attributes) return refuse('ENOENT', `only the root has a ${file} file`);
  if (!may(actor, attributes, write)) {
    return refuse('EACCES', `uid ${actor.uid} may not write its ${file} file`);
  }
  return container;
}

/** A path as events have it: one leading slash, none at the end, none twice. */
export function normalised(path: Bytes): Bytes {
  return `/${namesOf(path).join('/')}`;
}

function namesOf(path: Bytes): Bytes[] {
  return path.split('/').filter((name) => name !== '');
}

function descend(root: Container, actor: Actor, names: readonly Bytes[]): Container | Refusal {
  let at = root;
  for (const name of names) {
    if (!may(actor, at.attributes.directory, search)) return noSearch(at);
    if (name.length > nameLimitBytes) return nameTooLong(name);
    const next = step(at, name);
    if (next === undefined) {
      return isReserved(at, name)
        ? refuse('ENOTDIR', `${textOf(name)} is a file`)
        : refuse('ENOENT', 'no such container');
    }
    at = next;
  }
  return at;
}

function step(at: Container, name: Bytes): Container | undefined {
  if (name === '.') return at;
  if (name === '..') return at.parent ?? at;
  return at.children.get(name);
}

export function nameTooLong(name: Bytes): Refusal {
  return refuse('ENAMETOOLONG', `the name has ${name.length} bytes, ${nameLimitBytes} are possible`);
}

function noSearch(container: Container): Refusal {
  return refuse('EACCES', `no search permission on ${textOf(pathOf(container))}`);
}

/** The path has so many bytes that no one call can name it (path_resolution(7)). */
export function pathTooLong(path: Bytes): Refusal {
  return refuse('ENAMETOOLONG', `the path has ${path.length} bytes, ${pathLimitBytes - 1} are possible`);
}
