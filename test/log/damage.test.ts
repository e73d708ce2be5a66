/**
 * Damage on disk: a recording opens with every event that was committed, or says which seq it is not sound
 * from, and why. It never opens with less, or with something else.
 */

import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { UnsoundLogError } from '../../src/log/errors.ts';
import { commitKey, metaKey } from '../../src/log/keys.ts';
import { metaValue } from '../../src/log/levelStore.ts';
import { verifyLog } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import {
  changeFile,
  changeLevel,
  commitAt,
  fileOf,
  filesOf,
  makeRecording,
  makeTwins,
  openedEvents,
  Scratch,
} from './recordings.ts';

const damage = suite('damage');

const scratch = await Scratch.open();
damage.after(() => scratch.remove());

const { fresh, settled, events } = await makeTwins(scratch);

/** Which files of which recording are to be damaged. */
const inLog = [fresh, /\.log$/] as const;
const inTable = [settled, /\.ldb$/] as const;
const inManifest = [settled, /^MANIFEST/] as const;

/** Opens a copy that was changed; an unsound one is unsound from a seq that there is, or right behind. */
async function opened(
  from: string,
  change: (folder: string) => Promise<unknown>,
): Promise<Event[] | UnsoundLogError> {
  const folder = await scratch.copy(from);
  await change(folder);
  const result = await openedEvents(folder);
  await rm(folder, { recursive: true });
  if (Array.isArray(result)) return result;
  assert.instance(result, UnsoundLogError, result.message);
  return result as UnsoundLogError;
}

/** The error of a change that must not go unnoticed. */
async function unsound(from: string, change: (folder: string) => Promise<unknown>): Promise<UnsoundLogError> {
  const result = await opened(from, change);
  return result instanceof UnsoundLogError ? result : (assert.unreachable('it opened') as never);
}

function changing(pattern: RegExp, change: (bytes: Buffer) => Uint8Array): (folder: string) => Promise<void> {
  return async (folder) => changeFile(await fileOf(folder, pattern), change);
}

function flip(bytes: Buffer, at: number, bit: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ bit;
  return bytes;
}

for (const [from, pattern] of [inLog, inTable, inManifest]) {
  damage(`a flipped bit in a file like ${pattern} is noticed, or costs nothing`, async () => {
    const random = seededRandom(3);
    let noticed = 0;
    for (let i = 0; i < 80; i++) {
      const [place, bit] = [random.bits(), 1 << random.below(8)];
      const result = await opened(
        from,
        changing(pattern, (bytes) => flip(bytes, place % bytes.length, bit)),
      );
      if (result instanceof UnsoundLogError) noticed += 1;
      else assert.equal(result, events, `bit ${bit} at ${place}`);
    }
    assert.ok(noticed > 25, `only ${noticed} of 80 were noticed`);
  });
}

for (const [from, pattern] of [inLog, inTable]) {
  damage(`a file like ${pattern} that was cut short is noticed`, async () => {
    const { length } = await readFile(await fileOf(from, pattern));
    for (let left = 0; left < length; left += Math.ceil(length / 40)) {
      await unsound(from, async (folder) => truncate(await fileOf(folder, pattern), left));
    }
  });

  damage(`a missing file like ${pattern} is noticed`, async () => {
    const error = await unsound(from, async (folder) => rm(await fileOf(folder, pattern)));
    assert.is(error.seq, 1);
  });
}

for (const name of ['CURRENT', 'MANIFEST']) {
  damage(`a missing ${name} is noticed, and LevelDB deletes nothing`, async () => {
    const folder = await scratch.copy(settled);
    await rm(await fileOf(folder, new RegExp(`^${name}`)));
    const tables = await filesOf(folder, /\.ldb$/);
    for (let i = 0; i < 2; i++) assert.instance(await openedEvents(folder), UnsoundLogError);
    assert.equal(await filesOf(folder, /\.ldb$/), tables);
  });
}

