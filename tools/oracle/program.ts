/**
 * The program: what is tried next, at random. It reads what there is (containers on the kernel's side, puppets on
 * the stage) and mostly tries what can succeed, by root or by users; and every kind of nonsense in between. All of
 * it follows from the random stream, never from a pid or a time, so that a seed can be had again.
 *
 * A text that only one of the two sides takes is written where taking it changes nothing: for `tasks`, in the
 * container that its task is in already.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Random } from '../../src/random.ts';
import { isForeign, kernelThread, plain } from './allowed.ts';
import type { KernelSide } from './kernelSide.ts';
import type { Process, Puppet, Stage, User } from './puppets.ts';
import type { File, Node, Request, Step } from './step.ts';

/** About how many there are at once, of each. */
const containerLimit = 24;
const puppetLimit = 24;
/** Above the largest pid of any Linux (PID_MAX_LIMIT, 2^22), below the largest number that is one. */
const unknownPids: readonly number[] = [2 ** 22 + 1, 2 ** 31 - 1];

const users: readonly number[] = [1000, 1001];
const ids: readonly number[] = [0, ...users];
const names: readonly Bytes[] = ['a', 'b', 'c', 'd', 'Charlie', 'my_sub_cs'];
const strangeNames: readonly Bytes[] = [
  ' ',
  '*',
  '-n',
  '...',
  ':',
  '\\x41',
  '__proto__',
  'caf\xc3\xa9',
  '\xff\xfe',
  '\x7f\t',
  'x'.repeat(255),
];
/** Names that are taken, or that no container may have. */
const badNames: readonly Bytes[] = ['tasks', 'notify_on_release', 'release_agent', '.', '..', 'a\nb', '\n'];
const longName: Bytes = 'y'.repeat(256);
const modes: readonly number[] = [0o777, 0o777, 0o755, 0o1777, 0o1777, 0o7777, 0o700, 0o711, 0o070, 0o007, 0];
const fileModes: readonly number[] = [0o644, 0o644, 0o666, 0o600, 0o660, 0o222, 0o444, 0];
const umasks: readonly number[] = [0o022, 0, 0, 0o077];
/** Texts for `tasks` that both sides refuse, if differently. */
const garbage: readonly Bytes[] = [
  'abc',
  '\n',
  '\0',
  '--1',
  '- 1',
  '.',
  '-',
  '\x1f1',
  ' '.repeat(4096),
  '-1',
  '-4194305',
  '2147483648',
  '4294967297',
  '9'.repeat(400),
  `${' '.repeat(4096)}1`,
  '0'.repeat(4097),
];
const flagTexts: readonly Bytes[] = [
  '1',
  '1',
  '1',
  '1\n',
  '0',
  '0\n',
  '2',
  '01',
  '00',
  '010',
  '1\0x',
  '0'.repeat(100),
];
const oddFlagTexts: readonly Bytes[] = [
  '',
  'x',
  '-1',
  '-0',
  '\n',
  '\0',
  ' ',
  '1x',
  '1 1',
  '0b1',
  '1\xa0',
  '1'.repeat(4097),
  '18446744073709551615',
  '18446744073709551616',
  '9'.repeat(400),
  ' 1 ',
  '\t0',
  '1 ',
  '0\n\n',
  '08',
  '+1',
  '+0',
  '0x1',
  '0x0',
];

/** A text for `tasks`, and where it has to be written if it matters. */
interface TaskText {
  readonly text: Bytes;
  readonly kernelText?: Bytes;
  readonly zombie?: boolean;
  readonly path?: Bytes;
}

export class Program {
  readonly #random: Random;
  readonly #stage: Stage;
  readonly #kernel: KernelSide;
  /** Whether both sides are asked by system calls, of which there are more than commands. */
  readonly #isMounted: boolean;
  #flurries = 0;

  constructor(random: Random, stage: Stage, kernel: KernelSide, isMounted: boolean) {
    this.#isMounted = isMounted;
    this.#random = random;
    this.#stage = stage;
    this.#kernel = kernel;
  }

  /** What is to be done next, given how things stand. */
  next(): Step {
    const dice = this.#random.below(1000);
    if (dice < 5) return this.#flurry();
    if (dice < 350) return this.#deed();
    return this.#request();
  }

  // Requests.

