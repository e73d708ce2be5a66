/**
 * The program `tools/programs/churn.c` as it runs: it is told to rest, to go on and to end, and says what it has done.
 */
import { spawn } from 'node:child_process';
import { compile } from '../programs.ts';
import { listen, type Program } from '../recording.ts';

/** What a churn has done, as it has counted it: `moves`, `made`, `removed`, `renamed`, `forks`, `into`, … */
export type Counts = ReadonlyMap<string, number>;

export interface ChurnOptions {
  readonly seed: number;
  /** How many processes move tasks and change groups. */
  readonly workers: number;
  /** How many processes fork as fast as they can. */
  readonly stormers: number;
  /** Directories of groups that it has for itself. */
  readonly groups: readonly [v1: string, v2: string];
}

export class Churn {
  readonly #program: Program;
  readonly #counts = new Map<string, number>();
  readonly #ended: Promise<string[]>;
  readonly #awaited = new Map<string, () => void>();
  /** What it has said and nobody has waited for yet. */
  readonly #unheard = new Set<string>();

  /** Starts it; it does not wait for anything. */
  constructor({ seed, workers, stormers, groups }: ChurnOptions) {
    const numbers = [seed, workers, stormers].map(String);
    this.#program = spawn(compile('churn'), [...numbers, ...groups], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = listen(this.#program, (line) => this.#hear(line));
    // Whoever waits for it is told; until somebody does, this is no unhandled rejection.
    this.#ended.catch(() => {});
  }

  /** Resolves when it is in full swing. */
  going(): Promise<void> {
    return this.#said('going');
  }

  /** Has it do nothing any more; its tasks stay where they are. */
  async rest(): Promise<void> {
    this.#program.stdin.write('rest\n');
    await this.#said('resting');
  }

  goOn(): void {
    this.#program.stdin.write('go\n');
  }

  /** Ends it with all of its tasks. */
  async end(): Promise<Counts> {
    this.#program.stdin.end();
    await this.#ended;
    return this.#counts;
  }

  /** It says this, or it has ended before, which is an error. */
  async #said(word: string): Promise<void> {
    if (this.#unheard.delete(word)) return;
    const said = new Promise<void>((resolve) => this.#awaited.set(word, resolve));
    const ended = this.#ended.then(() => {
      throw new Error(`a churn has ended before it said ${word}`);
    });
    await Promise.race([said, ended]);
  }

  #hear(line: string): void {
    const [word = '', number] = line.split(' ');
    if (number !== undefined) {
      this.#counts.set(word, Number(number));
      return;
    }
    const hear = this.#awaited.get(word);
    if (hear === undefined) this.#unheard.add(word);
    this.#awaited.delete(word);
    hear?.();
  }
}

/** What several churns have done together. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum = new Map<string, number>();
  for (const counts of all) {
    for (const [word, number] of counts) sum.set(word, (sum.get(word) ?? 0) + number);
  }
  return sum;
}
