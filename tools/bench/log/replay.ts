/**
 * Replay: how fast the trees are made of a log again, from its first event on; of ours, and of other stores that can.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { World } from '../../../projections/world.ts';
import { figure, medianOf, tableOf } from '../table.ts';
import type { Contestant } from './contestant.ts';
import { BenchMachine, usualMachine } from './machine.ts';

/** One that can be folded. */
type Folding = Contestant & Required<Pick<Contestant, 'fold'>>;

export interface ReplayOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly events: number;
  readonly folder: string;
}

const commitEvents = 1000;

/** Million events a second. */
export async function replaySpeed({ fold }: Folding, folder: string, events: number): Promise<number> {
  const world = new World();
  const startMs = performance.now();
  await fold(folder, world);
  const seconds = (performance.now() - startMs) / 1000;
  if (world.chronicle.seq !== events) throw new Error(`${world.chronicle.seq} of ${events} events were read`);
  return events / seconds / 1e6;
}

/** As Markdown; the first contestant is the one that the others are compared with. */
export async function measureReplay(
  contestants: readonly Contestant[],
  options: ReplayOptions,
): Promise<string> {
  const parent = mkdtempSync(join(options.folder, 'replay-'));
  const speeds = new Map(contestants.filter(canFold).map((each) => [each, [] as number[]]));
  const folders = new Map<Folding, string>();
  for (const contestant of speeds.keys()) {
    folders.set(contestant, join(parent, String(folders.size)));
    await fill(contestant, folders.get(contestant) ?? '', options);
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const [contestant, folder] of folders) {
      speeds.get(contestant)?.push(await replaySpeed(contestant, folder, options.events));
    }
  }
  rmSync(parent, { recursive: true });
  const [[, ours] = []] = speeds;
  return tableOf([
    [`replay of ${figure(options.events / 1e6)} M events`, 'million events/s', 'tasktrail ÷ it'],
    ...[...speeds].map(([{ name }, all]) => [
      name,
      figure(medianOf(all)),
      figure(medianOf(all.map((speed, round) => (ours?.[round] ?? Number.NaN) / speed))),
    ]),
  ]);
}

function canFold(contestant: Contestant): contestant is Folding {
  return contestant.fold !== undefined;
}

async function fill(contestant: Contestant, folder: string, { seed, events }: ReplayOptions): Promise<void> {
  mkdirSync(folder);
  const machine = new BenchMachine({ ...usualMachine, seed });
  const store = await contestant.open(folder);
  for (let done = 0; done < events; done += commitEvents) {
    await store.commit(machine.next(Math.min(commitEvents, events - done)), 'written');
  }
  await store.close();
}
