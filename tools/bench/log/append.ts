/**
 * Append: how many events a second a store takes, by the size of a commit, by how many commits are in flight, and with
 * a sync or without. Stores take turns, round by round, on the same events.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Durability, Stamped } from '../../../src/ports.ts';
import type { Quiet, Run } from '../quiet.ts';
import { figure, medianOf, tableOf } from '../table.ts';
import type { Contestant, Store } from './contestant.ts';
import { BenchMachine, usualMachine } from './machine.ts';

interface Case {
  readonly commit: number;
  readonly inFlight: number;
  readonly durability: Durability;
  /** How many events a round has, at most. */
  readonly events: number;
}

const cases: readonly Case[] = [
  { commit: 1, inFlight: 1, durability: 'synced', events: 500 },
  { commit: 1, inFlight: 16, durability: 'synced', events: 2000 },
  { commit: 100, inFlight: 1, durability: 'synced', events: 30_000 },
  { commit: 100, inFlight: 16, durability: 'synced', events: 100_000 },
  { commit: 1000, inFlight: 1, durability: 'synced', events: 200_000 },
  { commit: 1000, inFlight: 16, durability: 'synced', events: 200_000 },
  { commit: 1000, inFlight: 1, durability: 'written', events: 200_000 },
];

export interface AppendOptions {
  readonly seed: number;
  readonly rounds: number;
  /** A round has no more events than this. */
  readonly limit: number;
  readonly folder: string;
  readonly quiet: Quiet;
}

/** Events a second: by contestant and case, one number a round. */
type Speeds = ReadonlyMap<Contestant, readonly number[][]>;

/** As Markdown; the first contestant is the one that the others are compared with. */
export async function measureAppend(
  contestants: readonly Contestant[],
  options: AppendOptions,
): Promise<string> {
  const most = Math.min(options.limit, Math.max(...cases.map(({ events }) => events)));
  const events = new BenchMachine({ ...usualMachine, seed: options.seed }).next(most);
  const speeds: Speeds = new Map(contestants.map((each) => [each, cases.map(() => [])]));
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, one] of cases.entries()) {
      // Forth and back, so that nobody always comes behind the same one.
      for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
        const turn = (): Promise<Turn> => takeTurn(contestant, one, events, options.folder);
        const { speed } = await options.quiet.run(turn);
        speeds.get(contestant)?.[i]?.push(speed);
      }
    }
  }
  return told(speeds);
}

interface Turn extends Run {
  /** Events a second. */
  readonly speed: number;
}

async function takeTurn(
  contestant: Contestant,
  one: Case,
  events: readonly Stamped[],
  parent: string,
): Promise<Turn> {
  const count = Math.min(one.events, events.length);
  const commits: (readonly Stamped[])[] = [];
  for (let at = 0; at < count; at += one.commit) commits.push(events.slice(at, at + one.commit));
  const before = process.cpuUsage();
  const folder = mkdtempSync(join(parent, 'append-'));
  const store = await contestant.open(folder);
  const inFlight = contestant.overlaps ? one.inFlight : 1;
  const startMs = performance.now();
  await commitAll(store, commits, inFlight, one.durability);
  const seconds = (performance.now() - startMs) / 1000;
  const othersUs = store.othersUs?.() ?? 0;
  await store.close();
  rmSync(folder, { recursive: true });
  const { user, system } = process.cpuUsage(before);
  return { speed: count / seconds, ownUs: user + system + othersUs };
}

/** One after the other, with so many on their way at once. */
async function commitAll(
  store: Store,
  commits: readonly (readonly Stamped[])[],
  inFlight: number,
  durability: Durability,
): Promise<void> {
  const onTheirWay: Promise<void>[] = [];
  for (const commit of commits) {
    onTheirWay.push(store.commit(commit, durability));
    if (onTheirWay.length >= inFlight) await onTheirWay.shift();
  }
  await Promise.all(onTheirWay);
}

function told(speeds: Speeds): string {
  const headings = cases.map(({ commit, inFlight, durability }) =>
    durability === 'written' ? `${commit}, no sync` : `${commit}, ${inFlight} in flight`,
  );
  const [[, ours] = []] = speeds;
  const rows = [...speeds].map(([{ name, overlaps, forgets }, all]) => [
    `${name}${overlaps ? '' : ' (one at a time)'}${forgets === true ? ' (not durable)' : ''}`,
    ...all.map((each) => figure(medianOf(each) / 1000)),
  ]);
  const ratios = [...speeds]
    .slice(1)
    .map(([{ name }, all]) => [
      `tasktrail ÷ ${name}`,
      ...all.map((each, i) =>
        medianOf(each.map((speed, round) => (ours?.[i]?.[round] ?? Number.NaN) / speed)).toFixed(2),
      ),
    ]);
  return [
    'Thousand events a second, by the events of a commit. Stores took turns on the same events; medians, and medians of the',
    "rounds' ratios.",
    '',
    tableOf([['append', ...headings], ...rows, ...ratios]),
  ].join('\n');
}
