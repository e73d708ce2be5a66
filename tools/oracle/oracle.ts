/**
 * The oracle: one seeded program, carried out on the kernel's own cgroups and by tasktrail, through the commands of its
 * API or through its mount, on the same real processes. Every answer is compared as it comes; releases are compared after each step that may cause one; at
 * intervals everything is compared that can be seen of both trees, and where the rest of the machine is.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '../../events/bytes.ts';
import { seededRandom } from '../../src/random.ts';
import { AgentCalls } from './agentCalls.ts';
import { expectedOf, plain } from './allowed.ts';
import { KernelSide } from './kernelSide.ts';
import { Program } from './program.ts';
import { Stage } from './puppets.ts';
import { type Deed, type Flurry, type Request, type Step, shown, told } from './step.ts';
import { TasktrailSide } from './tasktrailSide.ts';
import { Overdue, until } from './until.ts';
import { differences } from './view.ts';

export interface OracleOptions {
  readonly seed: number;
  /** Off only to show that the oracle finds what is wrong then. */
  readonly drainBeforeDecide?: boolean;
  /** The door of tasktrail's that is used. */
  readonly through?: Door;
}

/** The commands of the API, or system calls in the mounted tree. */
export type Door = 'commands' | 'mount';

/** The two sides differ. The message holds all that is needed to see why. */
export class Difference extends Error {
  override readonly name = 'Difference';
  readonly seed: number;
  readonly step: number;

  constructor(
    { seed, through = 'commands' }: OracleOptions,
    step: number,
    what: string,
    recent: readonly string[],
    cause?: unknown,
  ) {
    super(
      [
        `seed ${seed}, step ${step}: ${what}`,
        `The last steps:\n${recent.join('\n')}`,
        `Run it again with: npm run oracle -- --seed ${seed} --steps ${step}${through === 'mount' ? ' --through mount' : ''}`,
      ].join('\n\n'),
      { cause },
    );
    this.seed = seed;
    this.step = step;
  }
}

/** Steps between two comparisons of everything. */
const compareEvery = 10;
/** Steps that are told with a difference. */
const recentLimit = 20;

export class Oracle {
  /** How often each outcome came up: `mkdir EEXIST`, `fork`, the names of the table's rows, … */
  readonly tally = new Map<string, number>();
  readonly #options: OracleOptions;
  readonly #folder: string;
  readonly #stage: Stage;
  readonly #kernel: KernelSide;
  readonly #tasktrail: TasktrailSide;
  readonly #program: Program;
  readonly #calls: { readonly kernel: AgentCalls; readonly ours: AgentCalls };
  readonly #recent: string[] = [];
  /** Containers that were released in a row: their calls are compared as a set. */
  readonly #hasty = new Set<Bytes>();
  #step = 0;
  #closed: Promise<void> | undefined;

  private constructor(
    options: OracleOptions,
    folder: string,
    stage: Stage,
    kernel: KernelSide,
    tasktrail: TasktrailSide,
    calls: { readonly kernel: AgentCalls; readonly ours: AgentCalls },
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#stage = stage;
    this.#kernel = kernel;
    this.#tasktrail = tasktrail;
    this.#calls = calls;
    this.#program = new Program(seededRandom(options.seed), stage, kernel, tasktrail.isMounted);
  }

  /** Sets up both sides. What is set up when it fails is taken down again. */
  static async open(options: OracleOptions): Promise<Oracle> {
    const { drainBeforeDecide = true, through = 'commands' } = options;
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-oracle-'));
    const undo: (() => void | Promise<void>)[] = [() => rmSync(folder, { recursive: true })];
    try {
      chmodSync(folder, 0o755);
      const calls = { kernel: new AgentCalls(folder, 'kernel'), ours: new AgentCalls(folder, 'tasktrail') };
      const stage = new Stage(folder);
      const kernel = new KernelSide(stage, `${folder}/cgroup`, calls.kernel);
      undo.push(() => kernel.close());
      undo.push(() => stage.close());
      await stage.open();
      const tasktrail = await TasktrailSide.open(stage, {
        folder: `${folder}/recording`,
        agent: calls.ours,
        drainBeforeDecide,
        mountPoint: through === 'mount' ? `${folder}/container` : undefined,
      });
      return new Oracle(options, folder, stage, kernel, tasktrail, calls);
    } catch (error) {
      for (const each of undo.reverse()) await each();
      throw error;
    }
  }

