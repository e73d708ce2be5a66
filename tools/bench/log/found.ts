/**
 * What is found of one long log, in a process of its own, so that nothing before it counts. As a program it measures,
 * and tells as JSON.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../../src/random.ts';
import { captureLatency } from './latency.ts';
import { recordLong } from './long.ts';
import { type PastLatencies, pastLatencies } from './reads.ts';
import { replaySpeed } from './replay.ts';
import { tasktrail } from './tasktrail.ts';
import { openYardstick } from './yardstick.ts';

export interface LongOptions {
  readonly seed: number;
  readonly events: number;
  readonly rounds: number;
  /** How many reads of each kind, and for how long at most. */
  readonly reads: number;
  readonly readSeconds: number;
  /** How long each turn of the capture latency takes. */
  readonly latencySeconds: number;
}

export interface Found {
  readonly events: number;
  /** Microseconds an event in the last tenth. */
  readonly lateUs: number;
  readonly bytesPerEvent: number;
  /** Bytes written to block devices for each byte that there is in the end. */
  readonly deviceRatio: number;
  /** Million events a second. */
  readonly replays: readonly number[];
  readonly past: PastLatencies;
  readonly idleUs: number;
  readonly busyUs: number;
  /** Resident when it has been recorded, and when it has been read. */
  readonly recordingBytes: number;
  readonly readingBytes: number;
}

const program = fileURLToPath(import.meta.url);
const outputLimitBytes = 64 * 1024 * 1024;

/** The log goes into a folder in `parent`, and away again. */
export function measureLong(
  parent: string,
  { seed, events, rounds, reads, readSeconds, latencySeconds }: LongOptions,
): Found {
  const options: LongOptions = { seed, events, rounds, reads, readSeconds, latencySeconds };
  const told = execFileSync(
    process.execPath,
    ['--max-old-space-size=8192', '--import', 'tsx', program, parent, JSON.stringify(options)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: outputLimitBytes },
  );
  return JSON.parse(told) as Found;
}

if (process.argv[1] === program) {
  const [parent = '', options = ''] = process.argv.slice(2);
  console.log(JSON.stringify(await find(parent, JSON.parse(options) as LongOptions)));
}

async function find(parent: string, options: LongOptions): Promise<Found> {
  const { seed, events, rounds } = options;
  const folder = join(parent, 'long');
  const log = await recordLong(folder, events, seed);
  const recordingBytes = process.memoryUsage.rss();
  const yardstick = await openYardstick(parent, events, seededRandom(seed));
  const past = await pastLatencies(log, yardstick, { reads: options.reads, seconds: options.readSeconds });
  await yardstick.close();
  const readingBytes = process.memoryUsage.rss();
  const replays: number[] = [];
  while (replays.length < rounds) replays.push(await replaySpeed(tasktrail, folder, events));
  const latency = await captureLatency(log, options.latencySeconds);
  for (const each of [folder, join(parent, 'yardstick')]) rmSync(each, { recursive: true });
  return {
    events,
    lateUs: log.lateUs,
    bytesPerEvent: log.sizeBytes / events,
    deviceRatio: log.deviceBytes / log.sizeBytes,
    replays,
    past,
    ...latency,
    recordingBytes,
    readingBytes,
  };
}
