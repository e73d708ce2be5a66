/**
 * One run: churns that begin before, while and after a recorder starts, and what the recorder knows held against the
 * kernel's own files whenever they rest.
 */
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { GapFact } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import { realClock } from '../../src/clock.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import { MemoryLog } from '../../src/log/memoryLog.ts';
import type { Source } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { ChurnHierarchies } from './hierarchies.ts';
import { Populated } from './populated.ts';
import { Churn, type Counts, sumOf } from './program.ts';
import { kernelStatements, recordedStatements } from './statements.ts';
import { explanationOf, type Strangers, StrangerWatch } from './strangers.ts';

export interface RunOptions {
  readonly seed: number;
  /** How long the churns go on, all rounds together. */
  readonly seconds: number;
  /** How often they rest and are compared. */
  readonly rounds: number;
  /** Further hierarchies to mirror, beside the two in which the churns are. */
  readonly mirror?: readonly string[];
  readonly ringBytes?: number;
  /** Whether no more is done after a round that has shown differences. */
  readonly untilDifference?: boolean;
  /** Whether the recorder stops in each round while the churns go on, and another takes over. */
  readonly restart?: boolean;
  /** What the recorder gets to see, if not all that the source sees. */
  readonly blindfold?: (source: Source) => Source;
}

/** A gap, and whose doing it is where it is none of the churn's. */
export interface ExplainedGap extends GapFact {
  readonly explanation: string | undefined;
}

export interface Run {
  readonly counts: Counts;
  /** Events in the log at the end. */
  readonly events: number;
  readonly gaps: readonly ExplainedGap[];
  /** In words: what the recorder or the kernel says, and the other does not, at the end of any round. */
  readonly differences: readonly string[];
  /** Whether the log makes the same world again as the recorder had at the end. */
  readonly isRebuilt: boolean;
  /** Sentences of the kernel's that the recorder's were compared with, at the end of each round. */
  readonly compared: readonly number[];
}

const workers = 2;
const stormers = 1;
const ringBytes = 64 * 2 ** 20;

export async function runChurn(options: RunOptions): Promise<Run> {
  const hierarchies = await ChurnHierarchies.open();
  const churns: Churn[] = [];
  const begin = (name: string): Churn => {
    const seed = options.seed * 10 + churns.length;
    const churn = new Churn({ seed, workers, stormers, groups: hierarchies.makeGroups(name) });
    churns.push(churn);
    return churn;
  };
  try {
    await begin('before').going();
    const during = begin('during');
    const recording = await Recording.start(options, hierarchies.names);
    try {
      await during.going();
      await begin('after').going();
      const differences: string[] = [];
      const halfRoundMs = (options.seconds / options.rounds) * 500;
      for (let round = 1; round <= options.rounds; round++) {
        await setTimeout(halfRoundMs);
        if (options.restart) await recording.restart();
        await setTimeout(halfRoundMs);
        await Promise.all(churns.map((churn) => churn.rest()));
        differences.push(...(await recording.differences()).map((one) => `round ${round}: ${one}`));
        if (options.untilDifference && differences.length > 0) break;
        for (const churn of churns) churn.goOn();
      }
      const counts = sumOf(await Promise.all(churns.map((churn) => churn.end())));
      return { counts, differences, ...(await recording.account()) };
    } finally {
      await recording.stop();
    }
  } finally {
    // Whatever it has come to, nothing is left behind; a churn that has failed has been told of above.
    await Promise.allSettled(churns.map((churn) => churn.end()));
    await hierarchies.remove();
  }
}

/** What differs may be under way; only what differs again and again does count. */
const looks = 10;
const lookDelayMs = 100;

/** A recorder in this process, into a log in memory. */
class Recording {
  readonly #options: RunOptions;
  readonly #mirror: readonly string[];
  readonly #log = new MemoryLog();
  readonly #world = new World();
  readonly #populated = new Populated();
  readonly #strangers: Strangers = new Map();
  readonly #compared: number[] = [];
  #source: Source;
  #recorder: Recorder;

  private constructor(options: RunOptions, names: readonly string[]) {
    this.#options = options;
    this.#mirror = [...names, ...(options.mirror ?? [])];
    this.#source = this.#openSource();
    this.#recorder = this.#openRecorder();
  }

  static async start(options: RunOptions, names: readonly string[]): Promise<Recording> {
    const recording = new Recording(options, names);
    await recording.#begin();
    return recording;
  }

  /** One recorder goes and another comes, which knows of the time between them only what it finds. */
  async restart(): Promise<void> {
    await this.stop();
    this.#source = this.#openSource();
    this.#recorder = this.#openRecorder();
    await this.#begin();
  }

  /** What either says and the other does not, whenever it is asked. */
  async differences(): Promise<string[]> {
    let differing: Set<string> | undefined;
    for (let look = 1; ; look++) {
      const { found, compared } = this.#compare();
      differing = new Set(found.filter((one) => differing?.has(one) ?? true));
      if (differing.size === 0 || look === looks) {
        this.#compared.push(compared);
        return [...differing];
      }
      await setTimeout(lookDelayMs);
    }
  }

  /** What the log tells of it; what it makes of the world is what the recorder knew, which is a difference otherwise. */
  async account(): Promise<Pick<Run, 'events' | 'gaps' | 'compared' | 'isRebuilt'>> {
    await this.#recorder.commit('written');
    const gaps: ExplainedGap[] = [];
    const rebuilt = new World();
    for await (const events of this.#log.read(1)) {
      for (const event of events) {
        rebuilt.apply(event);
        if (event.type !== 'gap') continue;
        gaps.push({ ...event, explanation: explanationOf(event, this.#strangers) });
      }
    }
    const isRebuilt = isDeepStrictEqual(rebuilt.dump(), this.#world.dump());
    return { events: this.#log.seq, gaps, compared: this.#compared, isRebuilt };
  }

  async stop(): Promise<void> {
    await this.#recorder.stop();
    this.#source.close();
  }

  #openSource(): Source {
    const source = openEbpfSource({ mirror: this.#mirror, ringBytes: this.#options.ringBytes ?? ringBytes });
    const watched = new StrangerWatch(source, this.#strangers);
    return this.#options.blindfold?.(watched) ?? watched;
  }

  #openRecorder(): Recorder {
    const recorder = new Recorder({
      log: this.#log,
      source: this.#source,
      clock: realClock(),
      world: this.#world,
      syncIntervalMs: 1000,
      onFailure: (error) => {
        throw error;
      },
    });
    recorder.follow((events) => {
      for (const event of events) this.#populated.apply(event);
    });
    return recorder;
  }

  #begin(): Promise<void> {
    return this.#recorder.start({ recording: 'churn', version: 'tools' });
  }

  #compare(): { readonly found: string[]; readonly compared: number } {
    const recorded = () =>
      this.#recorder.read(({ hierarchy }) => recordedStatements(hierarchy, this.#populated.ids));
    const trees = [...this.#world.hierarchy.trees()].filter(({ number }) => number !== 0);
    // What the recorder says before and after, and the kernel does not; what the kernel says and neither does.
    const before = recorded();
    const kernel = kernelStatements(trees);
    const after = recorded();
    const surplus = [...before].filter((one) => after.has(one) && !kernel.has(one));
    const missing = [...kernel].filter((one) => !before.has(one) && !after.has(one));
    return {
      found: [
        ...surplus.map((one) => `recorded only: ${one}`),
        ...missing.map((one) => `not recorded: ${one}`),
      ],
      compared: kernel.size,
    };
  }
}
