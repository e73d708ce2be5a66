/**
 * The recorder: the one writer. Observations and commands come in, `observe` and `decide` say what happened,
 * and it is appended to the log and applied to the world in the same breath.
 *
 * Everything from a drain of the source to the append is synchronous. That is what makes the order of a
 * command against forks and exits exact: whatever the asking process caused before it asked is in the
 * source's queue by then, and is recorded first.
 */
import { assert } from '../../events/assert.ts';
import type { Bytes } from '../../events/bytes.ts';
import type { Event, Fact, GapReason } from '../../events/event.ts';
import type { Hierarchy, Task } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import type { Actor, Command } from '../kernel/command.ts';
import { byOf, decide } from '../kernel/decide.ts';
import { isRefusal, type Refusal } from '../kernel/errno.ts';
import { isNonsense, observe } from '../kernel/observe.ts';
import { adoptAll, reconcile } from '../kernel/reconcile.ts';
import { reconcileGroups, reconcileTrees, removeGroups } from '../kernel/reconcileTrees.ts';
import { parsePid } from '../kernel/text.ts';
import type { Clock, Durability, EventLog, Observation, Source } from '../ports.ts';
import { type Look, lookAtMachine } from './look.ts';
import { RefusalBudget } from './refusals.ts';

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

export interface RecorderOptions {
  readonly log: EventLog;
  readonly source: Source;
  readonly clock: Clock;
  /** Holds everything that the log holds. */
  readonly world: World;
  /** Observations are synced at the latest after this. */
  readonly syncIntervalMs: number;
  /** Off only to show that it is needed. */
  readonly drainBeforeDecide?: boolean;
  /** The log cannot go on: what cannot be recorded must not be answered. */
  onFailure(error: Error): void;
}

/** What a new recording is called, and by which tasktrail. */
export interface Identity {
  readonly recording: string;
  readonly version: string;
}

/** tasktrail's own tree, as every recording begins with it. */
const ownTree: Fact = {
  type: 'tree',
  tree: 0,
  name: 'tasktrail',
  container: 1,
  hierarchy: 0,
  group: 0,
  mountPoint: '',
};

export type Follower = (events: readonly Event[]) => void;

/**
 * After a wake the source is drained again and again at this distance until it is empty, and only then
 * asked to wake us: a storm costs some hundred wakes a second, not one an event, and silence costs none.
 */
const drainDelayMs = 5;
const tickDelayMs = 1000;
/** Smaller changes of the wall-clock are slewing, and are carried by the next step. */
const clockStepUs = 10_000;
/** How long a task that a command names may take from being visible to being queued. */
const meetUs = 1000;

