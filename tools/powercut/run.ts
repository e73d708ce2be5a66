/**
 * Power cuts: a workload runs on a log while a shim writes down what it does to its disk; then images are made of what
 * losses of power would leave of that, and each is opened. Of the sound ones one is where the next workload goes on,
 * so that the opening after a loss is cut as well.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Random, seededRandom } from '../../src/random.ts';
import { compileLibrary } from '../programs.ts';
import { Disk, type Image } from './disk.ts';
import { type Finder, openFinder } from './finding.ts';
import { differenceOf, imageOf, putDown } from './image.ts';
import { type Operation, operationsIn } from './operations.ts';
import { keepsAll, outage } from './outages.ts';
import { Timeline, type Verdict } from './timeline.ts';

export interface PowerCutOptions {
  readonly seed: number;
  /** How many workloads follow each other, each after a loss of power. */
  readonly workloads: number;
  /** How many commits each of them makes, and how many images are made of it. */
  readonly commits: number;
  readonly images: number;
  /** Off: a sync is as none, and what was answered is lost. */
  readonly syncs: boolean;
  /** An empty folder in which images are kept that something is missing or wrong in; where not given they are not. */
  readonly keep?: string;
}

export interface PowerCutResult {
  readonly operations: number;
  readonly syncs: number;
  /** How many of LevelDB's tables were begun. */
  readonly tables: number;
  readonly answered: number;
  /** How many images got each verdict. */
  readonly verdicts: Readonly<Record<Verdict['kind'], number>>;
  /** What was wrong, each with where. */
  readonly faults: readonly string[];
}

/** Where the next workload goes on. */
interface Survivor {
  readonly image: Image;
  readonly timeline: Timeline;
}

const workload = fileURLToPath(new URL('./workload.ts', import.meta.url));
/** Images come and go by the thousands. */
const memory = '/dev/shm';

export async function runPowerCuts(options: PowerCutOptions): Promise<PowerCutResult> {
  const scratch = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'tasktrail-powercut-'));
  const finder = openFinder();
  try {
    const run = new Run(options, scratch, finder);
    for (let i = 0; i < options.workloads; i++) await run.workload(i);
    return run.result;
  } finally {
    finder.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

class Run {
  readonly #options: PowerCutOptions;
  readonly #scratch: string;
  readonly #finder: Finder;
  readonly #random: Random;
  #survivor: Survivor = { image: new Map(), timeline: new Timeline() };
  #operations = 0;
  #syncs = 0;
  #tables = 0;
  readonly #verdicts: Record<Verdict['kind'], number> = { sound: 0, refused: 0, missing: 0, wrong: 0 };
  readonly #faults: string[] = [];

  constructor(options: PowerCutOptions, scratch: string, finder: Finder) {
    this.#options = options;
    this.#scratch = scratch;
    this.#finder = finder;
    this.#random = seededRandom(options.seed);
  }

  get result(): PowerCutResult {
    return {
      operations: this.#operations,
      syncs: this.#syncs,
      tables: this.#tables,
      answered: this.#survivor.timeline.answered,
      verdicts: this.#verdicts,
      faults: this.#faults,
    };
  }

  /** One workload, and the images of its losses of power. */
  async workload(index: number): Promise<void> {
    const { images, syncs } = this.#options;
    const seed = this.#random.bits();
    const { image: before, timeline } = this.#survivor;
    const { operations, after } = this.#record(before, seed);
    const disk = new Disk(before, syncs);
    const cuts = Array.from({ length: images }, () => 1 + this.#random.below(operations.length));
    cuts.sort((a, b) => b - a);
    let sound = 0;
    for (const operation of operations) {
      this.#count(operation, disk);
      disk.apply(operation);
      if (operation.kind === 'note') timeline.take(operation.text, seed);
      for (; cuts.at(-1) === disk.at; cuts.pop()) {
        const image = disk.image(outage(this.#random, disk.at));
        const verdict = await this.#judge(image, timeline);
        this.#note(verdict, image, `workload ${index}, operation ${disk.at}`);
        if (verdict.kind !== 'sound') continue;
        sound += 1;
        // Each of them is as likely as the others.
        if (this.#random.below(sound) === 0) this.#survivor = { image, timeline: timeline.copy() };
      }
    }
    const difference = differenceOf(disk.image(keepsAll), after);
    if (difference !== undefined) throw new Error(`the shim has not seen all that was done to ${difference}`);
  }

  /** Runs the workload on what is there, and tells what it did and what is there then. */
  #record(before: Image, seed: number): { readonly operations: readonly Operation[]; readonly after: Image } {
    const root = join(this.#scratch, 'disk');
    const stream = join(this.#scratch, 'stream');
    putDown(before, root);
    const child = spawnSync(
      process.execPath,
      ['--import', 'tsx', workload, join(root, 'recording'), String(seed), String(this.#options.commits)],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          LD_PRELOAD: compileLibrary('powercut'),
          TASKTRAIL_SHIM_ROOT: root,
          TASKTRAIL_SHIM_STREAM: stream,
          // What goes to the kernel through a ring goes past every shim.
          UV_USE_IO_URING: '0',
        },
      },
    );
    if (child.status !== 0) throw new Error(`the workload of seed ${seed} failed: ${child.stderr}`);
    const recorded = { operations: [...operationsIn(readFileSync(stream))], after: imageOf(root) };
    rmSync(root, { recursive: true });
    return recorded;
  }

  async #judge(image: Image, timeline: Timeline): Promise<Verdict> {
    const root = join(this.#scratch, 'image');
    putDown(image, root);
    const finding = await this.#finder.ask(join(root, 'recording'));
    rmSync(root, { recursive: true });
    return timeline.verdictOn(finding);
  }

  #count(operation: Operation, disk: Disk): void {
    this.#operations += 1;
    if (operation.kind === 'synced') this.#syncs += 1;
    const isTable = operation.kind === 'open' && operation.path.endsWith('.ldb');
    if (isTable && !disk.holds(operation.path)) this.#tables += 1;
  }

  #note({ kind, why }: Verdict, image: Image, where: string): void {
    this.#verdicts[kind] += 1;
    if (kind !== 'missing' && kind !== 'wrong') return;
    this.#faults.push(`${where}: ${kind}: ${why}`);
    const { keep, seed } = this.#options;
    if (keep !== undefined) putDown(image, join(keep, `${seed}-${this.#faults.length}`));
  }
}