  #request(): Request {
    const actor = this.#actor();
    if (this.#isMounted && this.#random.chance(0.3)) return this.#callOnly(actor);
    const request = this.#command(actor);
    return this.#isMounted && isEither(request)
      ? { ...request, byCommand: this.#random.chance(0.25) }
      : request;
  }

  #command(actor: Puppet): Request {
    const dice = this.#random.below(100);
    if (dice < 22) return this.#containers.length < containerLimit ? this.#mkdir(actor) : this.#rmdir(actor);
    if (dice < 34) return this.#rmdir(actor);
    if (dice < 44) return this.#rename(actor);
    if (dice < 70) return this.#writeTasks(actor);
    if (dice < 80) return this.#attach(actor);
    if (dice < 92) return this.#writeFlag(actor);
    return this.#delegate(actor);
  }

  #mkdir(actor: Puppet): Request {
    const { below, pick, chance } = this.#random;
    const [mode, umask] = [pick(modes), pick(umasks)];
    const dice = below(100);
    // The kernel makes these two, and they are removed again: in the root that releases nothing.
    if (dice < 2) return { type: 'mkdir', actor: this.#stage.first, path: `/${longName}`, mode, umask };
    if (dice < 4) return { type: 'mkdir', actor, path: '/.at', mode, umask };
    const parent = chance(0.9) ? this.#container() : this.#anywhere();
    return { type: 'mkdir', actor, path: join(parent, this.#name()), mode, umask };
  }

  #rmdir(actor: Puppet): Request {
    const { chance, pick } = this.#random;
    const paths = this.#containers;
    const leaves = paths.filter((path) => path !== '/' && !paths.some((other) => parentOf(other) === path));
    if (leaves.length > 0 && chance(0.7)) return { type: 'rmdir', actor, path: this.#spelled(pick(leaves)) };
    const path = this.#anywhere();
    // Seen from outside, the root is an entry of a folder that is none of the users' business.
    return { type: 'rmdir', actor: plain(path) === '/' ? this.#stage.first : actor, path };
  }

  #rename(actor: Puppet): Request {
    const { below, chance } = this.#random;
    const from = chance(0.85) ? this.#container() : this.#somewhere();
    const dice = below(100);
    if (dice < 3) return { type: 'rename', actor, from: join(parentOf(from), 'nobody'), to: join(from, '.') };
    if (dice < 55) return { type: 'rename', actor, from, to: join(parentOf(from), this.#name()) };
    if (dice < 60) return { type: 'rename', actor, from, to: from };
    if (dice < 65) return { type: 'rename', actor, from, to: join(from, this.#name()) };
    if (dice < 70) return { type: 'rename', actor, from, to: parentOf(parentOf(from)) };
    if (dice < 74) return this.#renameTooLong();
    if (dice < 90) return { type: 'rename', actor, from, to: join(this.#container(), this.#name()) };
    return { type: 'rename', actor, from, to: this.#somewhere() };
  }

  /** By root, of something that exists: the kernel has other objections where tasktrail has looked at the name. */
  #renameTooLong(): Request {
    const { chance } = this.#random;
    const container = this.#container();
    const from = chance(0.8) ? container : join(container, 'tasks');
    const parent = chance(0.5) ? parentOf(from) : this.#container();
    return { type: 'rename', actor: this.#stage.first, from, to: join(parent, longName) };
  }

  #writeTasks(actor: Puppet): Request {
    const { path, ...text } = this.#taskText(actor);
    return { type: 'write', actor, file: 'tasks', path: path ?? this.#target(), ...text };
  }

  #taskText(actor: Puppet): TaskText {
    const { below, chance, pick } = this.#random;
    // There are few of these, and fewer who may write to the file.
    if (isForeign(actor.user) && chance(0.5)) return this.#zeroText(actor);
    const puppet = this.#puppet();
    const pid = String(puppet.pid);
    const own = this.#kernel.pathOf(puppet.pid);
    const dice = below(100);
    if (dice < 45) return { text: pid };
    if (dice < 60)
      return { text: pick([`${pid}\n`, ` ${pid}`, `\v${pid}\f\r\n`, `${pid}\0x`, `\t${pid}\n\n`]) };
    if (dice < 68) return this.#zeroText(actor);
    if (dice < 78) return { text: pick(garbage) };
    if (dice < 82) return { text: pick([`${pid} ${pid}`, `${pid}abc`, `${pid}.5`, `${pid}\x1f`]) };
    if (dice < 84) return { text: pick([`-${pid}`, 'x'.concat(pid), '']) };
    if (dice < 86) return { text: String(pick(unknownPids)) };
    if (dice < 89) return this.#zombieText();
    // Taken by the kernel, refused by us.
    if (dice < 94) {
      const hexadecimal = `0x${puppet.pid.toString(16)}`;
      return { text: pick([`+${pid}`, ` +${pid}\n`, hexadecimal, `\xa0${pid}`, `${pid}\xa0`]), path: own };
    }
    // The kernel would read these as octal, and might find a task that is none of the program's.
    if (dice < 98)
      return { text: pick([`0${pid}`, `${'0'.repeat(4000)}${pid}`, ` 00${pid}\n`]), kernelText: pid };
    return { text: String(kernelThread), path: '/' };
  }

  /**
   * The writing thread. A socket's peer is a process, so there only leaders can mean themselves; others are asked to
   * name a pid.
   */
  #zeroText(actor: Puppet): TaskText {
    if (!this.#isMounted && actor.pid !== actor.process.tgid) return { text: String(actor.pid) };
    const text = this.#random.pick(['0', '0\n', '-0', ' 00']);
    // Refused by the kernel, granted by us.
    return isForeign(actor.user) ? { text, path: this.#kernel.pathOf(actor.pid) } : { text };
  }

  #zombieText(): TaskText {
    const pid = this.#zombiePid();
    return pid === undefined ? { text: 'nobody' } : { text: String(pid), zombie: true };
  }

  #attach(actor: Puppet): Request {
    const { below, pick } = this.#random;
    const path = this.#target();
    const dice = below(100);
    if (dice < 4) return { type: 'attach', actor, path, pid: pick(unknownPids) };
    if (dice < 8) return { type: 'attach', actor, path: '/', pid: kernelThread };
    if (dice < 14 && this.#stage.zombies.length > 0) {
      return { type: 'attach', actor, path, pid: pick(this.#stage.zombies).tgid, zombie: true };
    }
    const { process, pid } = this.#puppet();
    // The kernel asks only whose the leader is, tasktrail asks about each thread: users move only the uniform.
    const by = isUniform(process) ? actor : this.#stage.first;
    return { type: 'attach', actor: by, path, pid: pick([pid, process.tgid]) };
  }

  #writeFlag(actor: Puppet): Request {
    const { chance, pick } = this.#random;
    const file: File = 'notify_on_release';
    return {
      type: 'write',
      actor,
      file,
      path: this.#target(),
      text: pick(chance(0.7) ? flagTexts : oddFlagTexts),
    };
  }

  /** Mostly by root, to users: others have nothing to give, and users who own nothing can try little. */
  #delegate(actor: Puppet): Request {
    const { chance, pick } = this.#random;
    const giver = chance(0.7) ? this.#stage.first : actor;
    const path = chance(0.8) ? this.#container() : this.#anywhere();
    return { type: 'delegate', actor: giver, path, uid: pick([...ids, ...users]), gid: pick(ids) };
  }

  /** What there is no command for: reads, and modes and owners of single nodes. */
  #callOnly(actor: Puppet): Request {
    const { below, chance, pick } = this.#random;
    const path = chance(0.9) ? this.#target() : this.#somewhere();
    const node = pick<Node>(['directory', 'directory', 'tasks', 'notify_on_release']);
    const dice = below(100);
    if (dice < 35) return { type: 'read', actor, path, file: pick<File>(['tasks', 'notify_on_release']) };
    if (dice < 45) return { type: 'list', actor, path };
    if (dice < 65) return { type: 'stat', actor, path, node };
    const by = chance(0.5) ? this.#stage.first : actor;
    // Who shuts the root shuts everybody out for good.
    if (plain(path) === '/') return { type: 'stat', actor, path, node };
    if (dice < 85) {
      // Today's kernfs hands a set-group-id bit down to what is made in there; the patch does not, nor do we.
      const mode = pick(node === 'directory' ? modes : fileModes) & ~0o2000;
      return { type: 'chmod', actor: by, path, node, mode };
    }
    return { type: 'chown', actor: by, path, node, uid: pick([...ids, ...users]), gid: pick(ids) };
  }

  // Deeds.

  #deed(): Step {
    const { below } = this.#random;
    const actor = this.#puppet();
    const dice = below(100);
    const isCrowded = this.#stage.puppets.length >= puppetLimit;
    if (dice < 22) return isCrowded ? this.#end(actor) : { type: 'fork', actor };
    if (dice < 28) return isCrowded ? this.#end(actor) : { type: 'vfork', actor };
    if (dice < 44) return isCrowded ? this.#end(actor) : { type: 'thread', actor };
    if (dice < 50) return { type: 'flash', actor };
    if (dice < 58) return this.#lives(actor) ? { type: 'flash', actor } : { type: 'exec', actor };
    if (dice < 70) return this.#become(actor);
    if (dice < 84) return this.#reap(actor);
    return this.#end(actor);
  }

  #end(actor: Puppet): Step {
    const { below } = this.#random;
    // The first puppet lives to the end.
    if (actor === this.#stage.first) return { type: 'flash', actor };
    const code = below(256);
    const dice = below(10);
    if (dice < 6 || this.#lives(actor)) return { type: 'exit', actor, code };
    return dice < 8 ? { type: 'exit_group', actor, code } : { type: 'kill', victim: actor.process };
  }

  #reap(actor: Puppet): Step {
    const { zombies } = this.#stage;
    return zombies.length === 0
      ? { type: 'flash', actor }
      : { type: 'reap', victim: this.#random.pick(zombies) };
  }

  /** New ids for one thread or for all of its process, as far as its old ones allow that. */
  #become(actor: Puppet): Step {
    const { pick, chance } = this.#random;
    if (this.#lives(actor)) return { type: 'flash', actor };
    const { real, effective, saved, group } = actor.user;
    const isRoot = effective === 0;
    const possible = isRoot ? ids : [real, effective, saved];
    const uid = pick(possible);
    const user: User = chance(0.5)
      ? { real: uid, effective: uid, saved: uid, group: isRoot ? uid : group }
      : { real: pick(possible), effective: uid, saved: pick(possible), group: isRoot ? pick(ids) : group };
    const isShared = actor.process.threads.every((thread) => sameIds(thread.user, actor.user));
    return { type: 'user', puppets: isShared && chance(0.7) ? actor.process.threads : [actor], user };
  }

  #flurry(): Step {
    this.#flurries += 1;
    return { type: 'flurry', path: `/flurry-${this.#flurries}`, times: 2 + this.#random.below(19) };
  }

  // Choices.

  #actor(): Puppet {
    return this.#random.chance(0.2) ? this.#stage.first : this.#puppet();
  }

  #puppet(): Puppet {
    return this.#random.pick(this.#stage.puppets);
  }

  /** Whether it belongs to the process that lives to the end, and that shall stay root's. */
  #lives(puppet: Puppet): boolean {
    return puppet.process === this.#stage.first.process;
  }

  /** A task that has ended: a process that is not reaped, or a leader whose threads live. */
  #zombiePid(): number | undefined {
    const { zombies, processes } = this.#stage;
    const headless = processes.filter(({ tgid, threads }) => threads.every(({ pid }) => pid !== tgid));
    const ended = [...zombies, ...headless];
    return ended.length === 0 ? undefined : this.#random.pick(ended).tgid;
  }

  get #containers(): readonly Bytes[] {
    return this.#kernel.paths();
  }

  #container(): Bytes {
    return this.#random.pick(this.#containers);
  }

