/**
 * The model: what the container tree does, said a second time. It was written from the seed patch and the
 * contract made of it, knowing nothing of `decide` and the projections, so that a mistake must be made twice
 * to go unnoticed. It may import only types: facts, commands, observations and errno names.
 *
 * Its one virtue is to be obviously right: two arrays, linear scans, everything counted again when asked.
 * It changes itself in place, as the patch does, and says in facts what it did.
 *
 * Sentences that begin with "Choice:" mark where the contract leaves room and what was taken.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { By, Certainty, ExitFact, Fact, File, Node, ReleaseCause } from '../../events/event.ts';
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
} from '../../src/kernel/command.ts';
import type { Errno } from '../../src/kernel/errno.ts';
import type {
  CommSeen,
  ExecSeen,
  ExitSeen,
  ForkSeen,
  Observation,
  OomSeen,
  TaskSeen,
  UidSeen,
} from '../../src/kernel/observation.ts';

/** What a command comes to: the facts it makes true, in order (none: it succeeds idly), or its errno. */
export type Answer = readonly Fact[] | Errno;

export interface Attributes {
  mode: number;
  uid: number;
  gid: number;
}

export interface ModelContainer {
  readonly id: number;
  /** Undefined for the root only. */
  readonly parent: ModelContainer | undefined;
  name: Bytes;
  notify: boolean;
  /** Only the root has a `release_agent`. */
  readonly nodes: Record<Exclude<Node, 'release_agent'>, Attributes> & { release_agent?: Attributes };
  /** What has happened here so far; a child counts as born where its parent was. */
  readonly counts: { forks: number; exits: number; attaches: number };
}

export interface ModelTask {
  readonly id: number;
  pid: number;
  readonly tgid: number;
  startTicks: number;
  uid: number;
  suid: number;
  comm: Bytes;
  container: ModelContainer;
  /** Somebody else has this pid by now, and its own is not known before its exec is seen. */
  gaveUpPid: boolean;
}

/** An end that nobody saw. */
const unseen = { code: 0, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'inferred' } as const;

const FILE_MODE = 0o644;
const WRITE = 2;
const SEARCH = 1;

export class Model {
  /** The containers that exist, in the order they were made. */
  readonly containers: ModelContainer[] = [];
  /** The tasks that have not exited, in the order they were met. */
  readonly tasks: ModelTask[] = [];
  readonly root: ModelContainer;
  #nextTask = 1;
  /** The release agent. */
  agent: Bytes = '/sbin/container_release_agent';
  #nextContainer: number;

  /** A tree with nothing but its root, whose id is `rootId`. */
  constructor(rootId: number) {
    this.root = container(rootId, undefined, '', false, 0o755, 0, 0);
    this.root.nodes.release_agent = { mode: FILE_MODE, uid: 0, gid: 0 };
    this.containers.push(this.root);
    this.#nextContainer = rootId + 1;
  }

  // Commands.

  command(command: Command, actor: Actor): Answer {
    switch (command.type) {
      case 'mkdir':
        return this.#mkdir(command, actor);
      case 'rmdir':
        return this.#rmdir(command, actor);
      case 'rename':
        return this.#rename(command, actor);
      case 'write':
        return this.#write(command, actor);
      case 'attach':
        return this.#attachProcess(command, actor);
      case 'attr':
        return this.#attr(command, actor);
      case 'delegate':
        return this.#delegate(command, actor);
      default:
        return this.#otherNode(command);
    }
  }

