/**
 * The filesystem: a tree of containers as directories, each with the files `tasks` and `notify_on_release`, and the root
 * with `release_agent` besides. It answers
 * what the kernel asks out of the recorder's reads and commands, as whoever asks, and touches nothing else: it knows
 * of no device and no mount. Several mounts each have one of these, and all show the one tree.
 *
 * Reads are answered at once, commands when they are on disk. Neither holds up the other.
 */
import { strict as assert } from 'node:assert';
import type { Bytes } from '../../events/bytes.ts';
import type { File, Node } from '../../events/event.ts';
import { type Container, pathOf, tasksOf } from '../../projections/hierarchy.ts';
import type { Done, Recorder, Request } from '../engine/recorder.ts';
import type { Actor, Command, Place } from '../kernel/command.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { nameLimitBytes } from '../kernel/path.ts';
import { may } from '../kernel/permission.ts';
import { parsePid } from '../kernel/text.ts';
import { Asked, Asker } from './asked.ts';
import type { NodeAttributes } from './attributes.ts';
import type { Header } from './header.ts';
import { Inodes } from './inodes.ts';
import { Invalidation } from './invalidation.ts';
import { nodeNumbered, numberOf } from './node.ts';
import {
  type Answer,
  attributesNotice,
  attributesReply,
  type DirectoryEntry,
  doneReply,
  entriesReply,
  entryReply,
  openReply,
  statfsReply,
  textReply,
  writtenReply,
} from './replies.ts';
import type { FuseRequest, RangeRequest, RenameRequest, SetattrRequest } from './requests.ts';
import type { Times, WantedTimes } from './times.ts';

/** What the kernel asks about the tree, and not about the session. */
export type TreeRequest = Exclude<
  FuseRequest,
  { readonly type: 'init' | 'interrupt' | 'destroy' | 'unknown' | 'malformed' }
>;

export interface FilesystemOptions {
  readonly recorder: Recorder;
  /** The supplementary groups of a live thread. */
  groupsOf(pid: number): readonly number[];
  /**
   * Our pid of the task that a live thread means by a number: in a pid namespace below ours it has numbers of its own
   * for them. Undefined where it can mean none.
   */
  pidMeant(pid: number, number: number): number | undefined;
  /** Whether a live thread counts tasks as we do, for all of its life. */
  sharesPids(pid: number): boolean;
  /** What all mounts show, and set. */
  readonly times: Times;
}

type Outcome = Done | Refusal;

/** What a handle stands for, until it is released. */
interface Opened {
  readonly container: Container;
  readonly node: Node;
  /** What is read from `tasks`: as it was when it was opened. */
  readonly text: Bytes;
  /** What is read from a directory: as it was when reading it began. */
  entries: readonly DirectoryEntry[];
}

const files: readonly File[] = ['notify_on_release', 'release_agent', 'tasks'];
/** So many threads are remembered to count tasks as we do. */
const mostSharing = 4096;
// Of open(2)'s flags.
const accessFlags = 3;
const writeOnly = 1;

export class Filesystem {
  readonly #recorder: Recorder;
  readonly #options: FilesystemOptions;
  readonly #inodes = new Inodes();
  readonly #opened = new Map<number, Opened>();
  /** Threads that count tasks as we do, by pid, and the id of the task that each is. */
  readonly #sharing = new Map<number, number>();
  #lastHandle = 0;
  /** Whether the kernel may keep what a name stands for until it is told otherwise. */
  keepsNames = false;

  constructor(options: FilesystemOptions) {
    this.#options = options;
    this.#recorder = options.recorder;
  }

