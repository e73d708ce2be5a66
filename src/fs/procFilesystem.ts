/**
 * The proc filesystem: for every task a directory by its pid with the file `container`, which holds the path of the
 * container that the task is in, and `self`, which leads to that of whoever looks. It shows what the patch had in /proc,
 * and nothing in it can be changed.
 *
 * As in /proc, what is listed are processes, and every thread is found by its own pid.
 */
import type { Bytes } from '../../events/bytes.ts';
import { pathOf, type Task } from '../../projections/hierarchy.ts';
import type { Recorder } from '../engine/recorder.ts';
import { pathLimitBytes } from '../kernel/path.ts';
import type { NodeAttributes } from './attributes.ts';
import type { TreeRequest } from './filesystem.ts';
import type { Header } from './header.ts';
import {
  type Answer,
  attributesReply,
  type DirectoryEntry,
  doneReply,
  entriesReply,
  entryReply,
  openReply,
  statfsReply,
  textReply,
} from './replies.ts';
import type { NodeTimes } from './times.ts';

export interface ProcFilesystemOptions {
  readonly recorder: Recorder;
  /** Of every node. */
  readonly times: NodeTimes;
}

/** What there is to look at: the root, the link, and for a task its directory and the file in it. */
type Place =
  | { readonly is: 'root' | 'self' }
  | { readonly is: 'directory' | 'container'; readonly task: number };

const root: Place = { is: 'root' };
const fileName = 'container';
const linkName = 'self';
/** Of open(2)'s flags. */
const accessFlags = 3;
/** Of access(2)'s mask. */
const write = 2;

/**
 * The number of a place, which is its inode's: 1 and 2 for the root and the link, then two for each task, made of its id.
 * That is never given out again, as its pid is: whoever holds a file never reads of another task.
 */
function numberOf(place: Place): number {
  switch (place.is) {
    case 'root':
      return 1;
    case 'self':
      return 2;
    case 'directory':
      return 2 * place.task + 2;
    case 'container':
      return 2 * place.task + 3;
  }
}

/** Undefined for a number that no place can have. */
function placeNumbered(number: number): Place | undefined {
  if (number === 1) return root;
  if (number === 2) return { is: 'self' };
  const task = Math.floor(number / 2) - 1;
  return task < 1 ? undefined : { is: number % 2 === 0 ? 'directory' : 'container', task };
}

export class ProcFilesystem {
  readonly #recorder: Recorder;
  readonly #times: NodeTimes;
  /** What is read from a directory that is open: as it was when reading it began. */
  readonly #listings = new Map<number, readonly DirectoryEntry[]>();
  #lastHandle = 0;

  constructor({ recorder, times }: ProcFilesystemOptions) {
    this.#recorder = recorder;
    this.#times = times;
  }

  /** Throws where nothing is recorded any more. */
  answer(asker: Header, request: TreeRequest): Answer {
    switch (request.type) {
      case 'forget':
        return 'nothing';
      case 'release':
        this.#listings.delete(request.handle);
        return doneReply();
      case 'statfs':
        return statfsReply();
    }
    const place = placeNumbered(asker.node);
    if (!place) return 'ENOENT';
    // What is held stays when its task has gone, and a read tells that it has.
    if (request.type === 'getattr') return attributesReply(this.#attributes(place));
    if (request.type === 'read') return this.#read(place, request.offset, request.sizeBytes);
    if ('task' in place && !this.#task(place.task)) return 'ENOENT';
    switch (request.type) {
      case 'lookup':
        return this.#lookUp(place, request.name);
      case 'access':
        return (request.mask & write) === 0 ? doneReply() : 'EACCES';
      case 'readlink':
        return place.is === 'self' ? this.#linkOf(asker) : 'EINVAL';
      case 'opendir':
        this.#lastHandle += 1;
        return openReply(this.#lastHandle, 'directory');
      case 'readdir': {
        const { handle, offset, sizeBytes } = request;
        if (offset === 0) this.#listings.set(handle, this.#entriesIn(place));
        return entriesReply(this.#listings.get(handle) ?? [], offset, sizeBytes);
      }
      case 'open':
        return (request.flags & accessFlags) === 0 ? openReply(0, 'tasks') : 'EACCES';
      default:
        return 'EPERM';
    }
  }

  #lookUp(directory: Place, name: Bytes): Answer {
    const place = this.#placeIn(directory, name);
    return place ? entryReply(this.#attributes(place), false) : 'ENOENT';
  }

  #placeIn(directory: Place, name: Bytes): Place | undefined {
    if (directory.is === 'directory') {
      return name === fileName ? { is: 'container', task: directory.task } : undefined;
    }
    if (name === linkName) return { is: 'self' };
    const pid = /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : 0;
    const task = this.#taskByPid(pid);
    return task && { is: 'directory', task: task.id };
  }

  /** Whoever is in no pid namespace that can be seen from here has no directory. */
  #linkOf({ pid }: Header): Answer {
    const task = this.#taskByPid(pid);
    return task ? textReply(String(task.tgid)) : 'ENOENT';
  }

  #read(place: Place, offset: number, sizeBytes: number): Answer {
    if (place.is !== 'container') return 'EISDIR';
    const task = this.#task(place.task);
    if (!task) return 'ESRCH';
    const path = pathOf(task.container);
    if (path.length >= pathLimitBytes) return 'ENAMETOOLONG';
    return textReply(`${path}\n`.slice(offset, offset + sizeBytes));
  }

  #entriesIn(directory: Place): DirectoryEntry[] {
    const names: (readonly [Bytes, Place])[] = [
      ['.', directory],
      ['..', root],
    ];
    if (directory.is === 'directory') names.push([fileName, { is: 'container', task: directory.task }]);
    else {
      names.push([linkName, { is: 'self' }]);
      for (const { id, pid } of this.#processes()) names.push([String(pid), { is: 'directory', task: id }]);
    }
    return names.map(([name, place]) => ({ name, number: numberOf(place), node: nodeOf(place) }));
  }

  #processes(): Task[] {
    const leaders = this.#recorder.read(({ hierarchy }) =>
      [...hierarchy.tasks()].filter(({ pid, tgid }) => pid === tgid),
    );
    return leaders.sort((a, b) => a.pid - b.pid);
  }

  #task(id: number): Task | undefined {
    return this.#recorder.read(({ hierarchy }) => hierarchy.task(id));
  }

  #taskByPid(pid: number): Task | undefined {
    return this.#recorder.read(({ hierarchy }) => hierarchy.taskByPid(pid));
  }

  #attributes(place: Place): NodeAttributes {
    const isFile = place.is === 'container';
    return {
      number: numberOf(place),
      node: nodeOf(place),
      mode: place.is === 'self' ? 0o777 : isFile ? 0o444 : 0o555,
      uid: 0,
      gid: 0,
      links: isFile || place.is === 'self' ? 1 : 2,
      times: this.#times,
    };
  }
}

function nodeOf({ is }: Place): NodeAttributes['node'] {
  switch (is) {
    case 'self':
      return 'link';
    case 'container':
      return 'tasks';
    default:
      return 'directory';
  }
}
