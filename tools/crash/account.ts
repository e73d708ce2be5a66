/**
 * The account of a log after crashes: what it holds of what was answered, and of releases and their agents, against
 * what was answered and how often the agents say that they ran. Everything that does not agree is told in words.
 */
import type { Event } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import type { LogReader } from '../../src/ports.ts';
import { Disturbances } from '../storm/disturbances.ts';
import type { Witness } from '../storm/firstProcess.ts';
import type { Answered } from './load.ts';

export interface Account {
  readonly wrong: readonly string[];
  readonly events: number;
  /** In words; without those that others have caused, which are counted. */
  readonly gaps: readonly string[];
  readonly disturbances: number;
  readonly releases: number;
  readonly attempts: number;
  readonly stale: number;
  readonly runs: number;
  readonly world: World;
}

interface Release {
  readonly path: string;
  attempts: number;
  isStale: boolean;
}

/** `runs` are the paths that the agent was called with, once for each call; `witness` knows of gaps of others. */
export async function accountOf(
  log: LogReader,
  answered: readonly Answered[],
  runs: readonly string[],
  witness: Witness,
): Promise<Account> {
  const world = new World();
  const names = new Map<number, string>();
  const held = new Set<string>();
  const releases = new Map<number, Release>();
  let seq = 0;
  const disturbances = new Disturbances(witness);
  const wrong: string[] = [];
  for await (const events of log.read(1)) {
    for (const event of events) {
      if (event.seq !== seq + 1) wrong.push(`seq ${event.seq} follows on ${seq}`);
      seq = event.seq;
      world.apply(event);
      disturbances.apply(event);
      note(event, names, held, releases);
    }
  }
  for (const { type, name } of answered) {
    if (!held.has(`${type} ${name}`)) wrong.push(`${type} ${name} was answered and is not in the log`);
  }
  const runsOf = countsOf(runs);
  const ofPath = new Map<string, Release>();
  for (const { path, attempts, isStale } of releases.values()) {
    const sum = ofPath.get(path) ?? { path, attempts: 0, isStale: false };
    ofPath.set(path, { path, attempts: sum.attempts + attempts, isStale: sum.isStale || isStale });
  }
  for (const { path, attempts, isStale } of ofPath.values()) {
    const ran = runsOf.get(path) ?? 0;
    if (ran > attempts) wrong.push(`the agent ran ${ran} times for ${path}, in ${attempts} attempts`);
    if (ran === 0 && !isStale) wrong.push(`the agent never ran for ${path}, which is not stale`);
  }
  for (const path of runsOf.keys()) {
    if (!ofPath.has(path)) wrong.push(`the agent ran for ${path}, which was not released`);
  }
  const all = [...releases.values()];
  return {
    wrong,
    events: seq,
    gaps: disturbances.gaps,
    disturbances: disturbances.others.length,
    releases: all.length,
    attempts: all.reduce((sum, { attempts }) => sum + attempts, 0),
    stale: all.filter(({ isStale }) => isStale).length,
    runs: runs.length,
    world,
  };
}

function note(
  event: Event,
  names: Map<number, string>,
  held: Set<string>,
  releases: Map<number, Release>,
): void {
  switch (event.type) {
    case 'mkdir':
      names.set(event.container, event.name);
      held.add(`mkdir ${event.name}`);
      break;
    case 'flag':
    case 'attach':
    case 'rmdir':
      held.add(`${event.type} ${names.get(event.container)}`);
      break;
    case 'release':
      releases.set(event.seq, { path: event.path, attempts: 0, isStale: false });
      break;
    case 'agent': {
      const release = releases.get(event.release);
      if (release) release.attempts += 1;
      break;
    }
    case 'stale': {
      const release = releases.get(event.release);
      if (release) release.isStale = true;
      break;
    }
    default:
  }
}

function countsOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