  /** A container to write to: mostly one that exists. */
  #target(): Bytes {
    return this.#random.chance(0.93) ? this.#spelled(this.#container()) : this.#anywhere();
  }

  /** Any path, or one that no filesystem of ours could have. */
  #anywhere(): Bytes {
    const { chance, pick } = this.#random;
    if (chance(0.9)) return this.#somewhere();
    return join(this.#container(), pick([`${longName}/a`, longName]));
  }

  /** Any path: of a container, a file, something that is missing, or with a dot name at its end. */
  #somewhere(): Bytes {
    const { below, pick } = this.#random;
    const path = this.#container();
    switch (below(7)) {
      case 0:
      case 1:
        return join(path, pick(names));
      case 2:
        return join(path, pick(['tasks', 'notify_on_release']));
      case 3:
        return join(path, 'tasks/a');
      case 4:
        return join(path, 'nobody/a');
      case 5:
        return path === '/' ? '/.' : join(path, pick(['.', '..']));
      default:
        return path;
    }
  }

  /** The same path, sometimes written in another way. */
  #spelled(path: Bytes): Bytes {
    if (path === '/' || this.#random.chance(0.85)) return path;
    const last = path.slice(path.lastIndexOf('/') + 1);
    return this.#random.pick([
      `/.${path}`,
      `/${path}`,
      path.slice(1),
      `${path}/../${last}`,
      `${path}/`,
      `${path}/.`,
    ]);
  }

  #name(): Bytes {
    const { below, pick } = this.#random;
    const dice = below(100);
    if (dice < 75) return pick(names);
    return dice < 90 ? pick(strangeNames) : pick(badNames);
  }
}

/** What can be asked in two ways that mean the same. A command does not know which thread of its asker it is from. */
function isEither({ type }: Request): boolean {
  return type === 'mkdir' || type === 'rmdir' || type === 'rename' || type === 'delegate';
}

function join(path: Bytes, name: Bytes): Bytes {
  return path.endsWith('/') ? path + name : `${path}/${name}`;
}

function parentOf(path: Bytes): Bytes {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function isUniform({ threads, leaderUser }: Process): boolean {
  return threads.every(({ user }) => sameIds(user, leaderUser));
}

function sameIds(a: User, b: User): boolean {
  return a.real === b.real && a.effective === b.effective && a.saved === b.saved;
}
