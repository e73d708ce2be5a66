/**
 * The workload of a made-up machine: a small server as many have one. A shell in which somebody works, cron
 * and its jobs, a web server with workers, and a service with threads that falls over now and then. Who does
 * what, and when, is drawn from one seeded stream.
 */
import type { Bytes } from '../../../events/bytes.ts';
import type { Random } from '../../random.ts';
import type { Agenda, Script } from './agenda.ts';
import type { SimulatedMachine, Thread } from './machine.ts';

const ada = 1000;
const www = 33;
const sigkill = 9;
const sigsegv = 11;
const sigterm = 15;

/** Nothing new is begun while so many tasks exist. */
const crowd = 150;

/** Programs that are there and do nothing that a source would see. */
const residents: readonly Bytes[] = [
  '/usr/lib/systemd/systemd-journald',
  '/usr/lib/systemd/systemd-udevd',
  '/usr/bin/dbus-daemon',
  '/usr/sbin/agetty',
];
const tools: readonly Bytes[] = [
  'cat',
  'date',
  'df',
  'git',
  'grep',
  'head',
  'ls',
  'ps',
  'sed',
  'sort',
  'wc',
].map((name) => `/usr/bin/${name}`);
const jobs: readonly (readonly [uid: number, steps: readonly Bytes[]])[] = [
  [0, ['/usr/bin/find', '/usr/bin/xargs', '/usr/bin/gzip']],
  [0, ['/usr/sbin/logrotate', '/usr/bin/zstd']],
  [ada, ['/usr/bin/pg_dump', '/usr/bin/openssl', '/usr/bin/curl']],
  [ada, ['/usr/bin/rsync', '/usr/bin/ssh']],
  [www, ['/usr/bin/php', '/usr/bin/convert']],
];

export class Workload {
  readonly #machine: SimulatedMachine;
  readonly #agenda: Agenda;
  readonly #random: Random;

  constructor(machine: SimulatedMachine, agenda: Agenda, random: Random) {
    this.#machine = machine;
    this.#agenda = agenda;
    this.#random = random;
  }

  /** What runs on the machine from its boot on. */
  begin(): void {
    const { init } = this.#machine;
    for (const program of residents) this.#startDaemon(init, program, () => this.#resting());
    this.#startDaemon(init, '/usr/sbin/cron', (self) => this.#cron(self));
    this.#startDaemon(init, '/usr/sbin/nginx', (self) => this.#webServer(self));
    this.#startDaemon(init, '/usr/sbin/sshd', (self) => this.#login(self));
    this.#agenda.play(init, this.#keepService(init));
  }

