/**
 * The stage: the real processes and threads that a program of the oracle acts through, each a puppet
 * (`tools/programs/puppet.c`) at the other end of a connection. What a deed changes is over when its function
 * resolves: a task that ends is a zombie or gone by then, one that is born waits for its first deed.
 *
 * Puppets have names, in the order of their birth: the same seed gives the same names, whatever the pids.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { errnoName } from '../../src/system/errno.ts';
import { compile } from '../programs.ts';
import type { Answer } from './step.ts';
import { until } from './until.ts';

/** The ids of a thread. Its group ids are all the same. */
export interface User {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly group: number;
}

/** A thread. */
export interface Puppet {
  readonly name: string;
  readonly process: Process;
  /** Its thread id; an exec gives it its leader's. */
  pid: number;
  user: User;
}

/** A thread group. Without a living thread it is a zombie. */
export interface Process {
  readonly tgid: number;
  parent: Process | undefined;
  /** The living threads, oldest first. */
  threads: Puppet[];
  /** The leader's ids; those it ended with when it has ended. */
  leaderUser: User;
}

/** What a puppet's answer holds beside success. */
export interface Reply {
  readonly answer: Answer;
  /** A number, or hexadecimal bytes. */
  readonly value: string;
}

/** A puppet that has just connected. */
interface Newcomer {
  readonly line: Line;
  readonly pid: number;
  readonly user: User;
}

export class Stage {
  readonly #server: Server;
  readonly #folder: string;
  readonly #socketPath: string;
  readonly #lines = new Map<Puppet, Line>();
  readonly #newcomers: Newcomer[] = [];
  #first: ChildProcess | undefined;
  #troupe: Process[] = [];
  #zombies: Process[] = [];
  #born = 0;

