/**
 * The phases of the storm: programs that make tasks inside of a container and say how many they have made, and the
 * checks of what the log holds of them against that.
 */
import { readFileSync } from 'node:fs';
import { isRefusal } from '../../src/kernel/errno.ts';
import { compile } from '../programs.ts';
import { listen, type Stage } from '../recording.ts';
import type { Tallies } from './tally.ts';

/** One number that is known from two sides. */
export interface Check {
  /** Of what happened, however short it was; or of what was left when all was over. */
  readonly of: 'deeds' | 'remains';
  readonly what: string;
  /** What it has to be, as the other side knows it. */
  readonly expected: string;
  readonly found: number;
  readonly right: boolean;
}

/** What a phase may need of those who run it. */
export interface Scene {
  /** It waits inside of its container until then. */
  readonly begin?: Promise<void>;
  /** Where the tree is mounted. */
  readonly mountPoint?: string;
}

export interface Phase {
  /** Of the phase and of its container. */
  readonly name: string;
  readonly what: string;
  /** The tree is mounted meanwhile. */
  readonly isMounted?: boolean;
  /** What is to be checked of the log once it is closed. */
  run(recording: Stage, seconds: number, scene?: Scene): Promise<(tallies: Tallies) => Check[]>;
}

const workers = 2;
const standing = 20;
/** On average, where each kind of deed is as frequent as any other. */
const eventsOfDeed = 34 / 9;
/** Smaller than the number of tasks that a storm makes in a tenth of a second; the kernel allows no less than 301. */
const namespacePidMax = 400;

/** Everything that can happen to a task, at once. */
export const mixedPhase: Phase = stormPhase('mixed', 'forks, threads, execs, kills and orphans at once', {
  command: (storm, seconds) => [storm, String(seconds), String(workers), String(standing)],
  others: { forks: 0, execs: 1, unnumbered: 0 },
  ownPids: true,
});

/** The same, at this many events a second and no more. */
export function steadyPhase(name: string, eventsPerSecond: number): Phase {
  const rate = eventsPerSecond / eventsOfDeed / workers;
  return stormPhase(name, `everything that happens, ${eventsPerSecond} events a second`, {
    command: (storm, seconds) => [
      ...[storm, String(seconds), String(workers), String(standing)],
      `rate=${rate}`,
    ],
    others: { forks: 0, execs: 1, unnumbered: 0 },
    ownPids: true,
  });
}

/**
 * Each process gets the pid of the one before it, within the same tick of the clock that start times have; or that of
 * a thread which is just taking its leader's place by an exec.
 */
export const againPhase: Phase = stormPhase('again', 'the same pids again and again', {
  command: (storm, seconds) => [
    storm,
    String(seconds),
    String(workers),
    String(standing),
    'again',
    'thread-exec',
  ],
  others: { forks: 0, execs: 1, unnumbered: 0 },
  ownPids: true,
});

/** Outside, pids go on in the machine's own space; inside, they come back every few hundred forks. */
export const namespacePhase: Phase = stormPhase('namespace', `a pid namespace with ${namespacePidMax} pids`, {
  command: (storm, seconds) => [
    'unshare',
    '--fork',
    '--pid',
    '--mount-proc',
    'sh',
    '-c',
    `echo ${namespacePidMax} > /proc/sys/kernel/pid_max && exec "$@"`,
    'sh',
    storm,
    String(seconds),
    String(workers),
    '0',
  ],
  // unshare forks the shell that becomes the storm.
  others: { forks: 1, execs: 3, unnumbered: 1 },
  ownPids: false,
});