  /** Calls back with each notice that the kernel has to get of a change, at once; returns what ends it. */
  onChange(tell: (notice: Buffer) => void): () => void {
    const invalidation = new Invalidation(this.#recorder.world.hierarchy.root);
    const unfollow = this.#recorder.follow((events) => {
      for (const notice of invalidation.noticesOf(events, this.keepsNames)) tell(notice);
    });
    const unfollowTimes = this.#options.times.follow((node) => tell(attributesNotice(node)));
    return () => {
      unfollow();
      unfollowTimes();
    };
  }

  /**
   * Answers one request. Throws, or rejects, where nothing is recorded any more: what cannot be recorded is not
   * answered.
   */
  answer(asker: Header, request: TreeRequest): Answer | Promise<Answer> {
    switch (request.type) {
      case 'forget':
        for (const forgotten of request.forgotten) this.#inodes.forget(forgotten);
        return 'nothing';
      case 'release':
        this.#opened.delete(request.handle);
        return doneReply();
      case 'statfs':
        return statfsReply();
      case 'read':
        return this.#read(request);
      case 'readdir':
        return this.#readDirectory(request);
      case 'write':
        return this.#write(asker, request.handle, request.text);
      default:
        return this.#answerAbout(asker, request);
    }
  }

  /** Answers what is asked about a node. */
  #answerAbout(
    asker: Header,
    request: Exclude<TreeRequest, { type: 'forget' | 'release' | 'statfs' | 'read' | 'readdir' | 'write' }>,
  ): Answer | Promise<Answer> {
    const at = nodeNumbered(asker.node);
    const container = at && this.#known(at.container);
    const attributes = container?.attributes[at?.node ?? 'directory'];
    if (!at || !container || !attributes) return 'ENOENT';
    const { node } = at;
    switch (request.type) {
      case 'getattr':
        return attributesReply(this.#attributes(container, node));
      case 'access':
        return may(this.#actor(asker), attributes, request.mask) ? doneReply() : 'EACCES';
      case 'setattr':
        return this.#setAttributes(asker, container, node, request);
      case 'open':
        return this.#open(container, node, request.flags);
      case 'readlink':
        return 'EINVAL';
    }
    if (node !== 'directory') return 'ENOTDIR';
    switch (request.type) {
      case 'opendir':
        return openReply(this.#keep({ container, node, text: '', entries: [] }), node);
      case 'lookup':
        return this.#lookUp(container, request.name);
      case 'mkdir': {
        const { name, mode, umask } = request;
        return this.#mkdir(asker, container, { type: 'mkdir', at: placeIn(container, name), mode, umask });
      }
      case 'rmdir':
        return this.#submit(asker, 'rmdir', container, {
          type: 'rmdir',
          at: placeIn(container, request.name),
        });
      case 'rename':
        return this.#rename(asker, container, request);
      default: {
        const type = request.type === 'make' ? request.what : 'unlink';
        return this.#submit(asker, type, container, { type, at: placeIn(container, request.name) });
      }
    }
  }

  #lookUp(directory: Container, name: Bytes): Answer {
    if (name.length > nameLimitBytes) return 'ENAMETOOLONG';
    if (!this.#stands(directory)) return 'ENOENT';
    const file = filesOf(directory).find((node) => node === name);
    if (file) return this.#entry(directory, file);
    const child = directory.children.get(name);
    return child ? this.#entry(child, 'directory') : 'ENOENT';
  }

  #mkdir(asker: Header, parent: Container, command: Command & { type: 'mkdir' }): Answer | Promise<Answer> {
    const { name } = command.at;
    const request = this.#request(asker, 'mkdir', () => below(parent, name), command);
    const done = this.#recorder.attempt(request);
    // It is made by now, if it is to be, and not on disk yet. Who knows what becomes of it until then.
    const made = parent.children.get(name);
    return answered(done, () => {
      assert(made, 'a container that was made is there');
      return this.#entry(made, 'directory');
    });
  }

  #rename(asker: Header, from: Container, request: RenameRequest): Answer | Promise<Answer> {
    const { name, toNode, toName, exchange } = request;
    const target = nodeNumbered(toNode);
    const to = target && this.#known(target.container);
    if (!to) return 'ENOENT';
    if (target.node !== 'directory') return 'ENOTDIR';
    return this.#submit(asker, 'rename', from, {
      type: 'rename',
      from: placeIn(from, name),
      to: placeIn(to, toName),
      exchange,
    });
  }

  /** Whoever sets nothing but a size has nothing to do. Who may set times the kernel has checked. */
  #setAttributes(
    asker: Header,
    container: Container,
    node: Node,
    { type: _, times, ...wanted }: SetattrRequest,
  ): Answer | Promise<Answer> {
    const reply = (): Answer => {
      if (times) this.#setTimes(container, node, times);
      return attributesReply(this.#attributes(container, node));
    };
    if (Object.keys(wanted).length === 0) return reply();
    const command: Command = { type: 'attr', container: container.id, node, ...wanted };
    const name = wanted.mode === undefined ? 'chown' : 'chmod';
    return answered(
      this.#recorder.attempt(this.#request(asker, name, () => pathOf(container), command)),
      reply,
    );
  }

  /** Nobody sees those of a container that was removed, but for whoever is in there. */
  #setTimes(container: Container, node: Node, wanted: WantedTimes): void {
    if (!this.#stands(container)) return;
    this.#options.times.set(numberOf(container.id, node), wanted);
  }

  #open(container: Container, node: Node, flags: number): Answer {
    if (node === 'directory') return 'EISDIR';
    const isRead = node === 'tasks' && (flags & accessFlags) !== writeOnly;
    const text = this.#recorder.read(() => (isRead ? tasksText(container) : ''));
    if (!this.#stands(container)) return 'ENODEV';
    return openReply(this.#keep({ container, node, text, entries: [] }), node);
  }

  #read({ handle, offset, sizeBytes }: RangeRequest<'read'>): Answer {
    const opened = this.#opened.get(handle);
    if (!opened || opened.node === 'directory') return 'EIO';
    const text = opened.node === 'tasks' ? opened.text : this.#textNow(opened.node, opened.container);
    return textReply(text.slice(offset, offset + sizeBytes));
  }

  /** What is read from a file that shows how things are. */
  #textNow(file: Exclude<File, 'tasks'>, { notify }: Container): Bytes {
    if (file === 'release_agent') return `${this.#recorder.world.hierarchy.releaseAgent}\n`;
    return notify ? '1\n' : '0\n';
  }

  /** Whoever goes back to the beginning (rewinddir(3)) sees the directory as it is then. */
  #readDirectory({ handle, offset, sizeBytes }: RangeRequest<'readdir'>): Answer {
    const opened = this.#opened.get(handle);
    if (opened?.node !== 'directory') return 'EIO';
    if (!this.#stands(opened.container)) return 'ENOENT';
    if (offset === 0) opened.entries = entriesOf(opened.container);
    return entriesReply(opened.entries, offset, sizeBytes);
  }

  /** One write is one command, whatever its offset. It is the writer's, whoever opened the file. */
  #write(asker: Header, handle: number, text: Bytes): Answer | Promise<Answer> {
    const opened = this.#opened.get(handle);
    if (!opened || opened.node === 'directory') return 'EIO';
    const { container, node: file } = opened;
    const meant = file === 'tasks' ? this.#meant(asker, text) : text;
    const command = isText(meant)
      ? ({ type: 'write', container: container.id, file, text: meant } as const)
      : meant;
    const request = this.#request(asker, `write ${file}`, () => pathOf(container), command);
    return answered(this.#recorder.attempt(request), () => writtenReply(text.length));
  }

  /** What is written to `tasks`, with our own number for the task that its writer means. */
  #meant({ pid }: Header, text: Bytes): Bytes | Refusal {
    const written = parsePid(text);
    if (typeof written !== 'number' || written <= 0) return text;
    if (pid === 0) return refuse('ESRCH', 'the writer is in no pid namespace that can be seen from here');
    if (this.#sharesPids(pid)) return text;
    const meant = this.#options.pidMeant(pid, written);
    return meant === undefined ? refuse('ESRCH', `the writer knows no task ${written}`) : String(meant);
  }

  /** To ask about a thread is slow, and each needs it once. */
  #sharesPids(pid: number): boolean {
    const task = this.#recorder.read(({ hierarchy }) => hierarchy.taskByPid(pid));
    if (task && this.#sharing.get(pid) === task.id) return true;
    const shares = this.#options.sharesPids(pid);
    if (this.#sharing.size >= mostSharing) this.#sharing.clear();
    if (task && shares) this.#sharing.set(pid, task.id);
    return shares;
  }

  /** Submits what is answered with no more than that it was done. */
  #submit(
    asker: Header,
    name: string,
    directory: Container,
    command: Command & ({ at: Place } | { from: Place }),
  ): Answer | Promise<Answer> {
    const place = 'at' in command ? command.at : command.from;
    return answered(
      this.#recorder.attempt(this.#request(asker, name, () => below(directory, place.name), command)),
      doneReply,
    );
  }

  #request(asker: Header, name: string, path: () => Bytes, command: Command | Refusal): Request {
    return new Asked(this.#actor(asker), name, path, command);
  }

  #actor(asker: Header): Actor {
    return new Asker(asker, this.#options.groupsOf);
  }

  #entry(container: Container, node: Node): Answer {
    this.#inodes.tell(container);
    return entryReply(this.#attributes(container, node), this.keepsNames);
  }

  #attributes(container: Container, node: Node): NodeAttributes {
    const links = node === 'directory' ? 2 + container.children.size : 1;
    const attributes = container.attributes[node];
    assert(attributes, `container ${container.id} has a ${node}`);
    const number = numberOf(container.id, node);
    return {
      ...attributes,
      number,
      node,
      links: this.#stands(container) ? links : 0,
      times: this.#options.times.of(number),
    };
  }

  #keep(opened: Opened): number {
    this.#lastHandle += 1;
    this.#opened.set(this.#lastHandle, opened);
    return this.#lastHandle;
  }

  /** A container of our own tree, also one that was removed and that the kernel still knows. */
  #known(id: number): Container | undefined {
    const container = this.#recorder.commanded.container(id);
    return container?.tree === 0 ? container : this.#inodes.container(id);
  }

  #stands({ id }: Container): boolean {
    return this.#recorder.world.hierarchy.container(id) !== undefined;
  }
}

