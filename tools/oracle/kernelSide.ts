/**
 * The kernel's side: a hierarchy of cgroup v1 that controls nothing and has only a name. Requests are system calls
 * that the acting puppet makes in the mounted filesystem; views are read from there and from /proc.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import type { Bytes } from '../../events/bytes.ts';
import type { AgentCalls } from './agentCalls.ts';
import type { Reply, Stage } from './puppets.ts';
import type { Request } from './step.ts';
import { SystemCalls } from './systemCalls.ts';
import { Overdue, until } from './until.ts';
import { type ContainerSeen, filesText, type View } from './view.ts';

/** How long an unmounted hierarchy may take to go. */
const unmountMs = 500;
/** Moves a whole process. */
const processesFile = 'cgroup.procs';

export class KernelSide {
  readonly name = 'kernel';
  readonly #stage: Stage;
  readonly #mount: string;
  readonly #hierarchy: string;
  readonly #calls: SystemCalls;

  /** Mounts a hierarchy of its own at `mount`. */
  constructor(stage: Stage, mount: string, agent: AgentCalls) {
    this.#stage = stage;
    this.#mount = mount;
    this.#calls = new SystemCalls(stage, { mountPoint: mount, likeTasks: [processesFile] });
    this.#hierarchy = `tasktrail-oracle-${process.pid}`;
    mkdirSync(mount);
    this.#mountIt();
    // The kernel's root is read-only for all but root, the patch's is its owner's to write.
    chmodSync(mount, 0o755);
    writeFileSync(`${mount}/release_agent`, agent.program);
  }

  /** Makes the request's system call as its actor. */
  perform(request: Request): Promise<Reply> {
    const { actor, type } = request;
    if (type === 'attach') {
      return this.#calls.write(actor, request.path, processesFile, String(request.pid));
    }
    if (type === 'write') {
      return this.#calls.write(actor, request.path, request.file, request.kernelText ?? request.text);
    }
    return this.#calls.perform(request);
  }

  /** Takes back a request that the kernel has granted and tasktrail refused. Nothing may be released by that. */
  async undo(request: Request, flagBefore: boolean): Promise<void> {
    const { first } = this.#stage;
    if (request.type === 'mkdir') await this.perform({ type: 'rmdir', actor: first, path: request.path });
    if (request.type === 'rename') {
      await this.perform({ type: 'rename', actor: first, from: request.to, to: request.from });
    }
    if (request.type === 'write' && request.file === 'notify_on_release') {
      await this.setFlag(request.path, flagBefore);
    }
  }

  async setFlag(path: Bytes, on: boolean): Promise<void> {
    await this.#calls.write(this.#stage.first, path, 'notify_on_release', on ? '1' : '0');
  }

  /** The flag of a container; false where there is none. */
  flagOf(path: Bytes): boolean {
    try {
      return this.#read(path, 'notify_on_release').startsWith('1');
    } catch {
      // Requests name things that do not exist, and have no flag.
      return false;
    }
  }

  /** The paths of all containers, sorted; the root comes first. */
  paths(): Bytes[] {
    return [...this.#pathsBelow('/')].sort();
  }

  /** The container that a living task is in. */
  pathOf(pid: number): Bytes {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'latin1').split('\n');
    const marker = `:name=${this.#hierarchy}:`;
    const line = lines.find((each) => each.includes(marker)) ?? '';
    return line.slice(line.indexOf(marker) + marker.length);
  }

  /** The tasks in a container, ascending. */
  pidsIn(path: Bytes): number[] {
    return this.#read(path, 'tasks').split('\n').slice(0, -1).map(Number);
  }

  /** What there is to see, of tasks only those in `own`; of files too where they are compared. */
  view(own: ReadonlySet<number>, withFiles: boolean): View {
    const containers = this.paths().map((path): ContainerSeen => {
      const { mode, uid, gid } = statSync(this.#path(path));
      const pids = this.pidsIn(path).filter((pid) => path !== '/' || own.has(pid));
      const seen = { path, notify: this.flagOf(path), mode: mode & 0o7777, uid, gid, pids };
      return withFiles ? { ...seen, files: this.#filesIn(path) } : seen;
    });
    return { containers, paths: new Map([...own].map((pid) => [pid, this.pathOf(pid)])) };
  }

  /** Removes all containers, which must be empty by now, and the mount. */
  async close(): Promise<void> {
    for (const path of this.paths().reverse()) {
      if (path !== '/') await until(`${path} to be empty`, () => isRemoved(this.#path(path)));
    }
    await this.#unmount();
    rmdirSync(this.#mount);
  }

  #mountIt(): void {
    execFileSync('mount', [
      '-t',
      'cgroup',
      '-o',
      `none,name=${this.#hierarchy}`,
      'tasktrail-oracle',
      this.#mount,
    ]);
  }

  /**
   * An unmounted hierarchy stays for good if a removed group of it is not freed yet (cgroup_kill_sb in
   * kernel/cgroup/cgroup.c): then it has to be mounted and unmounted once more.
   */
  async #unmount(attemptsLeft = 20): Promise<void> {
    execFileSync('umount', [this.#mount]);
    try {
      await until(`the hierarchy ${this.#hierarchy} to go`, () => !this.#exists, unmountMs);
    } catch (error) {
      if (!(error instanceof Overdue) || attemptsLeft === 0) throw error;
      this.#mountIt();
      await this.#unmount(attemptsLeft - 1);
    }
  }

  get #exists(): boolean {
    return readFileSync('/proc/self/cgroup', 'latin1').includes(`:name=${this.#hierarchy}:`);
  }

  *#pathsBelow(path: Bytes): Generator<Bytes> {
    yield path;
    for (const entry of readdirSync(this.#path(path), { withFileTypes: true, encoding: 'latin1' as never })) {
      if (entry.isDirectory()) yield* this.#pathsBelow(`${path === '/' ? '' : path}/${entry.name}`);
    }
  }

  #filesIn(path: Bytes): string {
    const file = (name: string) => statSync(this.#path(`${path}/${name}`));
    return filesText(file('tasks'), file('notify_on_release'));
  }

  #read(path: Bytes, file: string): string {
    return readFileSync(this.#path(`${path}/${file}`), 'latin1');
  }

  #path(path: Bytes): Buffer {
    return this.#calls.path(path);
  }
}

/** Tries to remove a container, which its last task may be about to leave. */
function isRemoved(path: Buffer): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}
