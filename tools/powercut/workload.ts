/**
 * A program: works on a log in a folder (argument 1) as a seed says (argument 2), through so many commits (argument 3),
 * and says what a person could rely on at each moment. Several commits are in flight at once, some of them only written;
 * what is in the tail is sealed meanwhile, and now and then the log is closed and opened again. LevelDB gets buffers so small that it begins new log files, and
 * makes tables and compacts them, every 64 KiB.
 */
import { writeSync } from 'node:fs';
import { ClassicLevel } from 'classic-level';
import { openLevelLog } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import type { EventLog } from '../../src/ports.ts';
import { seededRandom } from '../../src/random.ts';
import { lineOf, type Note } from './note.ts';
import { Story } from './story.ts';

const [folder = '', seedText = '', commitsText = ''] = process.argv.slice(2);
const seed = Number(seedText);
const random = seededRandom(seed);
let story: Story | undefined;

makeBuffersSmall();
for (let left = Number(commitsText); left > 0; ) {
  const commits = Math.min(left, 20 + random.below(300));
  left -= commits;
  await record(commits);
}

async function record(commits: number): Promise<void> {
  const log = await openLevelLog({ folder });
  const { seq, timeUs, hash } = log.head;
  say({ kind: 'opened', seq, timeUs, hash });
  story ??= new Story(seed, timeUs);
  const sealer = await Sealer.open(log.reader);
  let inFlight: Promise<void>[] = [];
  for (let i = 0; i < commits; i++) {
    inFlight.push(commit(log, story));
    if (!random.chance(0.3)) continue;
    const sealed = await sealer.next();
    if (sealed) inFlight.push(log.store(sealed));
    await Promise.all(inFlight);
    inFlight = [];
  }
  await Promise.all(inFlight);
  const last = log.seq;
  await log.close();
  say({ kind: 'answered', seq: last });
}

async function commit(log: EventLog, next: Story): Promise<void> {
  // Now and then nothing is new, and what was only written is made durable.
  const count = random.chance(0.1) ? 0 : 1 + random.below(random.chance(0.1) ? 200 : 20);
  say({ kind: 'append', count });
  log.append(next.next(count));
  if (random.chance(0.1)) return;
  const { seq } = log;
  const durability = random.pick(['written', 'synced', 'synced'] as const);
  await log.commit(durability);
  if (durability === 'synced') say({ kind: 'answered', seq });
  say({ kind: 'head', seq: log.head.seq, hash: log.head.hash });
}

function say(note: Note): void {
  writeSync(1, lineOf(note));
}

/** `openLevelLog` knows no such option, and users need none. */
function makeBuffersSmall(): void {
  const { prototype } = ClassicLevel as unknown as { prototype: { _open(options: object): Promise<void> } };
  const { _open: open } = prototype;
  prototype._open = function (options: object): Promise<void> {
    return open.call(this, { ...options, writeBufferSize: 64 * 1024, maxFileSize: 1024 * 1024 });
  };
}