/** What is answered to a command, once it has been carried out or refused: at once where it has been by now. */
function answered(done: Outcome | Promise<Outcome>, reply: () => Answer): Answer | Promise<Answer> {
  if (done instanceof Promise) return done.then((outcome) => answerTo(outcome, reply));
  return answerTo(done, reply);
}

function answerTo(outcome: Outcome, reply: () => Answer): Answer {
  return isRefusal(outcome) ? outcome.errno : reply();
}

function isText(meant: Bytes | Refusal): meant is Bytes {
  return typeof meant === 'string';
}

function placeIn({ id }: Container, name: Bytes): Place {
  return { parent: id, name };
}

/** The path of a name in a directory. */
function below(directory: Container, name: Bytes): Bytes {
  return `${directory.parent ? pathOf(directory) : ''}/${name}`;
}

function tasksText(container: Container): Bytes {
  return tasksOf(container)
    .map(({ pid }) => `${pid}\n`)
    .join('');
}

function filesOf({ attributes }: Container): readonly File[] {
  return files.filter((file) => attributes[file] !== undefined);
}

function entriesOf(directory: Container): DirectoryEntry[] {
  const { parent = directory } = directory;
  return [
    { number: numberOf(directory.id, 'directory'), node: 'directory', name: '.' },
    { number: numberOf(parent.id, 'directory'), node: 'directory', name: '..' },
    ...filesOf(directory).map((node) => ({ number: numberOf(directory.id, node), node, name: node })),
    ...[...directory.children.values()].map(
      ({ id, name }): DirectoryEntry => ({ number: numberOf(id, 'directory'), node: 'directory', name }),
    ),
  ];
}