/** A storm by somebody else's program, which knows only how many of its deeds it has done. */
export const stressPhase: Phase = {
  name: 'stress-ng',
  what: 'stress-ng --fork 2 --pthread 1',
  async run(recording, seconds) {
    const report = `${recording.folder}/stress-ng.yaml`;
    const path = `/${this.name}`;
    await recording.mkdir(path);
    const before = await birthsOnMachine(recording);
    const program = await recording.run(path, [
      'stress-ng',
      ...['--fork', '2', '--pthread', '1', '--timeout', `${seconds}s`],
      ...['--metrics', '--yaml', report],
    ]);
    program.stdin.end();
    await listen(program);
    const after = await birthsOnMachine(recording);
    const text = readFileSync(report, 'utf8');
    const said = (stressor: string): number =>
      Number(new RegExp(`stressor: ${stressor}\\s+bogo-ops: (\\d+)`).exec(text)?.[1]);
    return (tallies) => {
      const { forks, threads, exits, left } = tallies.of(this.name);
      const onMachine = tallies.births.filter((seq) => seq > before.seq && seq <= after.seq).length;
      return [
        atLeast('forks', said('fork'), forks),
        atLeast('threads', said('pthread'), threads),
        equal('exits, of all that were born', forks + threads + 1, exits),
        remains('left over', 0, left),
        between(
          'births on the whole machine, by /proc/stat',
          after.least - before.most,
          after.most - before.least,
          onMachine,
        ),
      ];
    };
  },
};

interface StormOptions {
  command(storm: string, seconds: number): string[];
  /** What the programs that start the storm do in the container, and the storm does not count. */
  readonly others: { readonly forks: number; readonly execs: number; readonly unnumbered: number };
  /** The storm's pids are those of the initial namespace. */
  readonly ownPids: boolean;
}

function stormPhase(name: string, what: string, { command, others, ownPids }: StormOptions): Phase {
  return {
    name,
    what,
    async run(recording, seconds, { begin } = {}) {
      const path = `/${name}`;
      await recording.mkdir(path);
      const program = await recording.run(path, command(compile('storm'), seconds), begin);
      const said = new Map<string, number>();
      const standing: number[] = [];
      let listed: Promise<number[]> | undefined;
      await listen(program, (line) => {
        const [word = '', number] = line.split(' ');
        if (word === 'standing') standing.push(Number(number));
        else if (word === 'ready') {
          listed = pidsIn(recording, path).finally(() => program.stdin.end());
          // What is wrong with it is told when the storm has ended.
          listed.catch(() => {});
        } else said.set(word, Number(number));
      });
      const pids = (await listed) ?? [];
      const count = (word: string): number => said.get(word) ?? Number.NaN;
      return (tallies) => {
        const tally = tallies.of(name);
        const checks = [
          equal('forks', count('forks') + others.forks, tally.forks),
          equal('threads', count('threads'), tally.threads),
          equal('execs', count('execs') + others.execs, tally.execs),
          equal('exits', count('exits') + 1 + others.forks, tally.exits),
          equal('kills', count('kills'), tally.kills),
          remains('left over', 0, tally.left),
          equal('exits with the wrong number', others.unnumbered, tally.misnumbered.size),
        ];
        if (!ownPids) return checks;
        const expected = new Set(standing);
        const same = pids.filter((pid) => expected.has(pid)).length;
        checks.push(equal('listed when the storm was over', standing.length, pids.length));
        checks.push(equal('of these, with the right pid', standing.length, same));
        return checks;
      };
    },
  };
}

async function pidsIn(recording: Stage, path: string): Promise<number[]> {
  const tasks = await recording.reader.ask({ kind: 'tasks', path });
  if (isRefusal(tasks)) throw new Error(`reading the tasks of ${path}: ${tasks.saw}`);
  return tasks.map(({ pid }) => pid);
}

/** How many tasks the kernel says were ever born, just before and just after the log was at this seq. */
async function birthsOnMachine(recording: Stage): Promise<{ least: number; seq: number; most: number }> {
  const least = birthsByKernel();
  const { seq } = await recording.reader.status();
  return { least, seq, most: birthsByKernel() };
}

/** The line `processes` of /proc/stat: forks and threads since boot (kernel/fork.c: total_forks). */
function birthsByKernel(): number {
  return Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]);
}

function equal(what: string, expected: number, found: number): Check {
  return { of: 'deeds', what, expected: String(expected), found, right: found === expected };
}

function remains(what: string, expected: number, found: number): Check {
  return { ...equal(what, expected, found), of: 'remains' };
}

function atLeast(what: string, expected: number, found: number): Check {
  return { of: 'deeds', what, expected: `≥ ${expected}`, found, right: found >= expected };
}

function between(what: string, low: number, high: number, found: number): Check {
  return { of: 'deeds', what, expected: `${low} to ${high}`, found, right: found >= low && found <= high };
}
