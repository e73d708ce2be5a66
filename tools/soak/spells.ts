/**
 * The tasks of a soak: one storm follows the other, each in a container of its own, where it waits for its time. So
 * what somebody else disturbs spoils the count of one spell, and not of all.
 */
import { setTimeout } from 'node:timers/promises';
import type { Stage } from '../recording.ts';
import { type Check, steadyPhase } from '../storm/phases.ts';
import type { Tallies } from '../storm/tally.ts';

/** How long a spell is, and how many there are at least. */
const spellSeconds = 60;
const leastSpells = 3;
/** The part of them that may be spoiled. */
const spoiledPart = 1 / 3;
/** What is told of a disturbance may be so much before or after it. */
const slackUs = 1_000_000;

interface Spell {
  readonly name: string;
  readonly fromUs: number;
  readonly toUs: number;
  checks(tallies: Tallies): Check[];
}

export class Spells {
  /** The paths of their containers: a task waits in each when they are ready. */
  readonly paths: readonly string[];
  readonly #ended: Promise<Spell[]>;

  /** Begins; it ends by itself after so many seconds. */
  constructor(stage: Stage, eventsPerSecond: number, seconds: number) {
    const eachSeconds = Math.min(spellSeconds, seconds / leastSpells);
    const count = Math.ceil(seconds / eachSeconds);
    const names = Array.from({ length: count }, (_, i) => `spell${i + 1}`);
    this.paths = names.map((name) => `/${name}`);
    const spells = names.map(async (name, i) => {
      const phase = steadyPhase(name, eventsPerSecond);
      const begin = setTimeout(1000 * eachSeconds * i);
      const begun = begin.then(() => Date.now() * 1000);
      const checks = await phase.run(stage, eachSeconds, { begin });
      return { name, fromUs: await begun, toUs: Date.now() * 1000, checks };
    });
    this.#ended = Promise.all(spells);
    // What is wrong with one is told to whoever waits for all.
    this.#ended.catch(() => {});
  }

  /** Resolves at the end of the last, to what is to be checked of the log. */
  async checks(): Promise<(tallies: Tallies) => Check[]> {
    const spells = await this.#ended;
    return (tallies) => {
      const isSpoiled = ({ fromUs, toUs }: Spell): boolean =>
        tallies.disturbances.some((each) => each.fromUs - slackUs <= toUs && each.toUs + slackUs >= fromUs);
      const whole = spells.filter((spell) => !isSpoiled(spell));
      const spoiled = spells.length - whole.length;
      const limit = Math.floor(spells.length * spoiledPart);
      return [
        {
          of: 'deeds',
          what: `spells that process 1 has spoiled, of ${spells.length}`,
          expected: `≤ ${limit}`,
          found: spoiled,
          right: spoiled <= limit,
        },
        ...summed(whole.map(({ name, checks }) => ({ name, checks: checks(tallies) }))),
      ];
    };
  }
}

/** The same numbers of all of them together, and alone those that are wrong. */
function summed(spells: readonly { readonly name: string; readonly checks: readonly Check[] }[]): Check[] {
  const sums = new Map<string, Check>();
  const wrong: Check[] = [];
  for (const { name, checks } of spells) {
    for (const check of checks) {
      const { what, expected, found, right } = check;
      const sum = sums.get(what);
      sums.set(what, {
        ...check,
        expected: String(Number(sum?.expected ?? 0) + Number(expected)),
        found: (sum?.found ?? 0) + found,
        right: (sum?.right ?? true) && right,
      });
      if (!right) wrong.push({ ...check, what: `${what}, in ${name}` });
    }
  }
  return [...sums.values(), ...wrong];
}
