/**
 * The recorder: commands and questions come in, and the source's wakes; `decide` says what follows, and the writer
 * appends it. What happens on the machine comes through the intake.
 *
 * Everything from a drain of the source to the append is synchronous. That is what makes the order of a
 * command against forks and exits exact: whatever the asking process caused before it asked is in the
 * source's queue by then, and is recorded first.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Fact } from '../../events/event.ts';
import type { Hierarchy, Task } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import type { Actor, Command } from '../kernel/command.ts';
import { decide } from '../kernel/decide.ts';
import { byOf } from '../kernel/doer.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { pathLimitBytes } from '../kernel/path.ts';
import { parsePid } from '../kernel/text.ts';
import type { Clock, Durability, SetAside, Source } from '../ports.ts';
import { Beginning, clockOffsetUs, type Identity } from './beginning.ts';
import { Intake } from './intake.ts';
import { KernelPlaces } from './kernelPlaces.ts';
import { RefusalBudget } from './refusals.ts';
import { type Follower, Writer, type WriterOptions } from './writer.ts';

/** A command as a door hands it in: what was asked, by whom, and how it becomes a command or a refusal. */
export interface Request {
  /** The word that a person would use for it, as in the `refused` event. */
  readonly name: string;
  readonly path: Bytes;
  readonly actor: Actor;
  /** Finds what the path names in the trees of this moment. */
  plan(state: Hierarchy): Command | Refusal;
}

/** The command was carried out and is synced; `seq` is the log's end then. */
export interface Done {
  readonly seq: number;
}

export interface RecorderOptions extends WriterOptions {
  readonly source: Source;
  /** Off only to show that it is needed. */
  readonly drainBeforeDecide?: boolean;
}

/**
 * After a wake the source is drained again and again at this distance until it is empty, and only then
 * asked to wake us: a storm costs fifty wakes a second, not one an event, and silence costs none. Each wake
 * has its price (a commit, a timer, other threads' wakes), and whoever asks is answered at once anyway.
 */
const drainDelayMs = 20;
const tickDelayMs = 1000;
/** Smaller changes of the wall-clock are slewing, and are carried by the next step. */
const clockStepUs = 10_000;
/** How long a task that a command names may take from being visible to being queued. */
const meetUs = 1000;
/**
 * While so many events are not written, the disk being slow, nothing is taken in that nobody asks for. It waits in the
 * source's queue, whose size is fixed; memory would grow for as long as the disk is slow.
 */
const mostUnwritten = 200_000;

export class Recorder {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #world: World;
  readonly #writer: Writer;
  readonly #kernelPlaces: KernelPlaces;
  readonly #intake: Intake;
  readonly #beginning: Beginning;
  readonly #drainBeforeDecide: boolean;
  readonly #refusals = new RefusalBudget();
  /** Up to here the log holds what was commanded. */
  #commandedSeq = 0;
  #cancelTick = (): void => {};
  #cancelDrain = (): void => {};