export class Recorder {
  readonly #log: EventLog;
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #world: World;
  readonly #options: RecorderOptions;
  readonly #refusals = new RefusalBudget();
  readonly #followers = new Set<Follower>();
  #lost = 0;
  #nonsense = '';
  #offsetUs = 0;
  #timeUs: number;
  #syncOwed = false;
  #stopped = false;
  /** The `stop` event is the last one. */
  #ended = false;
  /** Batches that not every follower has seen yet. */
  readonly #unshown: (readonly Event[])[] = [];
  #cancelTick = (): void => {};
  #cancelSync = (): void => {};
  #cancelDrain = (): void => {};

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#source = options.source;
    this.#clock = options.clock;
    this.#world = options.world;
    this.#timeUs = options.world.chronicle.timeUs;
  }

  get world(): World {
    return this.#world;
  }

  /** Begins to record, or goes on after a pause, and resolves when what exists by now is synced. */
  async start(identity: Identity): Promise<void> {
    // Counted before the look, so that what is lost while it goes on has the next drain look again.
    this.#lost = this.#source.lost();
    const look = lookAtMachine(this.#source, this.#clock);
    this.#offsetUs = Math.round(this.#clock.wallUs() - this.#clock.bootUs());
    const sinceUs = this.#timeUs;
    const first = this.#log.seq === 0;
    const { name, bootId, blind } = this.#source;
    const sameBoot = bootId === this.#world.chronicle.bootId;
    if (first) {
      this.#append([{ type: 'recording', id: identity.recording, version: identity.version }]);
      this.#append([ownTree]);
    }
    this.#append([{ type: 'source', name, bootId, blind }]);
    this.#append([{ type: 'clock', offsetUs: this.#offsetUs }]);
    if (!first) this.#append([{ type: 'gap', reason: 'stopped', lost: 0, sinceUs, detail: '' }]);
    if (first) this.#adopt(look);
    else this.#reconcile(look, sameBoot);
    await this.commit('synced');
    this.#arm();
    this.#tick();
  }

  /** Stops in order: what follows in the log says that nothing was recorded after this. */
  async stop(): Promise<void> {
    this.#drain();
    this.#countSuppressed();
    this.#stopped = true;
    this.#cancelTick();
    this.#cancelDrain();
    this.#append([{ type: 'stop' }]);
    this.#ended = true;
    this.#cancelSync();
    await this.#log.commit('synced');
  }

  /** Decides a command and resolves once its answer is safe to give. A refusal changes nothing. */
  async submit(request: Request): Promise<Done | Refusal> {
    if (this.#options.drainBeforeDecide !== false) this.#drain();
    const state = this.#world.hierarchy;
    const planned = request.plan(state);
    if (!isRefusal(planned)) this.#meet(planned, request.actor);
    const decision = isRefusal(planned) ? planned : decide(state, planned, request.actor);
    if (isRefusal(decision)) {
      this.#refused(request, decision);
      return decision;
    }
    this.#append(decision);
    const { seq } = this.#log;
    await this.commit('synced');
    return { seq };
  }

  /** Answers a question about now: everything that has happened before the call is in the answer. */
  read<T>(query: (world: World) => T): T {
    if (this.#options.drainBeforeDecide !== false) this.#drain();
    return query(this.#world);
  }

  /** Appends what a follower caused. */
  record(fact: Fact): void {
    this.#append([fact]);
  }

  /** Makes everything appended so far as durable as asked. Never rejects: a log that fails stops us all. */
  async commit(durability: Durability): Promise<void> {
    if (durability === 'synced') {
      this.#syncOwed = false;
      this.#cancelSync();
    }
    try {
      await this.#log.commit(durability);
    } catch (error) {
      this.#stopped = true;
      this.#options.onFailure(error as Error);
      // Nobody may be answered, and nobody shall go on waiting in a way that keeps the process alive.
      await new Promise(() => {});
    }
  }

  /** Calls back with all events from now on, when they are sequenced; returns what ends it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #arm(): void {
    this.#source.wake(() => this.#drainOn());
  }

  #drainOn(): void {
    if (this.#stopped) return;
    const drained = this.#drain();
    if (drained === 0) this.#arm();
    else this.#cancelDrain = this.#clock.after(drainDelayMs, () => this.#drainOn());
  }

  #drain(): number {
    if (this.#stopped) return 0;
    const before = this.#log.seq;
    // Whatever was lost came behind the last event before this drain: up to there the queue had room.
    const sinceUs = this.#timeUs;
    const drained = this.#source.drain((observation) => this.#observe(observation));
    const lost = this.#source.lost();
    if (lost > this.#lost) this.#resync('overflow', lost - this.#lost, sinceUs, '');
    else if (this.#nonsense !== '') this.#resync('nonsense', 0, sinceUs, this.#nonsense);
    this.#lost = lost;
    this.#nonsense = '';
    if (this.#log.seq > before) void this.commit('written');
    return drained;
  }

  #observe(observation: Observation): void {
    // After the first nonsense of a drain the rest is not to be trusted either: the look that follows
    // shows what has become of it.
    if (this.#nonsense !== '') return;
    const observed = observe(this.#world.hierarchy, observation);
    if (isNonsense(observed)) this.#nonsense = observed.nonsense;
    else this.#append(observed, observation.bootUs);
  }

  #resync(reason: GapReason, lost: number, sinceUs: number, detail: string): void {
    const look = lookAtMachine(this.#source, this.#clock);
    this.#append([{ type: 'gap', reason, lost, sinceUs, detail }]);
    this.#reconcile(look, true);
  }

  /** The first look of all. */
  #adopt({ tasks, hierarchies }: Look): void {
    const state = this.#world.hierarchy;
    this.#append(reconcileTrees(state, hierarchies, false));
    for (const hierarchy of hierarchies) this.#append(reconcileGroups(state, hierarchy));
    this.#append(adoptAll(state, tasks));
  }

  /** A later look: what it shows beside what is known. A task's container comes before it and goes after it. */
  #reconcile({ tasks, hierarchies }: Look, sameBoot: boolean): void {
    const state = this.#world.hierarchy;
    this.#append(reconcileTrees(state, hierarchies, sameBoot));
    for (const hierarchy of hierarchies) this.#append(reconcileGroups(state, hierarchy));
    this.#append(reconcile(state, tasks, sameBoot));
    for (const hierarchy of hierarchies) this.#append(removeGroups(state, hierarchy));
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
    const sinceUs = this.#timeUs;
    for (const endUs = this.#clock.bootUs() + meetUs; !state.taskByPid(pid); ) {
      this.#drain();
      if (this.#clock.bootUs() > endUs) break;
    }
    if (state.taskByPid(pid)) return;
    this.#resync('nonsense', 0, sinceUs, `task ${pid} lives and its fork was not seen`);
  }

  #askUserOf({ pid }: Task): void {
    const seen = this.#source.look(pid);
    if (!seen) return;
    this.#observe({ type: 'uid', bootUs: this.#clock.bootUs(), pid, uid: seen.uid, suid: seen.suid });
  }

  #refused(request: Request, { errno, saw }: Refusal): void {
    const { name, path, actor } = request;
    if (!this.#refusals.allow(actor.uid, this.#clock.bootUs())) return;
    const by = byOf(this.#world.hierarchy, actor);
    this.#append([{ type: 'refused', command: name, path, errno, saw, by }]);
    void this.commit('written');
  }

  /** Gives facts their place and time, and shows them to everybody. One call is one batch. */
  #append(facts: readonly Fact[], bootUs: number = this.#clock.bootUs()): void {
    if (facts.length === 0) return;
    assert(!this.#ended, 'nothing is recorded behind a stop');
    const kernelUs = Math.round(bootUs + this.#offsetUs);
    this.#timeUs = Math.max(this.#timeUs, kernelUs);
    const skewUs = kernelUs - this.#timeUs;
    const events = this.#log.append(facts.map((fact) => ({ fact, timeUs: this.#timeUs, skewUs })));
    for (const event of events) this.#world.apply(event);
    this.#oweSync();
    this.#show(events);
  }

  /** Shows a batch to every follower. What a follower appends meanwhile is shown when all have seen this. */
  #show(events: readonly Event[]): void {
    this.#unshown.push(events);
    if (this.#unshown.length > 1) return;
    for (let batch = this.#unshown[0]; batch; batch = this.#unshown[0]) {
      for (const follower of this.#followers) follower(batch);
      this.#unshown.shift();
    }
  }

  #oweSync(): void {
    if (this.#syncOwed) return;
    this.#syncOwed = true;
    this.#cancelSync = this.#clock.after(this.#options.syncIntervalMs, () => void this.commit('synced'));
  }

  /** Once a second: the wall-clock, and refusals that were only counted. */
  #tick(): void {
    this.#cancelTick = this.#clock.after(tickDelayMs, () => this.#tick());
    this.#drain();
    const offsetUs = Math.round(this.#clock.wallUs() - this.#clock.bootUs());
    if (Math.abs(offsetUs - this.#offsetUs) >= clockStepUs) {
      this.#offsetUs = offsetUs;
      this.#append([{ type: 'clock', offsetUs }]);
    }
    this.#countSuppressed();
  }

  #countSuppressed(): void {
    for (const { uid, count } of this.#refusals.takeSuppressed(this.#clock.bootUs())) {
      this.#append([{ type: 'suppressed', uid, count }]);
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