  /** Somebody logs in and works. */
  *#login(self: Thread): Script {
    yield this.#ms(5, 20);
    const session = this.#startDaemon(self, '/usr/bin/bash', (shell) => this.#work(shell));
    this.#machine.setUid(session, ada);
    yield session;
  }

  /** A person at a shell: a command, a look at what it said, the next. */
  *#work(self: Thread): Script {
    for (;;) {
      yield this.#ms(200, 1800);
      if (this.#machine.size > crowd) continue;
      if (this.#random.chance(0.15))
        yield this.#startProgram(self, '/usr/bin/make', (make) => this.#make(make));
      else if (this.#random.chance(0.3)) yield* this.#pipeline(self, this.#choose(tools, 2, 4));
      else yield this.#startTool(self, this.#random.pick(tools));
    }
  }

  /** Compilers, two at a time. One in twenty finds a mistake, and that is the end of it. */
  *#make(self: Thread): Script {
    const sources = this.#between(3, 8);
    for (let built = 0; built < sources; built += 2) {
      const pair = [this.#startCompiler(self), this.#startCompiler(self)];
      for (const compiler of pair) yield compiler;
      if (this.#random.chance(0.05)) {
        this.#machine.exit(self, 2);
        return;
      }
    }
    yield this.#startTool(self, '/usr/bin/ld');
  }

  #startCompiler(parent: Thread): Thread {
    const passes = ['/usr/libexec/gcc/cc1', '/usr/bin/as'];
    return this.#startProgram(parent, '/usr/bin/cc', (self) => this.#inTurn(self, passes));
  }

  *#inTurn(self: Thread, programs: readonly Bytes[]): Script {
    for (const program of programs) yield this.#startTool(self, program);
  }

  /** Programs that run side by side, waited for together. */
  *#pipeline(self: Thread, programs: readonly Bytes[]): Script {
    const members: Thread[] = [];
    for (const program of programs) {
      members.push(this.#startTool(self, program));
      yield this.#ms(0, 1);
    }
    for (const member of members) yield member;
  }

  *#cron(self: Thread): Script {
    for (;;) {
      yield this.#ms(300, 2000);
      if (this.#machine.size > crowd) continue;
      const [uid, steps] = this.#random.pick(jobs);
      this.#start(self, (job) => this.#job(job, uid, steps));
    }
  }

  /** A cron job: as its user, a shell with a pipeline. Some are cut off, some leave a process behind. */
  *#job(self: Thread, uid: number, steps: readonly Bytes[]): Script {
    yield this.#ms(0, 2);
    if (uid !== 0) this.#machine.setUid(self, uid);
    this.#machine.exec(self, '/bin/sh');
    yield this.#ms(1, 4);
    if (this.#random.chance(0.1)) this.#startProgram(self, '/usr/bin/sleep', () => this.#idle(2000, 6000));
    if (this.#random.chance(0.1)) yield this.#start(self, (launcher) => this.#launch(launcher));
    yield* this.#pipeline(self, steps);
    if (this.#random.chance(0.05)) this.#machine.kill(self, sigterm);
    else this.#machine.exit(self, this.#random.chance(0.1) ? 1 : 0);
  }

  /** A program that executes the next one from a thread of its own, which so takes its leader's place. */
  *#launch(self: Thread): Script {
    yield this.#ms(0, 2);
    this.#machine.exec(self, '/usr/bin/launcher');
    yield this.#ms(1, 10);
    const thread = this.#machine.clone(self);
    yield this.#ms(1, 10);
    const successor = this.#machine.exec(thread, '/usr/bin/report');
    this.#agenda.play(successor, this.#ending(successor, this.#idle(20, 400)));
  }

  /** A master and two workers, of which one is renewed now and then. */
  *#webServer(self: Thread): Script {
    const workers: Thread[] = [];
    for (;;) {
      while (workers.length < 2) workers.push(this.#start(self, (worker) => this.#webWorker(worker)));
      yield this.#ms(10_000, 30_000);
      const oldest = workers.shift();
      if (oldest) this.#machine.exit(oldest, 0);
    }
  }

  *#webWorker(self: Thread): Script {
    this.#machine.setUid(self, www);
    yield* this.#resting();
  }

  /** Init starts the service again whenever it ends. */
  *#keepService(init: Thread): Script {
    for (;;) {
      const service = this.#startDaemon(init, '/usr/bin/node', (self) => this.#serve(self));
      this.#machine.setUid(service, ada);
      yield service;
      yield this.#ms(100, 500);
    }
  }

  /** A service that takes a thread for what it is asked, until it falls over. */
  *#serve(self: Thread): Script {
    const requests = this.#between(5, 40);
    for (let served = 0; served < requests; served++) {
      yield this.#ms(50, 800);
      const thread = this.#machine.clone(self);
      this.#agenda.play(thread, this.#request(thread, served));
    }
    this.#machine.kill(self, this.#random.pick([sigsegv, sigkill]));
  }

  *#request(self: Thread, number: number): Script {
    yield this.#ms(0, 1);
    this.#machine.rename(self, `request-${number}`);
    yield this.#ms(50, 3000);
    this.#machine.exitThread(self);
  }

  /** A program that does a little work. */
  #startTool(parent: Thread, program: Bytes): Thread {
    return this.#startProgram(parent, program, () => this.#idle(2, 250));
  }

  /** A child that executes a program, lives, and ends: mostly well. */
  #startProgram(parent: Thread, program: Bytes, live: Life): Thread {
    return this.#start(parent, (self) => this.#ending(self, this.#executing(self, program, live)));
  }

  /** A child that executes a program and goes on until something ends it. */
  #startDaemon(parent: Thread, program: Bytes, live: Life): Thread {
    return this.#start(parent, (self) => this.#executing(self, program, live));
  }

  /** A child that lives like this. */
  #start(parent: Thread, live: Life): Thread {
    const child = this.#machine.fork(parent);
    this.#agenda.play(child, live(child));
    return child;
  }

  *#executing(self: Thread, program: Bytes, live: Life): Script {
    yield this.#ms(0, 2);
    this.#machine.exec(self, program);
    yield* live(self);
  }

  *#ending(self: Thread, life: Script): Script {
    yield* life;
    if (!self.alive) return;
    if (this.#random.chance(0.02)) this.#machine.kill(self, this.#random.pick([sigkill, sigsegv, sigterm]));
    else this.#machine.exit(self, this.#random.chance(0.08) ? 1 : 0);
  }

  *#resting(): Script {
    for (;;) yield this.#ms(60_000, 120_000);
  }

  *#idle(fromMs: number, toMs: number): Script {
    yield this.#ms(fromMs, toMs);
  }

  /** A time between two, in microseconds. */
  #ms(fromMs: number, toMs: number): number {
    return this.#between(fromMs * 1000, toMs * 1000);
  }

  #between(from: number, to: number): number {
    return from + this.#random.below(to - from + 1);
  }

  #choose(programs: readonly Bytes[], from: number, to: number): Bytes[] {
    return Array.from({ length: this.#between(from, to) }, () => this.#random.pick(programs));
  }
}

/** What a new task does until its end. */
type Life = (self: Thread) => Script;