  constructor(options: RecorderOptions) {
    const { source, clock, world } = options;
    this.#source = source;
    this.#clock = clock;
    this.#world = world;
    this.#writer = new Writer(options);
    this.#kernelPlaces = new KernelPlaces(source.places, world.hierarchy);
    const parts = { source, clock, world, writer: this.#writer, kernelPlaces: this.#kernelPlaces };
    this.#intake = new Intake(parts);
    this.#beginning = new Beginning({ ...parts, intake: this.#intake });
    this.#drainBeforeDecide = options.drainBeforeDecide ?? true;
  }

  get world(): World {
    return this.#world;
  }

  /**
   * Begins to record, or goes on after a pause, and resolves when what exists by now is synced. `aside` is what the log
   * has lost at its end.
   */
  async start(identity: Identity, aside?: SetAside): Promise<void> {
    await this.#beginning.run(identity, aside);
    this.#arm();
    this.#tick();
  }

  /** Takes in what is queued, and says in the log that the recorder stopped in order. */
  async stop(): Promise<void> {
    this.#cancelTick();
    this.#cancelDrain();
    if (this.#writer.closed || this.isFull) return;
    this.#intake.drain('now');
    this.#countSuppressed();
    await this.#writer.end({ type: 'stop' });
    this.#source.keptQueue?.free(this.#writer.writtenCursor);
  }

  /**
   * Decides a command and resolves once its answer is safe to give. A refusal changes nothing. Rejects when
   * the log has failed: then it is not known whether the command will ever have been given.
   */
  async submit(request: Request): Promise<Done | Refusal> {
    return this.attempt(request);
  }

  /** The same, and what needs no wait for the disk is answered at once. Throws where nothing is recorded any more. */
  attempt(request: Request): Done | Refusal | Promise<Done> {
    this.#requireOpen();
    if (this.isFull)
      return refuse('ENOSPC', 'the disk is full that the recording is on: nothing is recorded');
    if (this.#drainBeforeDecide) this.#intake.drain('now');
    const state = this.#world.hierarchy;
    const planned = request.plan(state);
    if (!isRefusal(planned)) this.#meet(planned, request.actor);
    const decision = isRefusal(planned) ? planned : decide(state, planned, request.actor);
    if (isRefusal(decision)) {
      this.#refused(request, decision);
      return decision;
    }
    if (decision.length === 0 && this.#isSynced(planned, request.actor)) return { seq: this.#writer.seq };
    this.#writer.append(decision);
    for (const fact of decision) if (fact.type === 'attach') this.#kernelPlaces.tell(state.task(fact.task));
    const { seq } = this.#writer;
    this.#commandedSeq = seq;
    return this.commit('synced').then(() => ({ seq }));
  }

  /** There is no room for the log: nothing is recorded, and what is told of now is what was last recorded. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /**
   * Whether that which makes a write change nothing is on disk: all that was commanded so far, and the birth of the
   * task that it names. What else has happened since then need not be waited for.
   */
  #isSynced(command: Command | Refusal, actor: Actor): boolean {
    if (isRefusal(command) || command.type !== 'write') return false;
    const { seq, nextTask } = this.#writer.synced;
    const task = this.#world.hierarchy.taskByPid(pidIn(command) || actor.pid);
    return seq >= this.#commandedSeq && (task?.id ?? 0) < nextTask;
  }

  /** What only commands change, such as our own containers: nothing need be taken in before. */
  get commanded(): Hierarchy {
    this.#requireOpen();
    return this.#world.hierarchy;
  }

  /** Answers a question about now: everything that has happened before the call is in the answer. */
  read<T>(query: (world: World) => T): T {
    this.#requireOpen();
    if (this.#drainBeforeDecide) this.#intake.drain('now');
    return query(this.#world);
  }

  /** Appends what a follower caused, as long as anything is recorded. */
  record(fact: Fact): void {
    if (!this.#writer.closed) this.#writer.append([fact]);
  }

  /** Appends that this recorder was late, behind what has happened on the machine meanwhile. */
  stalled(lengthUs: number): void {
    if (this.#writer.closed) return;
    this.#intake.drain('soon');
    this.#writer.append([{ type: 'stall', lengthUs }]);
  }

  /** Makes everything appended so far as durable as asked. Rejects once the log has failed. */
  commit(durability: Durability): Promise<void> {
    return this.#writer.commit(durability);
  }

  /** Calls back with all events from now on, when they are sequenced; returns what ends it. */
  follow(follower: Follower): () => void {
    return this.#writer.follow(follower);
  }

  /** What is not recorded any more cannot be answered about as if it were. */
  #requireOpen(): void {
    if (this.#writer.closed) throw new Error('nothing is recorded any more: the recording has ended');
  }

  #arm(): void {
    this.#source.wake(() => this.#drainOn());
  }

  #drainOn(): void {
    if (this.#writer.closed) return;
    if (this.#isBehind) {
      // A failure is told to whoever is to hear of it.
      const goOn = (): void => this.#drainOn();
      this.commit('written').then(goOn, goOn);
      return;
    }
    const drained = this.#intake.drain('soon');
    if (drained === 0 && (this.#source.keptQueue?.isFree ?? true)) this.#arm();
    else this.#cancelDrain = this.#clock.after(drainDelayMs, () => this.#drainOn());
  }

  /**
   * Makes sure of the tasks that a command names: that whoever lives is known, and, where it matters, whose they
   * are at this moment, which not every source sees.
   */
  #meet(command: Command, actor: Actor): void {
    const pid = pidIn(command);
    if (pid === undefined) return;
    const state = this.#world.hierarchy;
    if (!state.taskByPid(pid) && this.#source.look(pid)) this.#waitFor(pid);
    if (actor.uid === 0) return;
    const task = state.taskByPid(pid);
    const one = task ? [task] : [];
    const tasks = command.type === 'attach' ? state.threadsOf(task?.tgid ?? pid) : one;
    for (const each of tasks) this.#askUserOf(each);
  }

  /**
   * A third party can see a pid some 10 µs before its fork is queued. So a task that is alive and unknown is waited
   * for, and only then taken from /proc.
   */
  #waitFor(pid: number): void {
    const state = this.#world.hierarchy;
    const sinceUs = this.#writer.timeUs;
    for (const endUs = this.#clock.bootUs() + meetUs; !state.taskByPid(pid); ) {
      this.#intake.drain('now');
      if (this.#clock.bootUs() > endUs) break;
    }
    if (state.taskByPid(pid)) return;
    const detail = `task ${pid} lives and its fork was not seen`;
    this.#intake.resync({ reason: 'nonsense', lost: 0, sinceUs, detail });
  }

  #askUserOf({ pid }: Task): void {
    const seen = this.#source.look(pid);
    if (!seen) return;
    this.#intake.observe({ type: 'uid', bootUs: this.#clock.bootUs(), pid, uid: seen.uid, suid: seen.suid });
  }

  get #isBehind(): boolean {
    return this.#writer.unwritten > mostUnwritten && !this.isFull;
  }

  #refused(request: Request, { errno, saw }: Refusal): void {
    const { name, path, actor } = request;
    if (!this.#refusals.allow(actor.uid, this.#clock.bootUs())) return;
    const by = byOf(this.#world.hierarchy, actor);
    const kept = path.slice(0, pathLimitBytes);
    this.#writer.append([{ type: 'refused', command: name, path: kept, errno, saw, by }]);
  }

  /** Once a second: the wall-clock, and refusals that were only counted. */
  #tick(): void {
    if (this.#writer.closed) return;
    this.#cancelTick = this.#clock.after(tickDelayMs, () => this.#tick());
    if (!this.#isBehind) this.#intake.drain('soon');
    this.#kernelPlaces.tick();
    const offsetUs = clockOffsetUs(this.#clock);
    if (Math.abs(offsetUs - this.#writer.clockOffsetUs) >= clockStepUs) this.#writer.setClock(offsetUs);
    this.#countSuppressed();
  }

  #countSuppressed(): void {
    for (const { uid, count } of this.#refusals.takeSuppressed(this.#clock.bootUs())) {
      this.#writer.append([{ type: 'suppressed', uid, count }]);
    }
  }
}

/** The pid that a command names; undefined where it names none, or the writer itself. */
function pidIn(command: Command): number | undefined {
  if (command.type === 'attach') return command.pid;
  if (command.type !== 'write' || command.file !== 'tasks') return undefined;
  const pid = parsePid(command.text);
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}
