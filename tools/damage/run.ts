/**
 * One run of damages: a recording is made once, and copies of it are damaged, each in one place, and gone on with by two
 * recorders, one after the other.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pageBlocks, writePage } from '../../src/log/blockIndex.ts';
import { crc32 } from '../../src/log/crc32.ts';
import { pageKey } from '../../src/log/keys.ts';
import { openLevelLog } from '../../src/log/openLog.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { keepAll } from '../../test/support/keeping.ts';
import { recordStory, stampedAs, storyOfMirrors } from '../../test/support/stories.ts';
import { answersOf, type Questions } from './answers.ts';
import { distance, scale } from './scale.ts';
import { openStarter } from './starter.ts';

export interface DamageResult {
  /** How often what came of it, in words. */
  readonly tally: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const steps = 9000;
/** A table of LevelDB's for each. */
const sessions = 3;
const instants = 6;
const zeroBytes = 4096;

type Kind = 'a flipped bit' | 'zeros' | 'a missing rest';
const kinds: readonly Kind[] = ['a flipped bit', 'a flipped bit', 'zeros', 'a missing rest'];

export async function runDamages({ seed, times }: { seed: number; times: number }): Promise<DamageResult> {
  const root = await mkdtemp(join(tmpdir(), 'tasktrail-damage-'));
  const damages = new Damages(root, seededRandom(seed));
  try {
    await damages.prepare(seed);
    for (let i = 0; i < times; i++) await damages.damage(i);
    return damages;
  } finally {
    damages.close();
    await rm(root, { recursive: true, force: true });
  }
}

class Damages implements DamageResult {
  readonly tally: Record<string, number> = {};
  readonly wrong: string[] = [];
  readonly #starter = openStarter();
  readonly #random: Random;
  readonly #whole: string;
  readonly #copy: string;
  #questions: Questions = { seqs: [], timesUs: [], tasks: [], scale };
  #answers: ReadonlyMap<string, string> = new Map();
  #files: readonly string[] = [];

  constructor(root: string, random: Random) {
    this.#random = random;
    this.#whole = join(root, 'whole');
    this.#copy = join(root, 'copy');
  }

  close(): void {
    this.#starter.close();
  }

  async prepare(seed: number): Promise<void> {
    const events = await storyOfMirrors(seed % 1000, steps);
    const story = stampedAs(events);
    const part = Math.ceil(story.length / sessions);
    for (let session = 0; session < sessions; session++) {
      const log = await openLevelLog({ folder: this.#whole });
      await recordStory(log, story.slice(session * part, (session + 1) * part), 150);
      await keepAll(log, { distance, scale });
      if (session === sessions - 1) await putPage(log);
      await log.close();
    }
    const picked = Array.from({ length: instants }, () => events[this.#random.below(events.length)]);
    const tasks = new Set<number>();
    for (const event of events) if (event.type === 'fork' || event.type === 'adopt') tasks.add(event.task);
    this.#questions = {
      seqs: [...picked.flatMap((event) => event?.seq ?? []), events.length],
      timesUs: picked.flatMap((event) => event?.timeUs ?? []),
      tasks: [...tasks],
      scale,
    };
    this.#answers = await answersOf(this.#whole, this.#questions);
    this.#files = (await readdir(this.#whole)).filter((name) => name !== 'LOCK' && !/^LOG/.test(name)).sort();
  }

  /** The files take turns. */
  async damage(number: number): Promise<void> {
    const name = this.#files[number % this.#files.length] ?? '';
    const kind = this.#random.pick(kinds);
    await cp(this.#whole, this.#copy, { recursive: true });
    const path = join(this.#copy, name);
    const bytes = await readFile(path);
    const at = this.#random.below(bytes.length);
    await writeFile(path, damaged(bytes, kind, at, this.#random));
    const where = `${kind} at byte ${at} of ${name} (${number})`;
    const outcomes: string[] = [];
    for (const start of [1, 2]) outcomes.push(await this.#goOn(`${where}, start ${start}`, start === 1));
    const what = `${kind} in ${name.replace(/^\d+/, '')}: ${outcomes.join(', then ')}`;
    this.tally[what] = (this.tally[what] ?? 0) + 1;
    await rm(this.#copy, { recursive: true });
  }

  /** What came of a recorder that goes on with the copy, in words. The process may die of the first. */
  async #goOn(where: string, isFirst: boolean): Promise<string> {
    const outcome = await this.#starter.ask({ folder: this.#copy, questions: this.#questions });
    if (outcome.kind === 'died' && isFirst) return 'died';
    if (outcome.kind === 'died' || outcome.kind === 'failed') this.wrong.push(`${where}: ${outcome.why}`);
    if (outcome.kind === 'begun') {
      for (const [question, answer] of outcome.answers) {
        if (answer === this.#answers.get(question)) continue;
        this.wrong.push(`${where}: ${question} is answered otherwise`);
      }
    }
    if (outcome.kind === 'refused') return `refused (${outcome.why.replaceAll(/\d+|\/\S+/g, 'N')})`;
    return outcome.kind === 'begun' && outcome.isSetAside ? 'set aside' : outcome.kind;
  }
}

function damaged(bytes: Buffer, kind: Kind, at: number, random: Random): Uint8Array {
  switch (kind) {
    case 'a flipped bit':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 'zeros':
      bytes
        .subarray(at - (at % zeroBytes))
        .subarray(0, zeroBytes)
        .fill(0);
      return bytes;
    case 'a missing rest':
      return bytes.subarray(0, at);
  }
}

/** A page is due when there are 512 blocks: that of these says the same of those that are there. */
async function putPage(log: Awaited<ReturnType<typeof openLevelLog>>): Promise<void> {
  const places = [];
  let last = { firstUs: 0, tasksBefore: 0 };
  for (let number = 0; number < pageBlocks; number++) {
    const block = log.reader.block(number);
    if (block) last = { firstUs: block.firstUs, tasksBefore: block.head.tasksBefore };
    places.push(last);
  }
  await log.store({ puts: [[pageKey(0), writePage(places, crc32)]], dels: [] });
}
