/**
 * Kills exports and imports of one recording, at instants that are spread over as long as a whole one takes, and looks at
 * what they leave.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RecordingError } from '../../src/log/errors.ts';
import { framesIn } from '../../src/log/exportFile.ts';
import { openLevelLog, verifyLog } from '../../src/log/openLog.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { beginRecording, commitRandom, sealAll } from '../../test/log/sealed.ts';

export interface MovesResult {
  readonly tally: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

type Move = 'export' | 'import';

const events = 60_000;
const mostInCommit = 200;
const older = 'what was there before';
const mover = fileURLToPath(new URL('./mover.ts', import.meta.url));

export async function runMoves({ seed, times }: { seed: number; times: number }): Promise<MovesResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-moves-'));
  try {
    const moves = new Moves(folder, seededRandom(seed));
    await moves.prepare(seed);
    for (let i = 0; i < times; i++) await moves.kill(i);
    return moves;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Moves implements MovesResult {
  readonly tally: Record<string, number> = {};
  readonly wrong: string[] = [];
  readonly #random: Random;
  readonly #recording: string;
  readonly #whole: string;
  readonly #folder: string;
  #head = '';
  /** How long a whole move takes, milliseconds; found out, and put right by those that came to their end. */
  readonly #tookMs: Record<Move, number> = { export: 0, import: 0 };

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
    this.#recording = join(folder, 'recording');
    this.#whole = join(folder, 'whole');
  }

  /** Makes the recording, half of it sealed, and moves it once each way. */
  async prepare(seed: number): Promise<void> {
    const log = await openLevelLog({ folder: this.#recording });
    await beginRecording(log);
    await commitRandom(log, seed, events / 2, mostInCommit);
    await sealAll(log);
    await commitRandom(log, seed + 1, events / 2, mostInCommit);
    this.#head = log.head.hash;
    await log.close();
    await this.#move('export', this.#recording, this.#whole, Number.POSITIVE_INFINITY);
    const copy = join(this.#folder, 'copy');
    await this.#move('import', copy, this.#whole, Number.POSITIVE_INFINITY);
    if ((await this.#stateOf(copy)) !== 'whole') this.wrong.push('an import that nobody killed is not whole');
  }

  async kill(number: number): Promise<void> {
    const move = this.#random.pick<Move>(['export', 'import']);
    const afterMs = (this.#random.below(1200) / 1000) * this.#tookMs[move];
    const place = join(this.#folder, String(number));
    if (move === 'export') {
      writeFileSync(place, older);
      const isDone = await this.#move('export', this.#recording, place, afterMs);
      await this.#lookAtExport(number, place, isDone);
    } else {
      const isDone = await this.#move('import', place, this.#whole, afterMs);
      await this.#lookAtImport(number, place, isDone);
    }
    for (const left of [place, `${place}.new`]) rmSync(left, { recursive: true, force: true });
  }

  /** Whether it came to its end before it was killed. */
  async #move(move: Move, folder: string, file: string, afterMs: number): Promise<boolean> {
    const child = spawn(process.execPath, ['--import', 'tsx', mover, move, folder, file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await heard(child, 'ready');
    const sinceMs = performance.now();
    child.stdin?.write('go\n');
    const isDone = await Promise.race([
      heard(child, 'done'),
      afterMs === Number.POSITIVE_INFINITY ? ended.then(() => false) : sleep(afterMs).then(() => false),
    ]);
    if (isDone) this.#tookMs[move] = performance.now() - sinceMs;
    child.kill('SIGKILL');
    await ended;
    return isDone;
  }

  async #lookAtExport(number: number, file: string, isDone: boolean): Promise<void> {
    const isWhole = this.#isWholeFile(file);
    this.#count(isDone ? 'exports done' : isWhole ? 'exports killed behind their end' : 'exports killed');
    if (isDone && !isWhole) this.wrong.push(`kill ${number}: an export that is done is not whole`);
    if (!isWhole && readFileSync(file, 'utf8') !== older) {
      this.wrong.push(`kill ${number}: neither the export nor what was there before is there`);
    }
    const draft = `${file}.new`;
    if (!existsSync(draft)) return;
    this.#count('drafts of exports left');
    if ((await isSound(draft)) && !this.#isWholeFile(draft)) {
      this.wrong.push(`kill ${number}: half an export looks whole`);
    }
  }

  async #lookAtImport(number: number, folder: string, isDone: boolean): Promise<void> {
    const state = await this.#stateOf(folder);
    this.#count(
      isDone ? 'imports done' : state === 'whole' ? 'imports killed behind their end' : 'imports killed',
    );
    if (isDone && state !== 'whole') this.wrong.push(`kill ${number}: an import that is done is ${state}`);
    if (state === 'wrong') this.wrong.push(`kill ${number}: half an import is there`);
    const draft = await this.#stateOf(`${folder}.new`);
    if (draft !== 'none') this.#count(`drafts of imports ${draft}`);
    if (draft === 'wrong') this.wrong.push(`kill ${number}: half an import looks whole`);
  }

  #isWholeFile(file: string): boolean {
    return readFileSync(file).equals(readFileSync(this.#whole));
  }

  /** What a recorder would make of a folder. */
  async #stateOf(folder: string): Promise<'none' | 'whole' | 'refused' | 'wrong'> {
    if (!existsSync(folder)) return 'none';
    try {
      const { unsound, hash } = await verifyLog({ folder });
      if (unsound) return 'refused';
      return hash === this.#head ? 'whole' : 'wrong';
    } catch (error) {
      if (error instanceof RecordingError) return 'refused';
      throw error;
    }
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}

/** Resolves when the process has said so; never, where it ends before. */
function heard(child: ChildProcess, word: string): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes(word)) resolve(true);
    });
  });
}

/** Whether a file is an export from its beginning to its end. */
async function isSound(file: string): Promise<boolean> {
  try {
    for await (const _ of framesIn(createReadStream(file)));
    return true;
  } catch {
    // Whatever is wrong with it, it does not look whole.
    return false;
  }
}