damage(
  'damage in a log file is told with the last sound seq before it, and the file stays as it is',
  async () => {
    const folder = await scratch.copy(fresh);
    const file = await fileOf(folder, /\.log$/);
    await changeFile(file, (bytes) => flip(bytes, bytes.length - 1, 1));
    const before = await readFile(file);
    const result = await openedEvents(folder);
    assert.instance(result, UnsoundLogError);
    const { seq, why } = result as UnsoundLogError;
    assert.ok(events.some((event) => event.seq === seq) && seq > events.length - 5, `seq ${seq}`);
    assert.match(
      why,
      new RegExp(`^the file ${basename(file)} is damaged: at byte \\d+ a checksum does not fit$`),
    );
    assert.equal(await readFile(file), before);
    const checked = await verifyLog({ folder });
    assert.equal([checked.events, checked.seq, checked.unsound], [0, 0, { seq, why }]);
  },
);

damage('a removed commit is told by its seqs', async () => {
  const [first, next] = await boundaries(5);
  const error = await unsound(settled, (folder) =>
    changeLevel(folder, (level) => level.del(commitKey(first))),
  );
  assert.is(error.seq, first);
  const gap = next - first === 1 ? `seq ${first} is missing` : `seqs ${first} to ${next - 1} are missing`;
  assert.is(error.why, gap);
  assert.match(
    error.message,
    /is not sound from seq \d+ on: .*; nothing was changed: .* `tasktrail verify --data \/.*`$/,
  );
});

damage('commits missing from the end are told', async () => {
  const [first] = await boundaries(1);
  const error = await unsound(settled, (folder) =>
    changeLevel(folder, (level) => level.del(commitKey(first))),
  );
  assert.is(error.seq, first);
  assert.match(error.why, /missing at the end$/);
});

damage('swapped commits are told', async () => {
  const [first, next] = await boundaries(6);
  const error = await unsound(settled, (folder) =>
    changeLevel(folder, async (level) => {
      const values = [await commitAt(level, first), await commitAt(level, next)] as const;
      await level.put(commitKey(first), values[1]);
      await level.put(commitKey(next), values[0]);
    }),
  );
  assert.is(error.seq, first);
  assert.match(error.why, /hash differs/);
});

damage('a commit of another recording is told', async () => {
  const other = scratch.folder();
  await makeRecording(other, 40, 2);
  let strange = new Uint8Array(0) as Uint8Array;
  await changeLevel(other, async (level) => {
    strange = await commitAt(level, 1);
  });
  const error = await unsound(settled, (folder) =>
    changeLevel(folder, (level) => level.put(commitKey(1), strange)),
  );
  assert.ok(error.seq <= 5, `seq ${error.seq}`);
});

damage('what says the format is told when it is missing or damaged', async () => {
  const missing = await unsound(settled, (folder) => changeLevel(folder, (level) => level.del(metaKey)));
  assert.match(missing.why, /format is missing/);
  const damaged = await unsound(settled, (folder) =>
    changeLevel(folder, (level) => level.put(metaKey, metaValue({ format: 0, id: '' }).subarray(1))),
  );
  assert.match(damaged.why, /format is damaged/);
});

damage('a damaged mark is told', async () => {
  const error = await unsound(settled, (folder) => writeFile(join(folder, 'head.json'), '{"seq":4'));
  assert.is(error.seq, events.length + 1);
  assert.match(error.why, /head\.json/);
});

damage('verify counts what is sound and says what is not', async () => {
  const [first] = await boundaries(5);
  const folder = await scratch.copy(settled);
  const whole = await verifyLog({ folder });
  assert.equal([whole.events, whole.commits, whole.seq], [events.length, 40, events.length]);
  assert.is(whole.unsound, undefined);
  await changeLevel(folder, (level) => level.del(commitKey(first)));
  const steps: number[] = [];
  const broken = await verifyLog({ folder }, { progress: (seq) => steps.push(seq) });
  assert.equal([broken.events, broken.commits, broken.seq], [first - 1, 35, first - 1]);
  assert.is(broken.unsound?.seq, first);
  assert.is(steps.at(-1), first - 1);
  assert.is(steps.length, 35);
});

/** The first seq of the commit that is `fromEnd` commits before the end, and of the one after it. */
async function boundaries(fromEnd: number): Promise<[number, number]> {
  const firsts: number[] = [];
  await changeLevel(await scratch.copy(settled), async (level) => {
    for (const { seq } of events) if ((await level.get(commitKey(seq))) !== undefined) firsts.push(seq);
  });
  const at = firsts.length - fromEnd;
  return [firsts[at] ?? 0, firsts[at + 1] ?? events.length + 1];
}

damage.run();
