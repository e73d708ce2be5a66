/**
 * What people ask of a tree, at random: mostly things that can succeed, by root or by users, through paths or
 * through ids they hold; and every kind of nonsense in between. It reads the model for what there is to ask
 * about, and decides nothing.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Node } from '../../events/event.ts';
import type { Actor, Command, NodeCommand, Place } from '../../src/kernel/command.ts';
import type { Random } from '../../src/random.ts';
import type { Model, ModelContainer } from '../model/model.ts';
import type { Machine } from './machine.ts';

/**
 * A command and who gives it. With `path`, the place or container in the command is to be replaced by what
 * the path leads to for this actor; `toPath` is where a rename leads.
 */
export interface Request {
  readonly actor: Actor;
  readonly command: Command;
  readonly path?: Bytes;
  readonly toPath?: Bytes;
}

const pathLimitBytes = 4096;
/** Paths from here on are led to the limit by the next name. */
const longPathBytes = pathLimitBytes - 256;

const plainNames: readonly Bytes[] = ['a', 'b', 'c', 'd', 'Charlie', 'my_sub_cs'];
const nastyNames: readonly Bytes[] = [
  '',
  '.',
  '..',
  'tasks',
  'notify_on_release',
  'release_agent',
  '.at',
  'a\nb',
  'a/b',
  'a\0b',
  '\xff\xfe',
  ' ',
  '\\x41',
  '__proto__',
  'x'.repeat(255),
  'x'.repeat(256),
];
const nastyTexts: readonly Bytes[] = [
  '',
  '\n',
  '\0',
  '0',
  '-0',
  ' 00\n',
  '-1',
  '-x',
  '+1',
  '0x10',
  '1e3',
  '1 2',
  '1abc',
  '1\0abc',
  'abc',
  '1.5',
  '\x1f1',
  '1\xa0',
  '2147483647',
  '2147483648',
  '4294967297',
  '9'.repeat(400),
  `${'0'.repeat(4095)}1`,
  `${'0'.repeat(4096)}1`,
  ' '.repeat(4097),
];
const flagTexts: readonly Bytes[] = [
  '1',
  '1',
  '1',
  '1\n',
  ' 1 ',
  '2',
  '01',
  '0',
  '0',
  '000\n',
  '18446744073709551616',
];
const modes: readonly number[] = [0o755, 0o777, 0o1777, 0o700, 0o711, 0o7777, 0o070, 0o007, 0];
const umasks: readonly number[] = [0o022, 0o022, 0, 0o077, 0o777];
const gids: readonly number[] = [0, 1000, 1001];
const nodes: readonly Node[] = ['directory', 'tasks', 'notify_on_release', 'release_agent'];
const agentTexts: readonly string[] = ['/bin/true', '/bin/false\n', ' /a b\0c', 'true', '\n', '/a\nb'];
const nodeCommands: readonly NodeCommand['type'][] = ['create', 'symlink', 'link', 'fifo', 'unlink'];

export interface RequestOptions {
  /** About how many containers there may be. */
  readonly containerLimit: number;
  /** Users that ask, beside root. */
  readonly uids: readonly number[];
  /** How often it is the deepest container that is meant (0–1): with 0.4, paths reach their limit. */
  readonly depthChance: number;
}

/** What somebody may ask of a tree. */
export class Requests {
  readonly #random: Random;
  readonly #model: Model;
  readonly #machine: Machine;
  readonly #options: RequestOptions;

  constructor(random: Random, model: Model, machine: Machine, options: RequestOptions) {
    this.#random = random;
    this.#model = model;
    this.#machine = machine;
    this.#options = options;
  }

  next(): Request {
    const actor = this.#actor();
    const dice = this.#random.below(100);
    const crowded = this.#random.below(this.#options.containerLimit) < this.#model.containers.length;
    if (dice < 25) return crowded ? this.#rmdir(actor) : this.#mkdir(actor);
    if (dice < 30) return this.#rmdir(actor);
    if (dice < 38) return this.#rename(actor);
    if (dice < 68) return this.#writeTasks(actor);
    if (dice < 76) return this.#writeFlag(actor);
    if (dice < 77) return this.#writeAgent(actor);
    if (dice < 85) return this.#attach(actor);
    if (dice < 93) return this.#attr(actor);
    if (dice < 97) return this.#delegate(actor);
    return this.#node(actor);
  }

