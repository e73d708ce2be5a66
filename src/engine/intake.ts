/**
 * The intake: what happens on the machine, from the source's queue into the log. Where the queue shows that something
 * was missed, a look at the machine takes the place of what is not known, and a gap says so. It knows no command.
 */
import type { GapFact } from '../../events/event.ts';
import type { World } from '../../projections/world.ts';
import { joinTrees } from '../kernel/joinTrees.ts';
import { isNonsense, observe } from '../kernel/observe.ts';
import { adoptAll, reconcile } from '../kernel/reconcile.ts';
import { reconcileGroups, reconcileTrees, removeGroups } from '../kernel/reconcileTrees.ts';
import type { Clock, Observation, Places, Source } from '../ports.ts';
import type { KernelPlaces } from './kernelPlaces.ts';
import { type Look, lookAtMachine } from './look.ts';
import type { Writer } from './writer.ts';

export interface IntakeOptions {
  readonly source: Source;
  readonly clock: Clock;
  readonly world: World;
  readonly writer: Writer;
  readonly kernelPlaces: KernelPlaces;
}

/** What a gap is about, until the look at the machine ends it. */
export type Doubt = Omit<GapFact, 'type'>;

/** Looks at the machine that nobody waits for keep this distance: each is a long time for this thread. */
const lookIntervalUs = 1_000_000;

export class Intake {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #world: World;
  readonly #writer: Writer;
  readonly #kernelPlaces: KernelPlaces;
  #lost = 0;
  /** What made no sense, since when, and until when the look that it calls for may wait. */
  #doubt: Doubt | undefined;
  /** What was seen and not recorded since there was no room for it. */
  #dropped = 0;
  #lookedUs = Number.NEGATIVE_INFINITY;
  /** Whether the last look could tell where every task is. */
  #placedAll = true;

  constructor({ source, clock, world, writer, kernelPlaces }: IntakeOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#world = world;
    this.#writer = writer;
    this.#kernelPlaces = kernelPlaces;
  }

  /** Losses up to now are accounted for. To be called before the first look or drain. */
  begin(): void {
    this.#lost = this.#source.lost();
  }

  /** So many losses more are to be told of by the next drain. */
  owe(lost: number): void {
    this.#lost -= lost;
  }

  /**
   * Takes in everything that is queued; returns how much that was. Where it shows that something was missed,
   * a look at the machine follows: `now`, or `soon` if the last one is not long past. Until then nothing that
   * is queued is trusted, and the gap covers it. With a `limit` it may leave the rest.
   */
  drain(look: 'now' | 'soon', limit?: number): number {
    return this.#writer.inOnePiece(() => this.#takeIn(look, limit));
  }

  #takeIn(look: 'now' | 'soon', limit: number | undefined): number {
    const { timeUs: sinceUs } = this.#writer;
    if (this.#writer.isFull) this.#doubt ??= { reason: 'full', lost: 0, sinceUs, detail: '' };
    const see = (observation: Observation): void => this.observe(observation);
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
    if (this.#doubt && due && !this.#writer.isFull) this.resync(this.#doubt);
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
    if (keptQueue.isFilling) this.#writer.commit('written').catch(() => {});
  }

  observe(observation: Observation): void {
    // After the first nonsense nothing is to be trusted: the look that follows shows what has become of it.
    if (this.#doubt) {
      if (this.#writer.isFull) this.#dropped += 1;
      return;
    }
    const observed = observe(this.#world.hierarchy, observation);
    const { timeUs: sinceUs } = this.#writer;
    if (isNonsense(observed)) {
      this.#doubt = { reason: 'nonsense', lost: 0, sinceUs, detail: observed.nonsense };
      return;
    }
    this.#writer.append(observed, observation.bootUs);
    this.#kernelPlaces.correct(observation);
    if (observation.type !== 'fork' || !observation.unplaced) return;
    const detail = `task ${observation.pid} was born into groups that could not be found`;
    this.#doubt = { reason: 'unplaced', lost: 0, sinceUs, detail };
  }

  resync(doubt: Doubt): void {
    this.#writer.inOnePiece(() => {
      const look = this.look(this.#source.places);
      this.#writer.append([{ type: 'gap', ...doubt, lost: doubt.lost + this.#dropped }]);
      this.reconcile(look, true);
      this.#doubt = undefined;
      this.#dropped = 0;
      this.doubtPlaces(look);
      this.settle();
    });
    this.#lookedUs = this.#clock.bootUs();
  }

  look(places: Places | undefined): Look {
    return lookAtMachine(this.#source, this.#clock, places);
  }

  /** Tasks that could not be placed are worth another look, once: what two in a row cannot place is out of reach. */
  doubtPlaces({ tasks }: Look): void {
    const unplaced = tasks.filter((task) => task.unplaced).length;
    if (unplaced > 0 && this.#placedAll) {
      const whose = unplaced === 1 ? '1 task' : `${unplaced} tasks`;
      const detail = `the groups of ${whose} could not be found`;
      this.#doubt = { reason: 'unplaced', lost: 0, sinceUs: this.#writer.timeUs, detail };
    }
    this.#placedAll = unplaced === 0;
  }

  /** The first look of all. */
  adopt({ tasks, hierarchies }: Look): void {
    const state = this.#world.hierarchy;
    this.#writer.append(reconcileTrees(state, hierarchies, false));
    for (const hierarchy of hierarchies) this.#writer.append(reconcileGroups(state, hierarchy));
    this.#writer.append(adoptAll(state, tasks));
  }

  /** A later look: what it shows beside what is known. A task's container comes before it and goes after it. */
  reconcile({ tasks, hierarchies }: Look, sameBoot: boolean): void {
    const state = this.#world.hierarchy;
    this.#writer.append(reconcileTrees(state, hierarchies, sameBoot));
    for (const hierarchy of hierarchies) this.#writer.append(reconcileGroups(state, hierarchy));
    this.#writer.append(reconcile(state, tasks, sameBoot));
    for (const hierarchy of hierarchies) this.#writer.append(removeGroups(state, hierarchy));
  }

  /**
   * Hierarchies that are mirrored now and were not before become trees by a look, while all that happens goes on being
   * recorded one by one. Until their trees stand, what is told of them is passed over, and the look holds it. Where
   * something goes wrong meanwhile, a look that takes the place of everything follows, as always, and joins them too.
   */
  joinTrees(): void {
    const isMissing = (hierarchy: number): boolean => !this.#world.hierarchy.mirrorOf(hierarchy);
    if (!this.#source.mirrors.some(isMissing)) return;
    this.#writer.inOnePiece(() => {
      const look = lookAtMachine(this.#source, this.#clock, undefined, (seen) => this.observe(seen));
      if (!this.#doubt) {
        const state = this.#world.hierarchy;
        const joining = look.hierarchies.filter(({ hierarchy }) => isMissing(hierarchy));
        this.#writer.append(reconcileTrees(state, look.hierarchies, true));
        for (const hierarchy of joining) this.#writer.append(reconcileGroups(state, hierarchy));
        this.#writer.append(joinTrees(state, look.tasks));
        this.doubtPlaces(look);
      }
      this.#takeIn('now', undefined);
    });
  }

  /** Tells the kernel, and whoever reads the queue next, how things stand after a start or a look. */
  settle(): void {
    this.#keepCursor();
    this.#kernelPlaces.settle();
  }
}
