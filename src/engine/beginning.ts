/**
 * The beginning: how a recording begins, or goes on after nobody has recorded for a while. What has happened meanwhile
 * is in the source's queue as a whole, or is not known, and then there is a gap and a look at the machine.
 */
import type { Fact, GapFact } from '../../events/event.ts';
import type { Clock, Found, SetAside } from '../ports.ts';
import type { Intake, IntakeOptions } from './intake.ts';
import type { Writer } from './writer.ts';

/** What a new recording is called, and by which tasktrail. */
export interface Identity {
  readonly recording: string;
  readonly version: string;
}

export interface BeginningOptions extends IntakeOptions {
  readonly intake: Intake;
}

/** What happened while nobody read is taken in in parts of so many: each becomes one commit, and others have their turn. */
const mostAtOnce = 20_000;

export class Beginning {
  readonly #options: BeginningOptions;
  readonly #intake: Intake;
  readonly #writer: Writer;

  constructor(options: BeginningOptions) {
    this.#options = options;
    this.#intake = options.intake;
    this.#writer = options.writer;
  }

  /**
   * Resolves when what exists by now is synced. `aside` is what the log has lost at its end.
   */
  async run(identity: Identity, aside?: SetAside): Promise<void> {
    const { source } = this.#options;
    // Counted before the look, so that what is lost while it goes on has the next drain look again.
    this.#intake.begin();
    const first = this.#writer.seq === 0;
    const found = source.keptQueue?.resume(this.#writer.writtenCursor) ?? notKept;
    if (first) this.#begin(identity, aside);
    else if (found.state === 'whole' && this.#isSameBoot && aside === undefined) {
      this.#intake.owe(found.lost);
      await this.#goOn();
    } else {
      this.#goOnAfterGap(found, aside);
    }
    this.#intake.settle();
    await this.#writer.commit('synced');
  }

  #begin(identity: Identity, aside: SetAside | undefined): void {
    const look = this.#intake.look(undefined);
    this.#writer.append(firstFacts(identity));
    this.#tell();
    if (aside) this.#writer.append([unsoundGap(aside, this.#writer.timeUs)]);
    this.#intake.adopt(look);
    this.#intake.doubtPlaces(look);
  }

  /**
   * What happened while nobody read the queue is all in it, and comes into the log as at any other time, by the clock
   * that held when it was left. Time never runs back in the log: so that we are here now is told after it. Whoever asks
   * for something between two parts is answered behind all of them, as at any other time.
   */
  async #goOn(): Promise<void> {
    this.#writer.keepClock(this.#options.world.chronicle.offsetUs);
    while (this.#intake.drain('now', mostAtOnce) >= mostAtOnce) await this.#writer.commit('written');
    this.#intake.drain('now');
    this.#tell();
    this.#intake.joinTrees();
  }

  /**
   * Of a queue that is torn the kernel's places are still ours; of another queue's nobody has written any yet. Where the
   * log has lost its end, they may be in containers that it does not know any more.
   */
  #goOnAfterGap({ state, lost, why }: Found, aside: SetAside | undefined): void {
    const { timeUs: sinceUs } = this.#writer;
    const sameBoot = this.#isSameBoot;
    const look = this.#intake.look(state === 'torn' && !aside ? this.#options.source.places : undefined);
    this.#tell();
    const reason = lost > 0 ? 'overflow' : 'stopped';
    const gap: GapFact = { type: 'gap', reason, lost, sinceUs, detail: why };
    this.#writer.append([aside ? unsoundGap(aside, sinceUs) : gap]);
    this.#intake.reconcile(look, sameBoot);
    this.#intake.doubtPlaces(look);
  }

  /** Whether what the log ends with was recorded since this machine was started. */
  get #isSameBoot(): boolean {
    return this.#options.source.bootId === this.#options.world.chronicle.bootId;
  }

  /** Says who records from here on, and by which clock. */
  #tell(): void {
    const { name, bootId, blind } = this.#options.source;
    this.#writer.append([{ type: 'source', name, bootId, blind }]);
    this.#writer.setClock(clockOffsetUs(this.#options.clock));
  }
}

/** Of a source whose queue ends with its process, nothing is ever found. */
const notKept: Found = { state: 'new', lost: 0, why: '' };

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

/** What boot-clock time has to be raised by to be wall-clock time, microseconds. */
export function clockOffsetUs(clock: Clock): number {
  return Math.round(clock.wallUs() - clock.bootUs());
}
