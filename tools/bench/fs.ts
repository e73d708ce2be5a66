/**
 * What the mount costs: clients that read a container's `tasks`, write to it what changes nothing, and write what moves
 * a task; through tasktrail's mount, through a filesystem of the same form in C on libfuse, and in the kernel's own
 * cgroup v1. All three take turns, so that a machine which changes its mind changes it for all.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { hierarchiesOfMachine } from '../../src/sources/cgroups.ts';
import { compile } from '../programs.ts';
import { startMeasured } from './daemon.ts';
import { figure, medianOf, tableOf } from './table.ts';

export interface FsOptions {
  /** How often each measurement is taken. */
  readonly rounds: number;
  /** How long one takes. */
  readonly seconds: number;
}

/** Something with a tree in it, to be measured, and taken away. */
interface Ground {
  readonly name: string;
  readonly folder: string;
  close(): Promise<void>;
}

/** What clients did in one measurement. */
interface Measured {
  readonly perSecond: number;
  readonly medianUs: number;
  readonly p99Us: number;
}

const deeds = {
  read: 'open, read, close',
  write: 'open, write what changes nothing, close',
  move: 'open, write what moves a task, close',
} as const;
type Deed = keyof typeof deeds;

const clientCounts = [1, 4] as const;
/** Until then a daemon that has just been started compiles itself. */
const warmUpMs = 2000;
const settleMs = 50;
const patienceMs = 10_000;

/** Measures, and tells as Markdown what was found. */
export async function measureFs({ rounds, seconds }: FsOptions): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-bench-fs-'));
  const grounds: Ground[] = [];
  try {
    for (const open of [openTasktrail, openLibfuse, openKernel]) grounds.push(await open(folder));
    await run(grounds[0]?.folder ?? '', 'read', 1, warmUpMs);
    await run(grounds[0]?.folder ?? '', 'move', 1, warmUpMs);
    return await measureAll(grounds, folder, rounds, seconds * 1000);
  } finally {
    for (const ground of grounds.reverse()) await ground.close();
    rmSync(folder, { recursive: true });
  }
}

async function measureAll(
  grounds: readonly Ground[],
  folder: string,
  rounds: number,
  lengthMs: number,
): Promise<string> {
  const [ours, libfuse, kernel] = grounds.map(({ folder: at }) => at);
  const rows = [
    ['deed', 'clients', 'through', 'a second', 'median, µs', 'p99, µs', 'rate : libfuse', 'time : kernel'],
  ];
  const medians = new Map<string, number>();
  for (const deed of Object.keys(deeds) as Deed[]) {
    for (const clients of clientCounts) {
      const results = await inTurns(
        rounds,
        // libfuse's does nothing at a write, so it has no moves.
        grounds.filter((ground) => deed !== 'move' || ground.folder !== libfuse),
        (ground) => run(ground.folder, deed, clients, lengthMs),
      );
      for (const [ground, each] of results) {
        const { perSecond, medianUs, p99Us } = medianOfAll(each);
        const isOurs = ground.folder === ours;
        if (isOurs) medians.set(`${deed} ${clients}`, medianUs);
        const base = resultOf(results, libfuse);
        const bare = resultOf(results, kernel);
        rows.push([
          deeds[deed],
          String(clients),
          ground.name,
          figure(perSecond),
          figure(medianUs),
          figure(p99Us),
          isOurs && base ? (perSecond / base.perSecond).toFixed(2) : '',
          isOurs && bare ? (bare.perSecond / perSecond).toFixed(1) : '',
        ]);
      }
    }
  }
  const syncs = await inTurns(rounds, [folder], (at) => run(at, 'sync', 1, lengthMs));
  const sync = medianOfAll(syncs.get(folder) ?? []);
  const [write = 0, move = 0] = ['write 1', 'move 1'].map((what) => medians.get(what) ?? 0);
  return [
    `Clients that do the same again and again for ${seconds(lengthMs)} s, in ${rounds} rounds that take turns; numbers are medians. libfuse's`,
    'filesystem is of the same form, has nothing behind it, and lets the kernel keep nothing; the kernel is its own cgroup v1. A move is',
    'answered when it is on disk. "time : kernel" says how many times as long as the kernel it takes.',
    '',
    tableOf(rows),
    '',
    `An append of one line with fdatasync takes ${figure(sync.medianUs)} µs (p99 ${figure(sync.p99Us)}), so a move by one client takes`,
    `a write that changes nothing and ${((move - write) / sync.medianUs).toFixed(2)} of that.`,
  ].join('\n');
}

