/**
 * The recorder: observations and commands come in, `observe` and `decide` say what happened, and the writer
 * appends it.
 *
 * Everything from a drain of the source to the append is synchronous. That is what makes the order of a
 * command against forks and exits exact: whatever the asking process caused before it asked is in the
 * source's queue by then, and is recorded first.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Fact, GapFact } from '../../events/event.ts';
import type { Hierarchy, Task } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import type { Actor, Command } from '../kernel/command.ts';
import { decide } from '../kernel/decide.ts';
import { byOf } from '../kernel/doer.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { joinTrees } from '../kernel/joinTrees.ts';
import { isNonsense, observe } from '../kernel/observe.ts';
import { pathLimitBytes } from '../kernel/path.ts';
import { adoptAll, reconcile } from '../kernel/reconcile.ts';
import { reconcileGroups, reconcileTrees, removeGroups } from '../kernel/reconcileTrees.ts';
import { parsePid } from '../kernel/text.ts';
import type { Clock, Durability, Found, Observation, Places, SetAside, Source } from '../ports.ts';
import { type Look, lookAtMachine } from './look.ts';
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

/** What a new recording is called, and by which tasktrail. */
export interface Identity {
  readonly recording: string;
  readonly version: string;
}

/**
 * After a wake the source is drained again and again at this distance until it is empty, and only then
 * asked to wake us: a storm costs fifty wakes a second, not one an event, and silence costs none. Each wake
 * has its price (a commit, a timer, other threads' wakes), and whoever asks is answered at once anyway.
 */
const drainDelayMs = 20;
/** What happened while nobody read is taken in in parts of so many: each becomes one commit, and others have their turn. */
const mostAtOnce = 20_000;
const tickDelayMs = 1000;
/** Looks at the machine that nobody waits for keep this distance: each is a long time for this thread. */
const lookIntervalUs = 1_000_000;
/** Smaller changes of the wall-clock are slewing, and are carried by the next step. */
const clockStepUs = 10_000;
/** How long a task that a command names may take from being visible to being queued. */
const meetUs = 1000;

export class Recorder {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #world: World;
  readonly #writer: Writer;
  readonly #drainBeforeDecide: boolean;
  readonly #refusals = new RefusalBudget();
  #lost = 0;
  /** Up to here the log holds what was commanded. */
  #commandedSeq = 0;
  /** What made no sense, since when, and until when the look that it calls for may wait. */
  #doubt: Doubt | undefined;
  /** What was seen and not recorded since there was no room for it. */
  #dropped = 0;
  /** The pids of whom the kernel was told lately where they are: since the last tick, and between that and the one before. */
  #placed = new Set<number>();
  #placedBefore = new Set<number>();
  #lookedUs = Number.NEGATIVE_INFINITY;
  /** Whether the last look could tell where every task is. */
  #placedAll = true;
  #cancelTick = (): void => {};
  #cancelDrain = (): void => {};

