/**
 * One soak: a machine's day in short. Tasks are made and end at a steady rate while containers come, are released and
 * go, and one daemon follows the other; then one of them is left alone and must not grow; then they follow each other
 * again, on a log that is long by now.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HttpReader } from '../../src/http/client.ts';
import { seededRandom } from '../../src/random.ts';
import { folderBytes } from '../../src/system/folder.ts';
import { CountingAgent } from '../crash/countingAgent.ts';
import { Load } from '../crash/load.ts';
import { treeAtRest } from '../crash/treeAtRest.ts';
import { Stage } from '../recording.ts';
import { PatientReader } from '../restart/patientReader.ts';
import { Restarter } from '../restart/restarter.ts';
import { SuccessiveDaemons } from '../restart/successive.ts';
import { FirstProcess, type Witness } from '../storm/firstProcess.ts';
import { diskCheck, memoryChecks, rateCheck, worldText } from './checks.ts';
import { Gauge, type MemoryStand, type Stand } from './gauge.ts';
import { agreementWithKernel, type KernelAgreement } from './kernelSide.ts';
import { MemoryProbe } from './memoryProbe.ts';
import { type Reckoning, reckon } from './reckoning.ts';
import { Spells } from './spells.ts';
import { Telling } from './telling.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Is told how it stands, now and then. */
  tell(line: string): void;
}

/** Until this part of the time daemons follow each other; until that one is left alone. */
const restartsUntil = 0.3;
const calmUntil = 0.85;
/** How many daemons would follow each other if all of the time were for that, and how soon one may at most. */
const restartsInAll = 60;
const shortestDaemonMs = 1500;
/** How often the memory of the one is measured, and how close at most. */
const memoryReadings = 60;
const shortestReadingMs = 500;
/** How long the load goes on while it is compared with the kernel. */
const comparedSeconds = 6;
/** How often it is told how it stands. */
const tellingDistanceMs = 60_000;
const leastTold = 5;
/** What containers that come and go are of the events. */
const loadEventsPerSecond = 300;
const loadRestMs = 40;
const standingContainers = 20;

export async function runSoak(options: SoakOptions): Promise<Reckoning> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-soak-'));
  const agent = new CountingAgent(folder);
  const probe = new MemoryProbe(join(folder, 'memory'));
  const recording = join(folder, 'recording');
  const daemons = new SuccessiveDaemons(recording, ['--release-agent', agent.path], probe.nodeOptions);
  const firstProcess = new FirstProcess();
  try {
    await daemons.start();
    return await soak(daemons, { agent, probe, witness: firstProcess }, options);
  } finally {
    firstProcess.stop();
    await daemons.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those who see what the daemons do, and do not do. */
interface Witnesses {
  readonly agent: CountingAgent;
  readonly probe: MemoryProbe;
  readonly witness: Witness;
}

async function soak(
  daemons: SuccessiveDaemons,
  { agent, probe, witness }: Witnesses,
  options: SoakOptions,
): Promise<Reckoning> {
  const { seconds, eventsPerSecond } = options;
  const { folder } = daemons;
  const reader = new PatientReader(folder);
  const stage = new Stage(folder, reader);
  const spells = new Spells(stage, eventsPerSecond - loadEventsPerSecond, seconds + comparedSeconds);
  const containers = { prefix: 'load', restMs: loadRestMs, standing: standingContainers };
  const load = new Load(new HttpReader(folder), containers);
  const loaded = load.run();
  // What is wrong with it is told when the restarts are over.
  loaded.catch(() => {});
  try {
    for (const path of spells.paths) await reader.untilPopulated(path);
    const course = await run(daemons, reader, probe, options);
    const storm = await spells.checks();
    load.end();
    await loaded;
    const live = await treeAtRest(daemons.reader);
    await daemons.down(true);
    const { answered } = load;
    const runs = agent.runs();
    const { agreement, begin, early, end, memory } = course;
    const reckoning = await reckon({ folder, storm, live, answered, runs, agreement, witness });
    return {
      ...reckoning,
      summary: [...reckoning.summary, worldText(memory)],
      checks: [
        rateCheck(eventsPerSecond, end.events - begin.events, end.second - begin.second),
        ...reckoning.checks,
        ...memoryChecks(memory),
        diskCheck(early, memory.at(-1) ?? end, reckoning.events, folderBytes(folder)),
      ],
    };
  } finally {
    load.end();
    await loaded.catch(() => {});
  }
}

/** What was read while the load went on. */
interface Course {
  readonly begin: Stand;
  /** When the restarts end. */
  readonly early: Stand;
  readonly end: Stand;
  /** Of the daemon that was left alone. */
  readonly memory: readonly MemoryStand[];
  readonly agreement: KernelAgreement;
}

async function run(
  daemons: SuccessiveDaemons,
  reader: PatientReader,
  probe: MemoryProbe,
  { seed, seconds, tell }: SoakOptions,
): Promise<Course> {
  const gauge = new Gauge(daemons, reader, probe);
  const random = seededRandom(seed);
  const restarts = new Restarter(daemons, random);
  const longestDaemonMs = Math.max(shortestDaemonMs, (2000 * seconds) / restartsInAll);
  const restartUntil = async (second: number): Promise<void> => {
    while (gauge.second < second) {
      await setTimeout(random.below(longestDaemonMs));
      await restarts.next();
    }
  };
  const distanceMs = Math.min(tellingDistanceMs, (1000 * seconds) / leastTold);
  const telling = new Telling({ gauge, restarts, distanceMs, tell });
  try {
    const begin = await gauge.stand();
    await restartUntil(seconds * restartsUntil);
    const early = await gauge.stand();
    const readingMs = (1000 * seconds * (calmUntil - restartsUntil)) / memoryReadings;
    const memory = await gauge.memoryUntil(seconds * calmUntil, Math.max(shortestReadingMs, readingMs));
    await restartUntil(seconds);
    const end = await gauge.stand();
    return { begin, early, end, memory, agreement: await agreementWithKernel(reader, daemons.folder) };
  } finally {
    telling.end();
  }
}