  #mkdir({ at, mode, umask }: MkdirCommand, actor: Actor): Answer {
    // Choice: the root has no parent, but it is there: it is taken rather than missing.
    if (isRoot(at)) return 'EEXIST';
    const parent = this.find(at.parent);
    if (parent === undefined || at.name === '') return 'ENOENT';
    if (at.name.length > 255) return 'ENAMETOOLONG';
    if (this.#isTaken(parent, at.name)) return 'EEXIST';
    if (!may(actor, parent.nodes.directory, WRITE | SEARCH)) return 'EACCES';
    if (/[/\0\n]/.test(at.name)) return 'EINVAL';

    const bits = mode & ~umask & 0o1777;
    const made = container(this.#nextContainer++, parent, at.name, parent.notify, bits, actor.uid, actor.gid);
    this.containers.push(made);
    return [
      {
        type: 'mkdir',
        container: made.id,
        parent: parent.id,
        name: made.name,
        group: 0,
        mode: bits,
        uid: actor.uid,
        gid: actor.gid,
        notify: made.notify,
        by: this.#by(actor),
      },
    ];
  }

  #rmdir({ at }: RmdirCommand, actor: Actor): Answer {
    // The root's own parent is not ours to ask for permission.
    if (isRoot(at)) return 'EBUSY';
    // The contract is silent; the patch leaves these two to the kernel's path walk (do_rmdir).
    if (at.name === '.') return 'EINVAL';
    if (at.name === '..') return 'ENOTEMPTY';
    const parent = this.find(at.parent);
    const victim = this.#entry(at);
    if (parent === undefined || victim === undefined) return 'ENOENT';
    const forbidden = forbids(actor, parent, victim);
    if (forbidden !== undefined) return forbidden;
    if (victim.container === undefined) return 'ENOTDIR';
    if (this.count(victim.container) > 0) return 'EBUSY';
    if (this.children(victim.container).length > 0) return 'EBUSY';

    this.containers.splice(this.containers.indexOf(victim.container), 1);
    const facts: Fact[] = [{ type: 'rmdir', container: victim.container.id, by: this.#by(actor) }];
    if (this.children(parent).length === 0) facts.push(...this.#checkForRelease(parent, 'rmdir', 0));
    return facts;
  }

  #rename({ from, to, exchange }: RenameCommand, actor: Actor): Answer {
    // Choice: `.` and `..` are there in every directory that is.
    if (isRoot(from)) return 'EBUSY';
    const fromParent = this.find(from.parent);
    const source = this.#entry(from);
    if (fromParent === undefined || (source === undefined && !isDot(from.name))) return 'ENOENT';
    if (source === undefined || isDot(to.name) || isRoot(to)) return 'EBUSY';
    // Choice: a directory that is not there to move into is missing like a source, but asked for after it.
    const toParent = this.find(to.parent);
    if (toParent === undefined || to.name === '') return 'ENOENT';
    const target = this.#entry(to);
    if (source.container !== undefined && this.#isWithin(toParent, source.container)) return 'EINVAL';
    if (to.name.length > 255) return 'ENAMETOOLONG';
    if (target?.container !== undefined && this.#isWithin(fromParent, target.container)) return 'ENOTEMPTY';
    if (from.parent === to.parent && from.name === to.name) return [];
    const forbidden = forbids(actor, fromParent, source) ?? forbids(actor, toParent, target);
    if (forbidden !== undefined) return forbidden;
    if (source.container !== undefined && target !== undefined && target.container === undefined)
      return 'ENOTDIR';
    if (source.container === undefined && target?.container !== undefined) return 'EISDIR';
    // The contract is silent; the patch leaves it to the kernel: a directory that changes its parent is written to.
    if (
      source.container !== undefined &&
      fromParent !== toParent &&
      !may(actor, source.container.nodes.directory, WRITE)
    )
      return 'EACCES';
    // Choice: what mkdir refuses in a name, rename refuses too.
    if (/[/\0\n]/.test(to.name)) return 'EINVAL';
    if (source.container === undefined) return 'ENOTDIR';
    if (this.#isTaken(toParent, to.name)) return 'EEXIST';
    if (fromParent !== toParent) return 'EIO';
    if (exchange) return 'EINVAL';

    source.container.name = to.name;
    return [{ type: 'rename', container: source.container.id, name: to.name, by: this.#by(actor) }];
  }

  #write({ container: id, file, text }: WriteCommand, actor: Actor): Answer {
    // The file was opened before, by this actor or another: its mode was asked then, not now.
    if (text === '') return [];
    const target = this.find(id);
    if (text.length > 4096) return 'E2BIG';
    if (target === undefined) return 'ENODEV';
    if (file === 'release_agent') return this.#writeAgent(target, text, actor);
    return file === 'tasks' ? this.#writeTasks(target, text, actor) : this.#writeFlag(target, text, actor);
  }

  #writeTasks(target: ModelContainer, text: Bytes, actor: Actor): Answer {
    const parts = /^[\t-\r ]*(-?)([0-9]+)(.*)$/s.exec(untilNul(text));
    if (parts === null) return 'EIO';
    const [, sign, digits = '', rest = ''] = parts;
    if (!/^[\t-\r ]*$/.test(rest)) return 'EINVAL';
    const number = BigInt(digits);
    // Choice: minus nought is nought.
    if (number === 0n) {
      const writer = this.taskByPid(actor.pid);
      return writer === undefined ? 'ESRCH' : this.#attach(writer, target, actor);
    }
    if (sign === '-' || number > 2n ** 31n - 1n) return 'ESRCH';
    const task = this.taskByPid(Number(number));
    if (task === undefined) return 'ESRCH';
    if (!mayMove(actor, task)) return 'EACCES';
    return this.#attach(task, target, actor);
  }

  #writeFlag(target: ModelContainer, text: Bytes, actor: Actor): Answer {
    // Choice: the text ends at its first NUL here too, as it does for the patch and for today's kernel.
    const digits = /^[\t-\r ]*([0-9]+)[\t-\r ]*$/.exec(untilNul(text))?.[1];
    if (digits === undefined) return 'EINVAL';
    const on = !/^0+$/.test(digits);
    if (on === target.notify) return [];
    target.notify = on;
    return [{ type: 'flag', container: target.id, on, by: this.#by(actor) }];
  }

  /** Choice: its text ends at its first NUL, and the white space around it is none of it. */
  #writeAgent(target: ModelContainer, text: Bytes, actor: Actor): Answer {
    const { release_agent: file } = target.nodes;
    if (file === undefined) return 'ENOENT';
    if (!may(actor, file, WRITE)) return 'EACCES';
    const program = untilNul(text)
      .replace(/^[\t-\r ]+/, '')
      .replace(/[\t-\r ]+$/, '');
    if (program[0] !== '/' || program.includes('\n')) return 'EINVAL';
    if (program.length > 4095) return 'ENAMETOOLONG';
    if (program === this.agent) return [];
    this.agent = program;
    return [{ type: 'appoint', program, by: this.#by(actor) }];
  }

  /** The whole process, every thread checked before any is moved. */
  #attachProcess({ container: id, pid }: AttachCommand, actor: Actor): Answer {
    const target = this.find(id);
    if (target === undefined) return 'ENODEV';
    // Choice: a process whose leader has exited is still named by its thread group id, and 0 names none.
    const threads = this.threadsOf(this.taskByPid(pid)?.tgid ?? pid);
    if (threads.length === 0) return 'ESRCH';
    if (threads.some((thread) => !mayMove(actor, thread))) return 'EACCES';
    return threads.flatMap((thread) => this.#attach(thread, target, actor));
  }

  #attach(task: ModelTask, target: ModelContainer, actor: Actor): Fact[] {
    const old = task.container;
    if (old === target) return [];
    task.container = target;
    target.counts.attaches++;
    const facts: Fact[] = [
      { type: 'attach', task: task.id, container: target.id, by: this.#by(actor), certainty: 'known' },
    ];
    if (this.count(old) === 0) facts.push(...this.#checkForRelease(old, 'attach', task.id));
    return facts;
  }

  #attr({ container: id, node, mode, uid, gid }: AttrCommand, actor: Actor): Answer {
    const target = this.find(id);
    if (target === undefined) return 'ENOENT';
    const now = target.nodes[node];
    if (now === undefined) return 'ENOENT';
    const isOwner = actor.uid === now.uid;
    const isMember = actor.gid === gid || actor.groups.includes(gid ?? -1) || gid === now.gid;
    if (actor.uid !== 0) {
      if (mode !== undefined && !isOwner) return 'EPERM';
      if (uid !== undefined && !(isOwner && uid === now.uid)) return 'EPERM';
      if (gid !== undefined && !(isOwner && isMember)) return 'EPERM';
    }
    return this.#setAttributes(
      target,
      node,
      { mode: (mode ?? now.mode) & 0o7777, uid: uid ?? now.uid, gid: gid ?? now.gid },
      actor,
    );
  }

  #delegate({ container: id, uid, gid }: DelegateCommand, actor: Actor): Answer {
    const target = this.find(id);
    if (target === undefined) return 'ENOENT';
    const nodes = ['directory', 'tasks', 'notify_on_release'] as const;
    const facts: Fact[] = [];
    if (actor.uid !== 0) {
      // To give away what one owns is for root alone; to give it to oneself is chown to the same.
      const isMember = actor.gid === gid || actor.groups.includes(gid);
      const isIdle = (now: Attributes) =>
        actor.uid === now.uid && uid === now.uid && (isMember || gid === now.gid);
      if (!nodes.every((node) => isIdle(target.nodes[node]))) return 'EPERM';
    }
    for (const node of nodes)
      facts.push(...this.#setAttributes(target, node, { ...target.nodes[node], uid, gid }, actor));
    return facts;
  }

  /** Choice: nothing is recorded when nothing changes. */
  #setAttributes(target: ModelContainer, node: Node, wanted: Attributes, actor: Actor): Fact[] {
    const now = target.nodes[node];
    if (now?.mode === wanted.mode && now.uid === wanted.uid && now.gid === wanted.gid) return [];
    target.nodes[node] = wanted;
    return [{ type: 'attr', container: target.id, node, ...wanted, by: this.#by(actor) }];
  }

  #otherNode({ type, at }: NodeCommand): Answer {
    if (!isRoot(at) && this.find(at.parent) === undefined) return 'ENOENT';
    return type === 'create' ? 'EACCES' : 'EPERM';
  }

  // Doors: from a path to what a command names.

  /** The parent and last name of a path; the last name need not be there. */
  locate(path: Bytes, actor: Actor): Place | Errno {
    const names = path.split('/').filter((name) => name !== '');
    if (path === '') return 'ENOENT';
    if (names.length === 0) return { parent: 0, name: '' };
    const parent = this.#walk(names.slice(0, -1), actor);
    if (typeof parent === 'string') return parent;
    if (!may(actor, parent.nodes.directory, SEARCH)) return 'EACCES';
    return { parent: parent.id, name: names.at(-1) ?? '' };
  }

  /** The container that a path names. */
  lookup(path: Bytes, actor: Actor): ModelContainer | Errno {
    if (path === '') return 'ENOENT';
    return this.#walk(
      path.split('/').filter((name) => name !== ''),
      actor,
    );
  }

  /** The container that a path names, when the actor may open the file in it for writing. */
  open(path: Bytes, file: File, actor: Actor): ModelContainer | Errno {
    const found = this.lookup(path, actor);
    if (typeof found === 'string') return found;
    if (!may(actor, found.nodes.directory, SEARCH)) return 'EACCES';
    const attributes = found.nodes[file];
    if (attributes === undefined) return 'ENOENT';
    return may(actor, attributes, WRITE) ? found : 'EACCES';
  }

  /** Each step needs search where it starts from, then a name of bearable length, then that it is there. */
  #walk(names: readonly Bytes[], actor: Actor): ModelContainer | Errno {
    let at = this.root;
    for (const name of names) {
      if (!may(actor, at.nodes.directory, SEARCH)) return 'EACCES';
      if (name.length > 255) return 'ENAMETOOLONG';
      if (name === '.') continue;
      if (name === '..') {
        at = at.parent ?? at;
        continue;
      }
      const entry = this.#entry({ parent: at.id, name });
      if (entry === undefined) return 'ENOENT';
      if (entry.container === undefined) return 'ENOTDIR';
      at = entry.container;
    }
    return at;
  }

  // Observations.

  /** The facts of an observation, or `nonsense` when it cannot have happened as far as the model knows. */
  observe(observation: Observation): readonly Fact[] | 'nonsense' {
    switch (observation.type) {
      case 'fork':
        return this.#fork(observation);
      case 'exec':
        return this.#exec(observation);
      case 'exit':
        return this.#exit(observation);
      case 'uid':
        return this.#uid(observation);
      case 'comm':
        return this.#comm(observation);
      case 'oom':
        return this.#oom(observation);
      default:
        throw new Error('the model has no trees but our own');
    }
  }

  #fork(seen: ForkSeen): readonly Fact[] | 'nonsense' {
    const caller = this.taskByPid(seen.parentPid);
    const holder = this.taskByPid(seen.pid);
    // A pid cannot be born while somebody has it: an exit was missed. But the last thread of a process may be on
    // its way to the leader's place, and gives its own pid up some time before its exec is seen.
    if (caller === undefined || (holder !== undefined && !this.#maySucceed(holder))) return 'nonsense';
    // Nor is a thread born into another process than its caller's: the caller's pid is somebody else's by now.
    if (seen.tgid !== seen.pid && seen.tgid !== caller.tgid) return 'nonsense';
    if (holder !== undefined) holder.gaveUpPid = true;
    const child = this.#enter(seen, caller.container);
    caller.container.counts.forks++;
    return [{ type: 'fork', parent: caller.id, into: [], ...born(child) }];
  }

  /** By a thread that is not the leader: the leader has exited, and the caller becomes it. */
  #exec(seen: ExecSeen): readonly Fact[] | 'nonsense' {
    const { pid, oldPid, startTicks, comm, program } = seen;
    // What has this pid after an exec leads its process; a thread of another was missed being born.
    const caller = this.tasks.find((task) => task.pid === oldPid && task.tgid === pid);
    if (caller === undefined) return 'nonsense';
    if (pid === oldPid && caller.startTicks !== startTicks) return 'nonsense';
    if (pid !== oldPid && this.taskByPid(pid) !== undefined) return 'nonsense';
    // The kernel gives the caller its leader's pid and its leader's start time (fs/exec.c, de_thread).
    caller.pid = pid;
    caller.gaveUpPid = false;
    caller.startTicks = startTicks;
    caller.comm = comm;
    return [{ type: 'exec', task: caller.id, pid, startTicks, comm, program }];
  }

  #maySucceed(task: ModelTask): boolean {
    return task.pid !== task.tgid && this.threadsOf(task.tgid).length === 1;
  }

  #exit(seen: ExitSeen): readonly Fact[] | 'nonsense' {
    const task = this.taskByPid(seen.pid);
    if (task === undefined) return 'nonsense';
    const signal = seen.status & 0x7f;
    const code = signal === 0 ? (seen.status >> 8) & 0xff : 0;
    const facts = this.#leave(task, { ...seen, code, signal, certainty: 'known' });
    if (this.count(task.container) === 0)
      facts.push(...this.#checkForRelease(task.container, 'exit', task.id));
    return facts;
  }

  /** Choice: a name or an owner that is seen again, unchanged, is nothing to record. */
  #comm({ pid, comm }: CommSeen): readonly Fact[] | 'nonsense' {
    const task = this.taskByPid(pid);
    if (task === undefined) return 'nonsense';
    if (task.comm === comm) return [];
    task.comm = comm;
    return [{ type: 'comm', task: task.id, comm }];
  }

  #uid({ pid, uid, suid }: UidSeen): readonly Fact[] | 'nonsense' {
    const task = this.taskByPid(pid);
    if (task === undefined) return 'nonsense';
    if (task.uid === uid && task.suid === suid) return [];
    task.uid = uid;
    task.suid = suid;
    return [{ type: 'uid', task: task.id, uid, suid }];
  }

  /** Who is to be killed goes on until it exits. */
  #oom({ pid }: OomSeen): readonly Fact[] | 'nonsense' {
    const task = this.taskByPid(pid);
    return task === undefined ? 'nonsense' : [{ type: 'oom', task: task.id }];
  }

