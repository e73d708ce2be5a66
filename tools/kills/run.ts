/**
 * One run of kills: processes go on with a recording one after the other, and each is killed in the middle of what was
 * chosen by chance. When a story is told to its end, another recording is begun with another one, every other time as
 * one of format 0.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { place } from '../../events/codec.ts';
import { World } from '../../projections/world.ts';
import { ByproductCheck } from '../../src/archive/byproducts.ts';
import { openWorld } from '../../src/engine/openWorld.ts';
import { metaKey } from '../../src/log/keys.ts';
import { metaValue } from '../../src/log/levelStore.ts';
import { openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import type { Stamped } from '../../src/ports.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { changeLevel } from '../../test/log/recordings.ts';
import { recordStory } from '../../test/support/stories.ts';
import { scale } from '../damage/scale.ts';
import { storyOf } from './story.ts';

export interface KillsResult {
  /** How often what was killed, in words. */
  readonly tally: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const phases = ['append', 'seal', 'snapshot', 'retain'] as const;
const mostOften = 6;
const longestMs = 6;
/** Events of a recording that begins as one of format 0. */
const olderEvents = 5000;
const victim = fileURLToPath(new URL('./victim.ts', import.meta.url));

export async function runKills({ seed, times }: { seed: number; times: number }): Promise<KillsResult> {
  const root = mkdtempSync(join(tmpdir(), 'tasktrail-kills-'));
  try {
    const kills = new Kills(root, seededRandom(seed));
    await kills.begin();
    for (let i = 0; i < times; i++) await kills.kill(i);
    return kills;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

class Kills implements KillsResult {
  readonly tally: Record<string, number> = {};
  readonly wrong: string[] = [];
  readonly #random: Random;
  readonly #root: string;
  #recordings = 0;
  #seed = 0;
  #story: readonly Stamped[] = [];
  /** What the story comes to, as far as it was found on the disk. */
  #world = new World();
  #answeredSeq = 0;

  constructor(root: string, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  get #folder(): string {
    return join(this.#root, String(this.#recordings));
  }

  get #isOlder(): boolean {
    return this.#recordings % 2 === 1;
  }

  /** Begins another recording. */
  async begin(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    this.#recordings += 1;
    this.#seed = this.#random.below(1000);
    this.#story = await storyOf(this.#seed);
    this.#world = new World();
    this.#answeredSeq = 0;
    const log = await openLevelLog({ folder: this.#folder });
    await recordStory(log, this.#story.slice(0, this.#isOlder ? olderEvents : 1));
    this.#answeredSeq = log.seq;
    await log.close();
    if (!this.#isOlder) return;
    const older = metaValue({ format: 0, id: this.#world.chronicle.recording });
    await changeLevel(this.#folder, (level) => level.put(metaKey, older));
  }

  async kill(number: number): Promise<void> {
    // That comes once, before all else.
    const isUpgrade = this.#isOlder && this.#world.chronicle.seq === 0;
    const phase = isUpgrade ? 'upgrade' : this.#random.pick(phases);
    const killed = await this.#killIn(phase, 1 + this.#random.below(mostOften));
    const what = killed === undefined ? 'ended' : `while it was at ${killed}`;
    this.tally[what] = (this.tally[what] ?? 0) + 1;
    const where = `kill ${number}, ${what}, recording ${this.#recordings} of story ${this.#seed}`;
    await this.#look(where);
    if (killed === undefined) await this.begin();
  }

  /** What it said last before it was killed; undefined where it came to its end. */
  async #killIn(phase: string, often: number): Promise<string | undefined> {
    const child = spawn(process.execPath, ['--import', 'tsx', victim, this.#folder, String(this.#seed)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let last = '';
    let left = phase === 'upgrade' ? 1 : often;
    for await (const line of createInterface({ input: child.stdout })) {
      const [word = '', seq] = line.split(' ');
      if (seq !== undefined) this.#answeredSeq = Math.max(this.#answeredSeq, Number(seq));
      else last = word;
      if (word === 'aside') this.wrong.push(`something of recording ${this.#recordings} was set aside`);
      if (word !== phase) continue;
      left -= 1;
      if (left > 0) continue;
      await sleep(this.#random.below(longestMs));
      child.kill('SIGKILL');
    }
    const [code] = await ended;
    if (code !== null && code !== 0) this.wrong.push(`the process ended with ${code}`);
    return code === null ? last : undefined;
  }

  async #look(where: string): Promise<void> {
    const wrong = (why: string): unknown => this.wrong.push(`${where}: ${why}`);
    const {
      seq,
      unsound,
      flaws = [],
    } = await verifyLog({ folder: this.#folder }, { byproducts: new ByproductCheck(scale) });
    if (unsound) wrong(`not sound from seq ${unsound.seq} on: ${unsound.why}`);
    for (const flaw of flaws) wrong(`${flaw.kind} at #${flaw.seq}: ${flaw.why}`);
    if (seq < this.#answeredSeq) wrong(`#${this.#answeredSeq} was answered, and #${seq} is the last`);
    for (let next = this.#world.chronicle.seq + 1; next <= seq; next++) this.#tell(next);
    const reader = await openLogReader({ folder: this.#folder });
    try {
      const world = await openWorld(reader);
      if (!isDeepStrictEqual(world.dump(), this.#world.dump())) wrong('what it comes to is something else');
      const isNewer = (await reader.lastBlock()) !== undefined;
      if (isNewer && reader.store.meta?.format !== 1) wrong('it has blocks, and is of format 0');
    } finally {
      await reader.close();
    }
  }

  #tell(seq: number): void {
    const stamped = this.#story[seq - 1];
    if (stamped) this.#world.apply(place(stamped.fact, seq, stamped.timeUs, stamped.skewUs));
  }
}