  constructor(options: RecorderOptions) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#world = options.world;
    this.#writer = new Writer(options);
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
    // Counted before the look, so that what is lost while it goes on has the next drain look again.
    this.#lost = this.#source.lost();
    const first = this.#writer.seq === 0;
    const found = this.#source.keptQueue?.resume(this.#writer.writtenCursor) ?? notKept;
    if (first) {
      const look = this.#look(undefined);
      this.#writer.append(firstFacts(identity));
      this.#begin();
      if (aside) this.#writer.append([unsoundGap(aside, this.#writer.timeUs)]);
      this.#adopt(look);
      this.#doubtPlaces(look);
    } else if (found.state === 'whole' && this.#isSameBoot && aside === undefined) {
      this.#lost -= found.lost;
      await this.#goOn();
    } else {
      this.#goOnAfterGap(found, aside);
    }
    this.#settle();
    await this.commit('synced');
    this.#arm();
    this.#tick();
  }

  /** Whether what the log ends with was recorded since this machine was started. */
  get #isSameBoot(): boolean {
    return this.#source.bootId === this.#world.chronicle.bootId;
  }

  /** Says who records from here on, and by which clock. */
  #begin(): void {
    const { name, bootId, blind } = this.#source;
    this.#writer.append([{ type: 'source', name, bootId, blind }]);
    this.#writer.setClock(this.#clockOffsetUs());
  }

  /**
   * What happened while nobody read the queue is all in it, and comes into the log as at any other time, by the clock
   * that held when it was left. Time never runs back in the log: so that we are here now is told after it. Whoever asks
   * for something between two parts is answered behind all of them, as at any other time.
   */
  async #goOn(): Promise<void> {
    this.#writer.keepClock(this.#world.chronicle.offsetUs);
    while (this.#drain('now', mostAtOnce) >= mostAtOnce) await this.commit('written');
    this.#drain('now');
    this.#begin();
    this.#joinTrees();
  }

  /**
   * Hierarchies that are mirrored now and were not before become trees by a look, while all that happens goes on being
   * recorded one by one. Until their trees stand, what is told of them is passed over, and the look holds it. Where
   * something goes wrong meanwhile, a look that takes the place of everything follows, as always, and joins them too.
   */
  #joinTrees(): void {
    const isMissing = (hierarchy: number): boolean => !this.#world.hierarchy.mirrorOf(hierarchy);
    if (!this.#source.mirrors.some(isMissing)) return;
    this.#writer.inOnePiece(() => {
      const look = lookAtMachine(this.#source, this.#clock, undefined, (seen) => this.#observe(seen));
      if (!this.#doubt) {
        const state = this.#world.hierarchy;
        const joining = look.hierarchies.filter(({ hierarchy }) => isMissing(hierarchy));
        this.#writer.append(reconcileTrees(state, look.hierarchies, true));
        for (const hierarchy of joining) this.#writer.append(reconcileGroups(state, hierarchy));
        this.#writer.append(joinTrees(state, look.tasks));
        this.#doubtPlaces(look);
      }
      this.#takeIn('now', undefined);
    });
  }

  /**
   * Of a queue that is torn the kernel's places are still ours; of another queue's nobody has written any yet. Where the
   * log has lost its end, they may be in containers that it does not know any more.
   */
  #goOnAfterGap({ state, lost, why }: Found, aside: SetAside | undefined): void {
    const { timeUs: sinceUs } = this.#writer;
    const sameBoot = this.#isSameBoot;
    const look = this.#look(state === 'torn' && !aside ? this.#source.places : undefined);
    this.#begin();
    const reason = lost > 0 ? 'overflow' : 'stopped';
    const gap: GapFact = { type: 'gap', reason, lost, sinceUs, detail: why };
    this.#writer.append([aside ? unsoundGap(aside, sinceUs) : gap]);
    this.#reconcile(look, sameBoot);
    this.#doubtPlaces(look);
  }

  /** Takes in what is queued, and says in the log that the recorder stopped in order. */
  async stop(): Promise<void> {
    this.#cancelTick();
    this.#cancelDrain();
    if (this.#writer.closed || this.isFull) return;
    this.#drain('now');
    this.#countSuppressed();
    await this.#writer.end({ type: 'stop' });
    this.#source.keptQueue?.free(this.#writer.writtenCursor);
  }

  /**
   * Decides a command and resolves once its answer is safe to give. A refusal changes nothing. Rejects when
   * the log has failed: then it is not known whether the command will ever have been given.
   */
  async submit(request: Request): Promise<Done | Refusal> {
    this.#requireOpen();
    if (this.isFull)
      return refuse('ENOSPC', 'the disk is full that the recording is on: nothing is recorded');
    if (this.#drainBeforeDecide) this.#drain('now');
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
    for (const fact of decision) if (fact.type === 'attach') this.#place(state.task(fact.task));
    const { seq } = this.#writer;
    this.#commandedSeq = seq;
    await this.commit('synced');
    return { seq };
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

  /** Answers a question about now: everything that has happened before the call is in the answer. */
  read<T>(query: (world: World) => T): T {
    this.#requireOpen();
    if (this.#drainBeforeDecide) this.#drain('now');
    return query(this.#world);
  }

  /** Appends what a follower caused, as long as anything is recorded. */
  record(fact: Fact): void {
    if (!this.#writer.closed) this.#writer.append([fact]);
  }

  /** Appends that this recorder was late, behind what has happened on the machine meanwhile. */
  stalled(lengthUs: number): void {
    if (this.#writer.closed) return;
    this.#drain('soon');
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
    const drained = this.#drain('soon');
    if (drained === 0 && (this.#source.keptQueue?.isFree ?? true)) this.#arm();
    else this.#cancelDrain = this.#clock.after(drainDelayMs, () => this.#drainOn());
  }

  /**
   * Takes in everything that is queued; returns how much that was. Where it shows that something was missed,
   * a look at the machine follows: `now`, or `soon` if the last one is not long past. Until then nothing that
   * is queued is trusted, and the gap covers it. With a `limit` it may leave the rest.
   */
  #drain(look: 'now' | 'soon', limit?: number): number {
    return this.#writer.inOnePiece(() => this.#takeIn(look, limit));
  }

  #takeIn(look: 'now' | 'soon', limit: number | undefined): number {
    const { timeUs: sinceUs } = this.#writer;
    if (this.isFull) this.#doubt ??= { reason: 'full', lost: 0, sinceUs, detail: '' };
    const see = (observation: Observation): void => this.#observe(observation);
    let drained = this.#source.drain(see, limit);
    // What was queued before the loss is whole, and is not to be lost with it.
    if (limit !== undefined && this.#source.lost() > this.#lost) drained += this.#source.drain(see);
    const lost = this.#source.lost();
    if (lost > this.#lost) {
      // Whatever was lost came behind the last event before this drain: up to there the queue had room.
      const { lost: before = 0, sinceUs: earliestUs = sinceUs } = this.#doubt ?? {};
      const more = before + lost - this.#lost;
      this.#doubt = { reason: 'overflow', lost: more, sinceUs: Math.min(sinceUs, earliestUs), detail: '' };
      this.#lost = lost;
    }
    const due = look === 'now' || this.#clock.bootUs() - this.#lookedUs >= lookIntervalUs;
    if (this.#doubt && due && !this.isFull) this.#resync(this.#doubt);
    this.#keepCursor();
    return drained;
  }

  /**
   * The log's next write says how far the queue has been taken in, and what the last one said is given back. In doubt
   * nothing is taken in: its room is given back at once, and the cursor stands still until a look has taken its
   * place. Who finds them apart, after a kill, knows that something is missing.
   */
  #keepCursor(): void {
    const { keptQueue } = this.#source;
    if (!keptQueue) {
      // What another source had kept is nobody's any more.
      this.#writer.setCursor('');
      return;
    }
    if (this.#doubt) {
      keptQueue.skip();
      return;
    }
    this.#writer.setCursor(keptQueue.cursor());
    keptQueue.free(this.#writer.writtenCursor);
    // A failure is told to whoever is to hear of it.
    if (keptQueue.isFilling) this.commit('written').catch(() => {});
  }

  #observe(observation: Observation): void {
    // After the first nonsense nothing is to be trusted: the look that follows shows what has become of it.
    if (this.#doubt) {
      if (this.isFull) this.#dropped += 1;
      return;
    }
    const observed = observe(this.#world.hierarchy, observation);
    const { timeUs: sinceUs } = this.#writer;
    if (isNonsense(observed)) {
      this.#doubt = { reason: 'nonsense', lost: 0, sinceUs, detail: observed.nonsense };
      return;
    }
    this.#writer.append(observed, observation.bootUs);
    this.#keepPlaces(observation);
    if (observation.type !== 'fork' || !observation.unplaced) return;
    const detail = `task ${observation.pid} was born into groups that could not be found`;
    this.#doubt = { reason: 'unplaced', lost: 0, sinceUs, detail };
  }

  /**
   * Puts the kernel right where a birth or a succession came at the same time as an attach, or as the pid of the one
   * who was attached became another's: the log has decided which was first. Whoever had ended when the kernel was told
   * of him is taken away again, as nobody else will do that.
   */
  #keepPlaces(seen: Observation): void {
    if (!this.#source.places) return;
    if (seen.type === 'fork') {
      const task = this.#world.hierarchy.taskByPid(seen.pid);
      if (task && (seen.place !== this.#placeOf(task) || this.#wasPlaced(seen.pid))) this.#place(task);
    } else if (seen.type === 'exit') {
      if (this.#wasPlaced(seen.pid)) this.#source.places.set(seen.pid, 0, 0);
    } else if (seen.type === 'exec' && seen.oldPid !== seen.pid) {
      this.#place(this.#world.hierarchy.taskByPid(seen.pid));
    }
  }

  #wasPlaced(pid: number): boolean {
    return this.#placed.has(pid) || this.#placedBefore.has(pid);
  }

  /** As the kernel holds it: 0 is the root. */
  #placeOf({ container }: Task): number {
    return container === this.#world.hierarchy.root ? 0 : container.id;
  }

  /** Tells the kernel where a task is. */
  #place(task: Task | undefined): void {
    const { places } = this.#source;
    if (!places || !task) return;
    this.#placed.add(task.pid);
    places.set(task.pid, task.tgid, this.#placeOf(task));
  }

  /** Tells the kernel of every task of which it knows something else than the log, after a start or a look. */
  #settle(): void {
    const { places } = this.#source;
    this.#keepCursor();
    if (!places) return;
    const known = places.read();
    for (const task of this.#world.hierarchy.tasks()) {
      const place = known?.has(task.pid) ? known.get(task.pid) : 0;
      if (place !== this.#placeOf(task)) this.#place(task);
    }
  }

  #look(places: Places | undefined): Look {
    return lookAtMachine(this.#source, this.#clock, places);
  }

  /** Tasks that could not be placed are worth another look, once: what two in a row cannot place is out of reach. */
  #doubtPlaces({ tasks }: Look): void {
    const unplaced = tasks.filter((task) => task.unplaced).length;
    if (unplaced > 0 && this.#placedAll) {
      const whose = unplaced === 1 ? '1 task' : `${unplaced} tasks`;
      const detail = `the groups of ${whose} could not be found`;
      this.#doubt = { reason: 'unplaced', lost: 0, sinceUs: this.#writer.timeUs, detail };
    }
    this.#placedAll = unplaced === 0;
  }

  #resync(doubt: Doubt): void {
    this.#writer.inOnePiece(() => {
      const look = this.#look(this.#source.places);
      this.#writer.append([{ type: 'gap', ...doubt, lost: doubt.lost + this.#dropped }]);
      this.#reconcile(look, true);
      this.#doubt = undefined;
      this.#dropped = 0;
      this.#doubtPlaces(look);
      this.#settle();
    });
    this.#lookedUs = this.#clock.bootUs();
  }

  /** The first look of all. */
  #adopt({ tasks, hierarchies }: Look): void {
    const state = this.#world.hierarchy;
    this.#writer.append(reconcileTrees(state, hierarchies, false));
    for (const hierarchy of hierarchies) this.#writer.append(reconcileGroups(state, hierarchy));
    this.#writer.append(adoptAll(state, tasks));
  }

  /** A later look: what it shows beside what is known. A task's container comes before it and goes after it. */
  #reconcile({ tasks, hierarchies }: Look, sameBoot: boolean): void {
    const state = this.#world.hierarchy;
    this.#writer.append(reconcileTrees(state, hierarchies, sameBoot));
    for (const hierarchy of hierarchies) this.#writer.append(reconcileGroups(state, hierarchy));
    this.#writer.append(reconcile(state, tasks, sameBoot));
    for (const hierarchy of hierarchies) this.#writer.append(removeGroups(state, hierarchy));
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
      this.#drain('now');
      if (this.#clock.bootUs() > endUs) break;
    }
    if (state.taskByPid(pid)) return;
    const detail = `task ${pid} lives and its fork was not seen`;
    this.#resync({ reason: 'nonsense', lost: 0, sinceUs, detail });
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
    const kept = path.slice(0, pathLimitBytes);
    this.#writer.append([{ type: 'refused', command: name, path: kept, errno, saw, by }]);
  }

  /** Once a second: the wall-clock, and refusals that were only counted. */
  #tick(): void {
    if (this.#writer.closed) return;
    this.#cancelTick = this.#clock.after(tickDelayMs, () => this.#tick());
    this.#drain('soon');
    this.#placedBefore = this.#placed;
    this.#placed = new Set();
    const offsetUs = this.#clockOffsetUs();
    if (Math.abs(offsetUs - this.#writer.clockOffsetUs) >= clockStepUs) this.#writer.setClock(offsetUs);
    this.#countSuppressed();
  }

  #clockOffsetUs(): number {
    return Math.round(this.#clock.wallUs() - this.#clock.bootUs());
  }

  #countSuppressed(): void {
    for (const { uid, count } of this.#refusals.takeSuppressed(this.#clock.bootUs())) {
      this.#writer.append([{ type: 'suppressed', uid, count }]);
    }
  }
}

/** Of a source whose queue ends with its process, nothing is ever found. */
const notKept: Found = { state: 'new', lost: 0, why: '' };

/** What a gap is about, until the look at the machine ends it. */
type Doubt = Omit<GapFact, 'type'>;

/** How every recording begins: who it is, and tasktrail's own tree. */
function firstFacts({ recording, version }: Identity): readonly Fact[] {
  return [
    { type: 'recording', id: recording, version },
    { type: 'tree', tree: 0, name: 'tasktrail', container: 1, hierarchy: 0, group: 0, mountPoint: '' },
  ];
}

function unsoundGap({ folder, seq, lastSeq, why }: SetAside, sinceUs: number): GapFact {
  const lost = Math.max(lastSeq - seq + 1, 0);
  const events =
    lost === 0 ? 'the end of the log' : `what had been recorded as events #${seq} to #${lastSeq}`;
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const detail = `${events} was not sound and is set aside in ${name}: ${why}`;
  return { type: 'gap', reason: 'unsound', lost, sinceUs, detail };
}

/** The pid that a command names; undefined where it names none, or the writer itself. */
function pidIn(command: Command): number | undefined {
  if (command.type === 'attach') return command.pid;
  if (command.type !== 'write' || command.file !== 'tasks') return undefined;
  const pid = parsePid(command.text);
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}
