/**
 * Random facts of every type: fields hold any value of their kind, the extremes often. They make no story
 * (ids name nothing); they are for what stores and shows events.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { EventType, Fact } from '../../events/event.ts';
import { type Kind, type KindValues, layouts, type WordKind, words } from '../../events/layout.ts';
import type { Stamped } from '../../src/ports.ts';
import type { Random } from '../../src/random.ts';

export const eventTypes = Object.keys(layouts) as readonly EventType[];

/** A fact of this type, else of any. */
export function randomFact(random: Random, type: EventType = random.pick(eventTypes)): Fact {
  const fields = Object.entries<Kind>(layouts[type].fields);
  const values = fields.map(([name, kind]) => [name, generators[kind](random)] as const);
  return { type, ...Object.fromEntries(values) } as Fact;
}

/** Facts with times from `sinceUs` on that never decrease. */
export function randomStamped(random: Random, count: number, sinceUs: number): Stamped[] {
  let timeUs = sinceUs;
  return Array.from({ length: count }, () => {
    timeUs += random.chance(0.3) ? 0 : random.below(2 ** random.below(32));
    return { fact: randomFact(random), timeUs, skewUs: random.chance(0.8) ? 0 : 0 - random.below(1000) };
  });
}

const generators: { readonly [K in Kind]: (random: Random) => KindValues[K] } = {
  uint: randomUint,
  uints: (random) => Array.from({ length: random.below(4) }, () => randomUint(random)),
  int: (random) => {
    const size = Math.floor(randomUint(random) / 2);
    return random.chance(0.5) ? size : -1 - size;
  },
  flag: (random) => random.chance(0.5),
  bytes: randomBytes,
  text: (random) =>
    random.pick(['', 'a', 'ENOENT', 'Grüße', '\ufeff', '\0', '容器', '🙂'.repeat(random.below(40))]),
  by: (random) => ({
    task: randomUint(random),
    pid: randomUint(random),
    uid: randomUint(random),
    gid: randomUint(random),
  }),
  certainty: (random) => randomWord(random, 'certainty'),
  reason: (random) => randomWord(random, 'reason'),
  cause: (random) => randomWord(random, 'cause'),
  node: (random) => randomWord(random, 'node'),
};

/** Any number of bits is as likely as any other; the ends of each length come up often. */
function randomUint(random: Random): number {
  const limit = 2 ** random.below(54);
  if (random.chance(0.2)) return limit - 1;
  if (random.chance(0.2)) return Math.min(limit, Number.MAX_SAFE_INTEGER);
  return Math.floor((random.bits() / 2 ** 32) * limit);
}

function randomBytes(random: Random): Bytes {
  const length = random.pick([0, 1, 4, 15, random.below(300)]);
  return String.fromCharCode(...Array.from({ length }, () => random.below(256)));
}

function randomWord<K extends WordKind>(random: Random, kind: K): KindValues[K] {
  return random.pick(Object.keys(words[kind]) as KindValues[K][]);
}