  /** Runs the program from its start. Throws a `Difference`; or whatever comes of being closed meanwhile. */
  async run(steps: number): Promise<void> {
    try {
      // A daemon that has failed answers nobody.
      await Promise.race([this.#play(steps), this.#tasktrail.closed]);
    } catch (error) {
      // Whatever goes wrong belongs to this seed and step.
      const what = error instanceof Error ? error.message : String(error);
      if (this.#closed !== undefined) throw error;
      const { gaps } = await this.#tasktrail.recorded();
      const doubt = gaps === 0 ? '' : ` (tasktrail had to look at the machine anew by then, ${gaps} times)`;
      throw new Difference(this.#options, this.#step, what + doubt, this.#recent, error);
    }
  }

  /**
   * How many events tasktrail has recorded, and how often it had to look at the machine anew in between. The rest of
   * the machine can make it do that, so a gap is no difference.
   */
  async recorded(): Promise<{ readonly events: number; readonly gaps: number }> {
    const { seq, gaps } = await this.#tasktrail.recorded();
    return { events: seq, gaps };
  }

  /** Ends the puppets and takes both sides down. Whoever asks first does it, the others wait for that. */
  close(): Promise<void> {
    this.#closed ??= this.#takeDown();
    return this.#closed;
  }

  async #takeDown(): Promise<void> {
    await this.#stage.close();
    await this.#tasktrail.close();
    await this.#kernel.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #play(steps: number): Promise<void> {
    for (this.#step = 1; this.#step <= steps; this.#step++) {
      await this.#take(this.#program.next());
      if (this.#step % compareEvery === 0) await this.#compare();
    }
    this.#step = steps;
    await this.#compare();
    await this.#compareCalls();
    const calls = [...this.#calls.ours.counts().values()].reduce((sum, count) => sum + count, 0);
    this.tally.set('release', calls);
  }

  async #take(step: Step): Promise<void> {
    this.#recent.push(`${this.#step} ${told(step)}`);
    if (this.#recent.length > recentLimit) this.#recent.shift();
    switch (step.type) {
      case 'mkdir':
      case 'rmdir':
      case 'rename':
      case 'write':
      case 'attach':
      case 'delegate':
      case 'chmod':
      case 'chown':
      case 'read':
      case 'list':
      case 'stat':
        await this.#ask(step);
        break;
      case 'flurry':
        await this.#hurry(step);
        break;
      default:
        await this.#do(step);
        this.#count(step.type);
    }
    if (mayRelease(step)) await this.#compareCalls();
  }

  /** Asks both sides. Where they may differ, the kernel is brought to where tasktrail is. */
  async #ask(request: Request): Promise<void> {
    const paths = new Set(this.#kernel.paths());
    const target = 'path' in request ? request.path : request.from;
    const flagBefore = this.#kernel.flagOf(target);
    const { answer: theirs, value } = await this.#kernel.perform(request);
    const { answer: ours, value: ourValue } = await this.#tasktrail.perform(request);
    const isMounted = this.#tasktrail.isMounted && request.byCommand !== true;
    const expected = expectedOf(request, theirs, { paths, opened: value === '1', isMounted });
    if (ours !== expected.answer) {
      const because = expected.row ? ` (${expected.row.name}: ${expected.row.reason})` : '';
      throw new Error(`the kernel answers ${theirs}, tasktrail ${ours}, not ${expected.answer}${because}`);
    }
    if (ours === 'ok') this.#compareRead(request, value, ourValue);
    this.#count(`${request.type} ${ours}`);
    if (expected.row === undefined) return;
    this.#count(`row ${expected.row.name}`);
    if (theirs === 'ok') await this.#kernel.undo(request, flagBefore);
    else if (ours === 'ok' && request.type === 'write' && request.file === 'notify_on_release') {
      await this.#kernel.setFlag(request.path, /[1-9]/.test(request.text));
    }
  }

  /** What both were read to hold. Of a directory, names of files that the other has not are no difference. */
  #compareRead(request: Request, theirValue: string, ourValue: string): void {
    if (request.type !== 'read' && request.type !== 'stat' && request.type !== 'list') return;
    const own = new Set(this.#stage.puppets.map(({ pid }) => String(pid)));
    const [theirs, ours] = [theirValue, ourValue].map((value) => readText(request, value, own));
    if (theirs !== ours)
      throw new Error(`the kernel shows ${shown(theirs ?? '')}, tasktrail ${shown(ours ?? '')}`);
  }

  async #do(deed: Deed): Promise<void> {
    const stage = this.#stage;
    switch (deed.type) {
      case 'fork':
      case 'vfork':
        return stage.fork(deed.actor, deed.type);
      case 'thread':
        return stage.thread(deed.actor);
      case 'exec':
        return stage.exec(deed.actor);
      case 'flash':
        return void (await stage.order(deed.actor, 'flash'));
      case 'exit':
        return stage.exit(deed.actor, deed.code);
      case 'exit_group':
        return stage.exitGroup(deed.actor, deed.code);
      case 'kill':
        return stage.kill(deed.victim);
      case 'reap':
        return stage.reap(deed.victim);
      case 'user':
        for (const puppet of deed.puppets) await stage.become(puppet, deed.user);
    }
  }

  /** A container whose only child comes and goes, with nobody waiting for any agent in between. */
  async #hurry({ path, times }: Flurry): Promise<void> {
    const actor = this.#stage.first;
    const child = `${path}/a`;
    const [mode, umask] = [0o755, 0];
    this.#hasty.add(path);
    await this.#ask({ type: 'mkdir', actor, path, mode, umask });
    await this.#ask({ type: 'write', actor, path, file: 'notify_on_release', text: '1' });
    for (let i = 0; i < times; i++) {
      await this.#ask({ type: 'mkdir', actor, path: child, mode, umask });
      await this.#ask({ type: 'rmdir', actor, path: child });
    }
    await this.#compareCalls();
    assert.equal(
      this.#calls.ours.counts().get(path),
      times,
      `tasktrail released ${path} not as often as that`,
    );
    await this.#ask({ type: 'rmdir', actor, path });
  }

  /**
   * Agent calls, when both sides are quiet. The kernel's path is looked up late and quick repeats are one call, so
   * nothing goes on before its call has come, and calls are the same in number except after a flurry.
   */
  async #compareCalls(): Promise<void> {
    const trouble = await this.#tasktrail.agentsQuiet();
    if (trouble !== '') throw new Error(trouble);
    const ours = this.#calls.ours.counts();
    const missing = (): Bytes[] =>
      [...ours].filter(([path]) => this.#lacks(path, ours)).map(([path]) => path);
    try {
      await until("the kernel's agent to be called", () => missing().length === 0);
    } catch (error) {
      if (!(error instanceof Overdue)) throw error;
      throw new Error(`tasktrail released ${missing().map(shown).join(', ')}, and the kernel did not`);
    }
    for (const [path, count] of this.#calls.kernel.counts()) {
      const ourCount = ours.get(path) ?? 0;
      if (count > ourCount) {
        throw new Error(`the kernel released ${shown(path)} ${count} times, tasktrail ${ourCount} times`);
      }
    }
  }

  #lacks(path: Bytes, ours: ReadonlyMap<Bytes, number>): boolean {
    const theirs = this.#calls.kernel.counts().get(path) ?? 0;
    return theirs < (this.#hasty.has(path) ? 1 : (ours.get(path) ?? 0));
  }

  async #compare(): Promise<void> {
    const own = new Set(this.#stage.puppets.map(({ pid }) => pid));
    const found = differences(
      this.#kernel.view(own, this.#tasktrail.isMounted),
      await this.#tasktrail.view(own),
    );
    if (found.length > 0) throw new Error(`what there is to see differs\n${found.join('\n')}`);
    await this.#compareUsers();
    await this.#compareOutsiders();
  }

  /** Whom tasktrail takes the puppets to be, as far as its source can see changes of users at all. */
  async #compareUsers(): Promise<void> {
    const { blind } = await this.#tasktrail.recorded();
    const users = await this.#tasktrail.users();
    for (const { name, pid, process, user } of this.#stage.puppets) {
      const seen = users.get(pid);
      if (seen?.tgid === process.tgid && (seen.uid === user.real || blind !== '')) continue;
      throw new Error(
        `${name} is ${pid} of process ${process.tgid} with uid ${user.real}: ${JSON.stringify(seen)}`,
      );
    }
  }

  /**
   * The rest of the machine is in both roots. It goes on while it is looked at: whoever is in the kernel's root
   * before and after must be in tasktrail's in between, and whoever is in tasktrail's was in the kernel's before or
   * after. Tasks that come, go or exit slowly can break either, but not every time.
   */
  async #compareOutsiders(): Promise<void> {
    let lost: number[] = [];
    let ghosts: number[] = [];
    try {
      await until('the roots to hold the same tasks', async () => {
        const before = new Set(this.#kernel.pidsIn('/'));
        const ours = new Set(await this.#tasktrail.pidsIn('/'));
        const after = new Set(this.#kernel.pidsIn('/'));
        lost = [...before].filter((pid) => after.has(pid) && !ours.has(pid));
        ghosts = [...ours].filter((pid) => !before.has(pid) && !after.has(pid));
        return lost.length + ghosts.length === 0;
      });
    } catch (error) {
      if (!(error instanceof Overdue)) throw error;
      const [pid = 0] = [...lost, ...ghosts];
      const story = (await this.#tasktrail.storyOf(pid)).join('\n');
      const who = `only the kernel's has ${lost.join(', ') || 'none'}, only tasktrail's ${ghosts.join(', ') || 'none'}`;
      throw new Error(`the roots differ: ${who}. What was recorded of ${pid}:\n${story}`);
    }
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}

/** Files that only the kernel's containers have. */
const kernelFiles: readonly string[] = [
  'cgroup.clone_children',
  'cgroup.procs',
  'cgroup.sane_behavior',
  'release_agent',
];

/** What was read, as far as it has to be the same. The root holds the rest of the machine, which goes on meanwhile. */
function readText(request: Request, value: string, own: ReadonlySet<string>): Bytes {
  const text = Buffer.from(value, 'hex').toString('latin1');
  if (request.type === 'list') {
    const names = text.split('\0').filter((name) => name !== '' && !kernelFiles.includes(name));
    return names.sort().join('\n');
  }
  if (request.type !== 'read' || request.file !== 'tasks') return text;
  const pids = text.split('\n');
  return plain(request.path) === '/' ? pids.filter((pid) => own.has(pid)).join('\n') : text;
}

/** Whether a step can take a container's last task or child away. */
function mayRelease(step: Step): boolean {
  switch (step.type) {
    case 'rmdir':
    case 'attach':
    case 'exec':
    case 'exit':
    case 'exit_group':
    case 'kill':
      return true;
    case 'write':
      return step.file === 'tasks';
    default:
      return false;
  }
}