  #leave(task: ModelTask, end: Omit<ExitFact, 'type' | 'task'>): Fact[] {
    this.tasks.splice(this.tasks.indexOf(task), 1);
    task.container.counts.exits++;
    const { code, signal, cpuUs, peakBytes, certainty } = end;
    return [{ type: 'exit', task: task.id, code, signal, cpuUs, peakBytes, certainty }];
  }

  #enter(seen: TaskSeen, where: ModelContainer): ModelTask {
    const { pid, tgid, startTicks, uid, suid, comm } = seen;
    const id = this.#nextTask++;
    const task = { id, pid, tgid, startTicks, uid, suid, comm, container: where, gaveUpPid: false };
    this.tasks.push(task);
    return task;
  }

  // Looks at the machine.

  /** The tasks that exist when recording first starts: all of them into the root, which is where they are. */
  adoptAll(seen: readonly TaskSeen[]): readonly Fact[] {
    return this.#births(seen, [], () => ({ where: this.root, certainty: 'known' }));
  }

  /**
   * A fresh look after a loss: `seen` is every task that exists. Births first, then what changed in those
   * that stayed, then exits, then the releases of what has fallen empty. After another boot nobody stayed.
   */
  look(seen: readonly TaskSeen[], sameBoot: boolean): readonly Fact[] {
    const stayed = sameBoot ? this.tasks.filter((task) => seen.some((one) => isSame(task, one))) : [];
    const gone = this.tasks.filter((task) => !stayed.includes(task));
    const strangers = seen.filter((one) => !stayed.some((task) => isSame(task, one)));
    // A relative may have ended in the same gap, unless somebody else has its pid by now.
    const late = gone.filter((task) => sameBoot && !seen.some(({ pid }) => pid === task.pid));
    const facts = this.#births(strangers, [...stayed, ...late], (relative) => {
      if (!sameBoot) return { where: this.root, certainty: 'known' };
      if (relative === undefined) return { where: this.root, certainty: 'unknown' };
      // Choice: what follows from something unknown is unknown.
      const certainty = relative.certainty === 'unknown' ? 'unknown' : 'inferred';
      return { where: relative.where, certainty };
    });
    for (const one of seen) {
      const task = stayed.find((known) => isSame(known, one));
      if (task === undefined) continue;
      if (task.comm !== one.comm) facts.push({ type: 'comm', task: task.id, comm: one.comm });
      if (task.uid !== one.uid || task.suid !== one.suid)
        facts.push({ type: 'uid', task: task.id, uid: one.uid, suid: one.suid });
      task.comm = one.comm;
      task.uid = one.uid;
      task.suid = one.suid;
    }
    for (const task of gone) facts.push(...this.#leave(task, unseen));
    // Choice: in the order in which they first lost somebody, and by nobody known: who was last is not seen.
    for (const where of new Set(gone.map((task) => task.container)))
      facts.push(...this.#checkForRelease(where, 'look', 0));
    return facts;
  }
  /**
   * Strangers enter where the home of a relative leads them: their parent's, else their thread leader's.
   * Choice: oldest first, but parents and leaders before those who inherit of them.
   */
  #births(
    strangers: readonly TaskSeen[],
    stayed: readonly ModelTask[],
    homeOf: (relative: Home | undefined) => Home,
  ): Fact[] {
    const ordered: TaskSeen[] = [];
    const visited: TaskSeen[] = [];
    const visit = (one: TaskSeen) => {
      if (visited.includes(one)) return;
      visited.push(one);
      for (const pid of [one.parentPid, one.tgid]) {
        const elder = strangers.find((other) => other.pid === pid);
        if (elder !== undefined) visit(elder);
      }
      ordered.push(one);
    };
    for (const one of [...strangers].sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)) visit(one);

    const met: { task: ModelTask; home: Home }[] = stayed.map((task) => {
      return { task, home: { where: task.container, certainty: 'known' } };
    });
    return ordered.map((one) => {
      const parent = met.find(({ task }) => task.pid === one.parentPid);
      const leader = met.find(({ task }) => task.pid === one.tgid);
      const home = homeOf((parent ?? leader)?.home);
      const task = this.#enter(one, home.where);
      met.push({ task, home });
      const { where, certainty } = home;
      const relations = { parent: parent?.task.id ?? 0, container: where.id, mirrored: [], certainty };
      return { type: 'adopt', ...relations, ...born(task) };
    });
  }

  // Reads.

  find(id: number): ModelContainer | undefined {
    return this.containers.find((one) => one.id === id);
  }

  taskByPid(pid: number): ModelTask | undefined {
    return this.tasks.find((task) => task.pid === pid && !task.gaveUpPid);
  }

  /** The living threads of a process, by pid. */
  threadsOf(tgid: number): ModelTask[] {
    return this.tasks.filter((task) => task.tgid === tgid).sort((a, b) => a.pid - b.pid);
  }

  tasksOf(where: ModelContainer): ModelTask[] {
    return this.tasks.filter((task) => task.container === where);
  }

  /** The patch's reference count. */
  count(where: ModelContainer): number {
    return this.tasksOf(where).length;
  }

  /** What a read of `tasks` shows. */
  pidsOf(where: ModelContainer): number[] {
    return this.tasksOf(where)
      .map((task) => task.pid)
      .sort((a, b) => a - b);
  }

  children(where: ModelContainer): ModelContainer[] {
    return this.containers.filter((one) => one.parent === where);
  }

  pathOf(where: ModelContainer): Bytes {
    if (where.parent === undefined) return '/';
    if (where.parent.parent === undefined) return `/${where.name}`;
    return `${this.pathOf(where.parent)}/${where.name}`;
  }

  #checkForRelease(where: ModelContainer, cause: ReleaseCause, task: number): Fact[] {
    if (where === this.root || !where.notify) return [];
    if (this.count(where) > 0 || this.children(where).length > 0) return [];
    const path = this.pathOf(where);
    if (path.length >= 4096) return [];
    return [{ type: 'release', container: where.id, path, cause, task }];
  }

  /**
   * Choice: the name reserved in the root stands for a file too, though nothing can be read from it. It has the
   * owner of the root's directory.
   */
  #entry({ parent: id, name }: Place): Entry | undefined {
    const parent = this.find(id);
    if (parent === undefined) return undefined;
    if (name === 'tasks' || name === 'notify_on_release')
      return { container: undefined, attributes: parent.nodes[name] };
    if (parent === this.root && name === 'release_agent' && parent.nodes.release_agent)
      return { container: undefined, attributes: parent.nodes.release_agent };
    if (parent === this.root && name === '.at')
      return { container: undefined, attributes: parent.nodes.directory };
    const child = this.containers.find((one) => one.parent === parent && one.name === name);
    return child === undefined ? undefined : { container: child, attributes: child.nodes.directory };
  }

  #isTaken(parent: ModelContainer, name: Bytes): boolean {
    return isDot(name) || this.#entry({ parent: parent.id, name }) !== undefined;
  }

  /** Whether `where` is `top` or below it. */
  #isWithin(where: ModelContainer, top: ModelContainer): boolean {
    return where === top || (where.parent !== undefined && this.#isWithin(where.parent, top));
  }

  #by({ pid, uid, gid }: Actor): By {
    return { task: this.taskByPid(pid)?.id ?? 0, pid, uid, gid };
  }
}