  #mkdir(actor: Actor): Request {
    const parent = this.#anyContainer();
    const mode = this.#random.chance(0.6) ? 0o755 : this.#random.pick(modes);
    const umask = this.#random.pick(umasks);
    const place = this.#placeIn(parent, this.#newName(parent));
    return this.#at(place, { type: 'mkdir', at: place, mode, umask }, actor);
  }

  #rmdir(actor: Actor): Request {
    const place = this.#random.chance(0.9) ? placeOf(this.#emptyOne()) : this.#anyPlace();
    return this.#at(place, { type: 'rmdir', at: place }, actor);
  }

  #node(actor: Actor): Request {
    const place = this.#anyPlace();
    return this.#at(place, { type: this.#random.pick(nodeCommands), at: place }, actor);
  }

  #rename(actor: Actor): Request {
    const random = this.#random;
    const source = this.#anyContainer();
    const from = random.chance(0.85) ? placeOf(source) : random.chance(0.5) ? this.#file() : this.#anyPlace();
    const to = random.chance(0.7)
      ? this.#placeIn(source.parent ?? source, this.#newName(source.parent ?? source))
      : random.chance(0.5)
        ? placeOf(this.#anyContainer())
        : this.#anyPlace();
    const request: Request = { actor, command: { type: 'rename', from, to, exchange: random.chance(0.05) } };
    const path = this.#pathOf(from);
    const toPath = this.#pathOf(to);
    if (path === undefined || toPath === undefined || random.chance(0.6)) return request;
    return { ...request, path, toPath };
  }

  #writeTasks(actor: Actor): Request {
    const random = this.#random;
    const target = this.#target();
    const text = random.chance(0.12) ? random.pick(nastyTexts) : this.#dressed(this.#anyPid());
    return this.#in(target, { type: 'write', container: this.#idOf(target), file: 'tasks', text }, actor);
  }

  #writeFlag(actor: Actor): Request {
    const target = this.#anyContainer();
    const text = this.#random.chance(0.15) ? this.#random.pick(nastyTexts) : this.#random.pick(flagTexts);
    const container = this.#idOf(target);
    return this.#in(target, { type: 'write', container, file: 'notify_on_release', text }, actor);
  }

  #writeAgent(actor: Actor): Request {
    const random = this.#random;
    const target = random.chance(0.7) ? this.#model.root : this.#anyContainer();
    const text = random.chance(0.15) ? random.pick(nastyTexts) : random.pick(agentTexts);
    return this.#in(target, { type: 'write', container: target.id, file: 'release_agent', text }, actor);
  }

  #attach(actor: Actor): Request {
    const target = this.#target();
    const thread = this.#machine.anyThread();
    const pid = this.#random.chance(0.5) ? thread.process.tgid : this.#anyPid();
    return this.#in(target, { type: 'attach', container: this.#idOf(target), pid }, actor);
  }

  #attr(actor: Actor): Request {
    const random = this.#random;
    const target = this.#anyContainer();
    const what = {
      ...(random.chance(0.6) ? { mode: random.pick(modes) } : {}),
      ...(random.chance(0.3) ? { uid: this.#anyUid() } : {}),
      ...(random.chance(0.3) ? { gid: random.pick(gids) } : {}),
    };
    const command = {
      type: 'attr',
      container: this.#idOf(target),
      node: random.pick(nodes),
      ...what,
    } as const;
    return this.#in(target, command, actor);
  }

  #delegate(actor: Actor): Request {
    const target = this.#anyContainer();
    const uid = this.#anyUid();
    const gid = this.#random.pick(gids);
    return this.#in(target, { type: 'delegate', container: this.#idOf(target), uid, gid }, actor);
  }

  /** The same asked by id or by path. */
  #at(place: Place, command: Command, actor: Actor): Request {
    const path = this.#random.chance(0.4) ? this.#pathOf(place) : undefined;
    return path === undefined ? { actor, command } : { actor, command, path };
  }

  #in(target: ModelContainer, command: Command, actor: Actor): Request {
    if (this.#random.chance(0.6)) return { actor, command };
    return { actor, command, path: this.#winding(this.#model.pathOf(target)) };
  }

  // Who.

  #actor(): Actor {
    const random = this.#random;
    const thread = this.#machine.anyThread();
    const pid = random.chance(0.9) ? thread.pid : random.pick([0, thread.pid + 1, 1_000_000]);
    const groups = random.chance(0.2) ? [random.pick(gids)] : [];
    if (random.chance(0.6)) return { pid, uid: 0, gid: 0, groups };
    return {
      pid,
      uid: random.chance(0.5) ? thread.uid : this.#anyUid(),
      gid: random.pick(gids),
      groups,
    };
  }

  #anyUid(): number {
    return this.#random.pick([0, ...this.#options.uids]);
  }

  #anyPid(): number {
    const random = this.#random;
    if (random.chance(0.3)) return this.#lonelyPid();
    if (random.chance(0.9)) return this.#machine.anyThread().pid;
    return random.pick([0, -1, this.#machine.anyThread().pid + 1, 1_000_000, 2 ** 31]);
  }

  /** Of a task that is alone where it is, if one is soon found: its move may release. */
  #lonelyPid(): number {
    for (let tries = 0; tries < 5; tries++) {
      const [task, ...others] = this.#model.tasksOf(this.#random.pick(this.#model.containers));
      if (task !== undefined && others.length === 0) return task.pid;
    }
    return this.#machine.anyThread().pid;
  }

  /** A pid as people write it. */
  #dressed(pid: number): Bytes {
    const random = this.#random;
    if (random.chance(0.6)) return `${pid}`;
    return random.pick([`${pid}\n`, ` \t${pid}`, `${pid}\0junk`, `00${pid}\r\n`, `${pid} `]);
  }

  // Where.

  #anyContainer(): ModelContainer {
    const random = this.#random;
    const { containers } = this.#model;
    return random.chance(this.#options.depthChance) ? this.#deepest() : random.pick(containers);
  }

  /** The one with the longest path that is not far too long. */
  #deepest(): ModelContainer {
    const bytesOf = (container: ModelContainer) => this.#model.pathOf(container).length;
    let deepest = this.#model.root;
    for (const container of this.#model.containers)
      if (bytesOf(container) > bytesOf(deepest) && bytesOf(container) <= pathLimitBytes) deepest = container;
    return deepest;
  }

  /** One that has no children and no tasks, if there is one and chance does not will otherwise. */
  #emptyOne(): ModelContainer {
    const container = this.#leaf();
    if (this.#random.chance(0.2)) return container;
    const isEmpty = (one: ModelContainer) =>
      this.#model.count(one) === 0 && this.#model.children(one).length === 0;
    const empty = this.#model.containers.filter(isEmpty);
    return empty.length === 0 ? container : this.#random.pick(empty);
  }

  /** One that has no children, most of the time. */
  #leaf(): ModelContainer {
    let container = this.#anyContainer();
    for (let tries = 0; tries < 3 && this.#model.children(container).length > 0; tries++)
      container = this.#anyContainer();
    return container;
  }

  /** Where tasks are moved to: mostly where they can be released from, and back into the root. */
  #target(): ModelContainer {
    return this.#random.chance(0.3) ? this.#model.root : this.#leaf();
  }

  /** Its id, or now and then one that was removed or never was. */
  #idOf(container: ModelContainer): number {
    if (this.#random.chance(0.95)) return container.id;
    return this.#random.below((this.#model.containers.at(-1)?.id ?? 1) + 3);
  }

  #placeIn(parent: ModelContainer, name: Bytes): Place {
    return { parent: Math.max(1, this.#idOf(parent)), name };
  }

  #anyPlace(): Place {
    if (this.#random.chance(0.1)) return { parent: 0, name: '' };
    return this.#placeIn(
      this.#anyContainer(),
      this.#random.pick(this.#random.chance(0.3) ? plainNames : nastyNames),
    );
  }

  #file(): Place {
    return this.#placeIn(this.#anyContainer(), this.#random.pick(['tasks', 'notify_on_release']));
  }

  #newName(parent: ModelContainer): Bytes {
    const random = this.#random;
    if (random.chance(0.1)) return random.pick(nastyNames);
    const pathBytes = this.#model.pathOf(parent).length;
    if (pathBytes > longPathBytes && random.chance(0.7))
      return 'e'.repeat(Math.max(1, pathLimitBytes - pathBytes - 2 + random.below(3)));
    if (random.chance(2 * this.#options.depthChance)) return random.pick(['f', 'g']) + 'd'.repeat(254);
    if (random.chance(0.1)) return this.#anyBytes(1 + random.below(12));
    return random.pick(plainNames);
  }

  #anyBytes(length: number): Bytes {
    return String.fromCharCode(...Array.from({ length }, () => this.#random.below(256)));
  }

  #pathOf({ parent: id, name }: Place): Bytes | undefined {
    if (id === 0) return '/';
    const parent = this.#model.find(id);
    if (parent === undefined) return undefined;
    return this.#winding(`${this.#model.pathOf(parent)}/${name}`);
  }

  /** The same path, or one that leads elsewhere, in another spelling. */
  #winding(path: Bytes): Bytes {
    const random = this.#random;
    if (random.chance(0.7)) return path;
    return random.pick([
      `/${path}`,
      `${path}/`,
      path.slice(1),
      `/a/..${path}`,
      `/.//${path}`,
      `/..${path}/.`,
      `/tasks${path}`,
    ]);
  }
}

function placeOf(container: ModelContainer): Place {
  return { parent: container.parent?.id ?? 0, name: container.name };
}