function seconds(lengthMs: number): string {
  return String(lengthMs / 1000);
}

function resultOf(results: ReadonlyMap<Ground, readonly Measured[]>, folder: string | undefined) {
  for (const [ground, each] of results) if (ground.folder === folder) return medianOfAll(each);
  return undefined;
}

/** Measures each of them in each round. */
async function inTurns<Which>(
  rounds: number,
  which: readonly Which[],
  measure: (one: Which) => Promise<Measured>,
): Promise<Map<Which, Measured[]>> {
  const results = new Map<Which, Measured[]>(which.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    for (const one of which) results.get(one)?.push(await measure(one));
  }
  return results;
}

function medianOfAll(all: readonly Measured[]): Measured {
  const median = (value: (one: Measured) => number): number => medianOf(all.map(value));
  return {
    perSecond: median(({ perSecond }) => perSecond),
    medianUs: median(({ medianUs }) => medianUs),
    p99Us: median(({ p99Us }) => p99Us),
  };
}

async function run(folder: string, deed: string, clients: number, lengthMs: number): Promise<Measured> {
  const typed = [folder, deed, String(clients), String(lengthMs)];
  const { stdout } = await promisify(execFile)(compile('fsClients'), typed);
  const said = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
  const count = (word: string): number => Number(said.get(word));
  return {
    perSecond: count('deeds') / (count('elapsedUs') / 1e6),
    medianUs: count('medianNs') / 1000,
    p99Us: count('p99Ns') / 1000,
  };
}

/** A daemon as a user runs it. */
async function openTasktrail(folder: string): Promise<Ground> {
  const at = join(folder, 'tasktrail');
  const daemon = await startMeasured(['--mount', at, '--mirror', 'none']);
  return { name: 'tasktrail', folder: at, close: () => daemon.stop() };
}

async function openLibfuse(folder: string): Promise<Ground> {
  const at = join(folder, 'libfuse');
  mkdirSync(at);
  const server = spawn(compile('fuseBaseline', libfuseFlags()), [at], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  const begun = await Promise.race([once(server.stdout, 'data'), ended.then(() => undefined)]);
  if (begun === undefined) throw new Error('the filesystem on libfuse ended before it had begun');
  return {
    name: 'libfuse, in C',
    folder: at,
    close: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

function libfuseFlags(): string[] {
  try {
    return execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
  } catch (error) {
    throw new Error('there is no libfuse to compare with: install libfuse3-dev and pkg-config', {
      cause: error,
    });
  }
}

async function openKernel(folder: string): Promise<Ground> {
  const at = join(folder, 'kernel');
  const name = `tasktrail-bench-${process.pid}`;
  const mount = (): void => {
    execFileSync('mount', ['-t', 'cgroup', '-o', `none,name=${name}`, 'tasktrail-bench', at]);
  };
  mkdirSync(at);
  mount();
  return {
    name: "kernel's cgroup v1",
    folder: at,
    // Groups that were removed linger, and a hierarchy that is unmounted meanwhile stays until it is so once more.
    close: async () => {
      for (const end = performance.now() + patienceMs; ; mount()) {
        execFileSync('umount', [at]);
        await setTimeout(settleMs);
        if (hierarchiesOfMachine().every((one) => one.name !== `name=${name}`)) break;
        if (performance.now() > end) throw new Error(`the hierarchy ${name} stays`);
      }
      rmdirSync(at);
    },
  };
}