/** Where a task is, and how that is known. */
interface Home {
  readonly where: ModelContainer;
  readonly certainty: Certainty;
}

/** What a name stands for: a container, or a file (then `container` is undefined). */
interface Entry {
  readonly container: ModelContainer | undefined;
  readonly attributes: Attributes;
}

function container(
  id: number,
  parent: ModelContainer | undefined,
  name: Bytes,
  notify: boolean,
  mode: number,
  uid: number,
  gid: number,
): ModelContainer {
  const file = { mode: FILE_MODE, uid, gid };
  const nodes = { directory: { mode, uid, gid }, tasks: { ...file }, notify_on_release: { ...file } };
  return { id, parent, name, notify, nodes, counts: { forks: 0, exits: 0, attaches: 0 } };
}

function born(task: ModelTask) {
  const { id, pid, tgid, startTicks, uid, suid, comm } = task;
  return { task: id, pid, tgid, startTicks, uid, suid, comm };
}

/** Whether both are one task of the machine: a pid comes back, a pid with its start does not. */
function isSame(task: ModelTask, seen: TaskSeen): boolean {
  return task.pid === seen.pid && task.startTicks === seen.startTicks;
}

/** The mode bits that apply to the actor hold every bit of `wanted`; root passes. */
function may(actor: Actor, { mode, uid, gid }: Attributes, wanted: number): boolean {
  if (actor.uid === 0) return true;
  const isMember = actor.gid === gid || actor.groups.includes(gid);
  const bits = actor.uid === uid ? mode >> 6 : isMember ? mode >> 3 : mode;
  return (bits & wanted) === wanted;
}

/** Why the actor may not put a new name into `parent`, or take `victim` out of it: its mode, its sticky bit. */
function forbids(actor: Actor, parent: ModelContainer, victim: Entry | undefined): Errno | undefined {
  const { directory } = parent.nodes;
  if (!may(actor, directory, WRITE | SEARCH)) return 'EACCES';
  if (victim === undefined) return undefined;
  const isSticky = (directory.mode & 0o1000) !== 0;
  const isOwner = actor.uid === 0 || actor.uid === victim.attributes.uid || actor.uid === directory.uid;
  return isSticky && !isOwner ? 'EPERM' : undefined;
}

function mayMove(actor: Actor, task: ModelTask): boolean {
  return actor.uid === 0 || actor.uid === task.uid || actor.uid === task.suid;
}

function isRoot({ parent }: Place): boolean {
  return parent === 0;
}

function isDot(name: Bytes): boolean {
  return name === '.' || name === '..';
}

function untilNul(text: Bytes): Bytes {
  return text.split('\0', 1)[0] ?? '';
}