  /** `folder` is where the puppets find their program and their socket, whoever they become. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#socketPath = `${folder}/control.sock`;
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  /** Starts the first puppet, which is root's, lives to the end, and adopts orphans. */
  async open(): Promise<Puppet> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#socketPath, resolve);
    });
    chmodSync(this.#socketPath, 0o666);
    const program = `${this.#folder}/puppet`;
    copyFileSync(compile('puppet'), program);
    this.#first = spawn(program, [this.#socketPath], { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/' });
    const first = this.#enter(await this.#arrival(), undefined);
    await this.order(first, 'adopt');
    return first;
  }

  /** The puppet that lives to the end. */
  get first(): Puppet {
    const first = this.#troupe[0]?.threads[0];
    assert(first, 'the first puppet has ended');
    return first;
  }

  /** The processes that live, in the order of their birth. */
  get processes(): readonly Process[] {
    return this.#troupe;
  }

  /** The processes that have ended and were not reaped. */
  get zombies(): readonly Process[] {
    return this.#zombies;
  }

  /** The threads that live. */
  get puppets(): readonly Puppet[] {
    return this.#troupe.flatMap(({ threads }) => threads);
  }

  /** Has a puppet do something that leaves everybody as they are. */
  order(puppet: Puppet, ...words: readonly (string | number)[]): Promise<Reply> {
    return this.#lineOf(puppet).ask(words.join(' '));
  }

  /** A child, by fork(2), or by vfork(2) and an exec. */
  async fork(puppet: Puppet, how: 'fork' | 'vfork'): Promise<void> {
    const [newcomer] = await Promise.all([this.#arrival(), this.#do(puppet, how)]);
    this.#enter(newcomer, puppet.process);
  }

  async thread(puppet: Puppet): Promise<void> {
    const [newcomer] = await Promise.all([this.#arrival(), this.#do(puppet, 'thread')]);
    this.#cast(newcomer, puppet.process);
  }

  /** All other threads end, and the puppet is the leader. */
  async exec(puppet: Puppet): Promise<void> {
    const { process } = puppet;
    this.#lineOf(puppet).tell('exec');
    const { line, pid, user } = await this.#arrival();
    for (const thread of process.threads) this.#lines.delete(thread);
    process.threads = [puppet];
    process.leaderUser = user;
    Object.assign(puppet, { pid, user });
    this.#lines.set(puppet, line);
  }

  /** The one thread ends. */
  async exit(puppet: Puppet, code: number): Promise<void> {
    const { process, pid } = puppet;
    this.#lineOf(puppet).tell(`exit ${code}`);
    this.#lines.delete(puppet);
    process.threads = process.threads.filter((thread) => thread !== puppet);
    await until(`${puppet.name} to end`, () => hasEnded(process.tgid, pid));
    if (process.threads.length === 0) this.#bury(process);
  }

  async exitGroup(puppet: Puppet, code: number): Promise<void> {
    this.#lineOf(puppet).tell(`exit_group ${code}`);
    await this.#ended(puppet.process);
  }

  async kill(process: Process): Promise<void> {
    await this.#do(this.first, `kill ${process.tgid}`);
    await this.#ended(process);
  }

  /** Its parent takes notice of a zombie, and its pid is free. */
  async reap(zombie: Process): Promise<void> {
    const by = zombie.parent?.threads[0];
    assert(by, `nobody can reap ${zombie.tgid}`);
    await this.#do(by, `reap ${zombie.tgid}`);
    this.#zombies = this.#zombies.filter((other) => other !== zombie);
  }

  async become(puppet: Puppet, user: User): Promise<void> {
    const { real, effective, saved, group } = user;
    await this.#do(puppet, `user ${real} ${effective} ${saved} ${group}`);
    puppet.user = user;
    if (puppet.pid === puppet.process.tgid) puppet.process.leaderUser = user;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const line of this.#lines.values()) line.close();
    for (const { line } of this.#newcomers) line.close();
    this.#server.close();
    const first = this.#first;
    if (first !== undefined) {
      await until('the first puppet to end', () => first.exitCode !== null || first.signalCode !== null);
    }
    for (const { tgid, threads } of this.#troupe) {
      await until(`${threads[0]?.name} to end`, () => hasEnded(tgid, tgid));
    }
  }

  async #do(puppet: Puppet, deed: string): Promise<void> {
    const { answer } = await this.order(puppet, deed);
    assert.equal(answer, 'ok', `${puppet.name} cannot ${deed}: ${answer}`);
  }

  #lineOf(puppet: Puppet): Line {
    const line = this.#lines.get(puppet);
    assert(line, `${puppet.name} has ended`);
    return line;
  }

  #welcome(socket: Socket): void {
    const line = new Line(socket, (hello) => {
      const [, pid, , real, effective, saved, group] = hello.split(' ').map(Number);
      const user = { real, effective, saved, group } as User;
      this.#newcomers.push({ line, pid: pid as number, user });
    });
  }

  /** Whoever connects next: nothing else is going on, so it is the one that a deed has brought about. */
  async #arrival(): Promise<Newcomer> {
    await until('a puppet to appear', () => this.#newcomers.length > 0);
    return this.#newcomers.shift() as Newcomer;
  }

  #enter(newcomer: Newcomer, parent: Process | undefined): Puppet {
    const process: Process = { tgid: newcomer.pid, parent, threads: [], leaderUser: newcomer.user };
    this.#troupe.push(process);
    return this.#cast(newcomer, process);
  }

  #cast({ line, pid, user }: Newcomer, process: Process): Puppet {
    const puppet: Puppet = { name: `p${this.#born}`, process, pid, user };
    this.#born += 1;
    process.threads.push(puppet);
    this.#lines.set(puppet, line);
    return puppet;
  }

  async #ended(process: Process): Promise<void> {
    for (const { name, pid } of process.threads) {
      await until(`${name} to end`, () => hasEnded(process.tgid, pid));
    }
    for (const thread of process.threads) this.#lines.delete(thread);
    process.threads = [];
    this.#bury(process);
  }

  /** It is a zombie now, and the first puppet's process adopts its children. */
  #bury(process: Process): void {
    this.#troupe = this.#troupe.filter((other) => other !== process);
    this.#zombies.push(process);
    const heir = this.#troupe[0];
    for (const child of [...this.#troupe, ...this.#zombies])
      if (child.parent === process) child.parent = heir;
  }
}

/**
 * Whether a thread has ended for good: it is gone or a zombie. By then the kernel has taken it out of its cgroup
 * and told whoever traces exits (do_exit in kernel/exit.c does both before exit_notify).
 */
function hasEnded(tgid: number, pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${tgid}/task/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    // The folder is gone, or goes while it is read: so is the task.
    return true;
  }
}

/** A connection to one puppet: a line there, a line back. */
class Line {
  readonly #socket: Socket;
  #rest = '';
  #onLine: (line: string) => void;
  #onLoss: (error: Error) => void = () => {};

  constructor(socket: Socket, onHello: (hello: string) => void) {
    this.#socket = socket;
    this.#onLine = onHello;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    // Puppets end while they are told to. Where an answer is awaited, that is an error.
    socket.on('error', (error) => this.#onLoss(error));
    socket.on('close', () => this.#onLoss(new Error('a puppet ended before it answered')));
  }

  tell(deed: string): void {
    this.#socket.write(`${deed}\n`, 'latin1');
  }

  ask(deed: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#onLoss = reject;
      this.#onLine = (line) => {
        this.#onLoss = () => {};
        const [error = '', value = ''] = line.split(' ');
        resolve({ answer: error === '0' ? 'ok' : errnoName(Number(error)), value });
      };
      this.tell(deed);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }
}
