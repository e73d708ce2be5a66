/**
 * Setting aside: a recording that is not what was written goes on behind what is sound of it, and all that was there is
 * still there, in a folder of its own.
 */

import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { blockEvents } from '../../src/log/block.ts';
import { UnsoundLogError } from '../../src/log/errors.ts';
import { allChunks, allCommits, blockKey, commitKey, metaKey } from '../../src/log/keys.ts';
import { type LevelLog, openLevelLog, verifyLog } from '../../src/log/openLog.ts';
import { setAsideIn } from '../../src/log/setAside.ts';
import type { SetAside } from '../../src/ports.ts';
import { readAll, seqs } from './contract.ts';
import {
  changeFile,
  changeLevel,
  commitAt,
  fileOf,
  filesOf,
  makeTables,
  makeTwins,
  Scratch,
} from './recordings.ts';
import { commitRandom, sealAll } from './sealed.ts';

const aside = suite('set aside');
const scratch = await Scratch.open();
aside.after(() => scratch.remove());

const setAsideUs = Date.UTC(2026, 10, 24, 3, 12) * 1000;

const { fresh, settled, events } = await makeTwins(scratch);

/** A closed recording of six blocks and a tail. */
const sealedFolder = scratch.folder();
const sealedEvents = await (async () => {
  const log = await openLevelLog({ folder: sealedFolder });
  const made = await commitRandom(log, 3, 6 * blockEvents + 300, 500);
  await sealAll(log);
  log.setCursor('somewhere');
  await log.close();
  return made;
})();

/**
 * Opens a damaged recording, writes to it and opens it again: what is sound is there and goes on, what was there is kept,
 * and is kept once.
 */
async function goesOn(folder: string, whole: readonly Event[], damagedLog = false): Promise<LevelLog> {
  const before = await filesOf(folder, /\.(log|ldb)$/);
  const bytes = await Promise.all(before.map((name) => readFile(join(folder, name))));
  const log = await openLevelLog({ folder, setAsideUs });
  const { aside: found } = log;
  assert.ok(found, 'something is set aside');
  assert.is(found?.seq, log.seq + 1);
  assert.is(found?.folder, join(log.folder, `unsound-${log.seq + 1}-20261124T031200Z`));
  const there = await readdir(found?.folder ?? '');
  for (const [i, name] of before.entries()) {
    // What LevelDB could open it has rearranged by then: log files have become a table, and tables another one.
    if (!there.includes(name) && !damagedLog) continue;
    assert.ok((await readFile(join(found?.folder ?? '', name))).equals(bytes[i] ?? Buffer.of()), name);
  }
  const kept = await readAll(log);
  assert.equal(kept, whole.slice(0, log.seq));
  assert.is(log.writtenCursor, '');
  const more = await commitRandom(log, 9, 3000, 200);
  await sealAll(log);
  await log.close();
  const again = await openLevelLog({ folder, setAsideUs: setAsideUs + 1e9 });
  assert.is(again.aside, undefined);
  assert.equal(await readAll(again), [...kept, ...more]);
  assert.is((await verifyLog(again)).unsound, undefined);
  assert.is(setAsideIn(folder).length, 1);
  await again.close();
  return log;
}

/** The seq that it goes on with. */
async function goesOnFrom(
  from: string,
  damage: (folder: string) => Promise<unknown>,
  whole: readonly Event[] = events,
): Promise<SetAside> {
  const folder = await scratch.copy(from);
  await damage(folder);
  const { aside: found } = await goesOn(folder, whole, from === fresh);
  if (!found) throw new Error('nothing is set aside');
  return found;
}

aside('damage in the middle of a log file of LevelDB costs what is behind it', async () => {
  for (const part of [0.1, 0.5, 0.9]) {
    const found = await goesOnFrom(fresh, async (folder) => {
      const path = await fileOf(folder, /\.log$/);
      await changeFile(path, (bytes) => {
        const at = Math.floor(part * bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ 4;
        return bytes;
      });
    });
    assert.ok(found.seq > 1 || part < 0.2, `from seq ${found.seq}`);
    assert.match(found.why, /^the file \d+\.log is damaged/);
    assert.is(found.lastSeq, events.length);
  }
});

aside('a commit that is missing, or another, costs what is behind it', async () => {
  const level = 20;
  const first = events[level]?.seq ?? 0;
  const starts: number[] = [];
  await changeLevel(await scratch.copy(settled), async (db) => {
    for await (const key of db.keys(allCommits)) starts.push(Buffer.from(key).readUIntBE(3, 6));
  });
  const commit = starts.findLast((seq) => seq <= first) ?? 0;
  const missing = await goesOnFrom(settled, (folder) =>
    changeLevel(folder, (db) => db.del(commitKey(commit))),
  );
  assert.equal([missing.seq, missing.lastSeq], [commit, events.length]);
  const other = await goesOnFrom(settled, (folder) =>
    changeLevel(folder, async (db) => {
      const value = await commitAt(db, commit);
      await db.put(
        commitKey(commit),
        value.map((byte, i) => (i === value.length - 1 ? byte ^ 1 : byte)),
      );
    }),
  );
  assert.is(other.seq, commit);
  const last = starts.at(-1) ?? 0;
  const end = await goesOnFrom(settled, (folder) => changeLevel(folder, (db) => db.del(commitKey(last))));
  assert.equal([end.seq, end.lastSeq], [last, events.length]);
});

aside('a damaged mark costs nothing', async () => {
  const found = await goesOnFrom(settled, (folder) =>
    changeFile(join(folder, 'head.json'), () => Buffer.from('{')),
  );
  assert.is(found.seq, events.length + 1);
});

aside('what LevelDB cannot open is made anew out of what is there', async () => {
  const damages: Record<string, (folder: string) => Promise<unknown>> = {
    'no format': (folder) => changeLevel(folder, (db) => db.del(metaKey)),
    'another format': (folder) => changeLevel(folder, (db) => db.put(metaKey, Uint8Array.of(1))),
    'no CURRENT': (folder) => rm(join(folder, 'CURRENT')),
    'no MANIFEST': async (folder) => rm(await fileOf(folder, /^MANIFEST/)),
    'another MANIFEST': async (folder) =>
      changeFile(await fileOf(folder, /^MANIFEST/), (bytes) => bytes.map((byte) => byte ^ 0x55)),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const found = await goesOnFrom(settled, damage);
    assert.is(found.seq, events.length + 1, name);
  }
  const lost = await goesOnFrom(settled, async (folder) => rm(await fileOf(folder, /\.ldb$/)));
  assert.equal([lost.seq, lost.lastSeq], [1, events.length]);
});

function damageBlock(number: number) {
  return (folder: string) =>
    changeLevel(folder, async (db) => {
      const value = (await db.get(blockKey(number))) ?? new Uint8Array();
      await db.put(
        blockKey(number),
        value.map((byte, i) => (i === 300 ? byte ^ 1 : byte)),
      );
    });
}

aside('a last block that is damaged costs what no whole commit before it has', async () => {
  const found = await goesOnFrom(sealedFolder, damageBlock(5), sealedEvents);
  assert.ok(found.seq <= 5 * blockEvents + 1 && found.seq > 5 * blockEvents - 500, `from seq ${found.seq}`);
  assert.is(found.lastSeq, sealedEvents.length);
  const both = await goesOnFrom(
    sealedFolder,
    async (folder) => {
      for (const number of [5, 4]) await damageBlock(number)(folder);
    },
    sealedEvents,
  );
  assert.ok(both.seq <= 4 * blockEvents + 1 && both.seq > 4 * blockEvents - 500, `from seq ${both.seq}`);
  const all = await goesOnFrom(
    sealedFolder,
    async (folder) => {
      for (let number = 0; number < 6; number++) await damageBlock(number)(folder);
    },
    sealedEvents,
  );
  assert.is(all.seq, 1);
});

aside(
  'a part of the dictionary that is damaged is told when it is read, and others are stored elsewhere',
  async () => {
    const folder = await scratch.copy(sealedFolder);
    await changeLevel(folder, async (db) => {
      for await (const [key, value] of db.iterator({ ...allChunks })) await db.put(key, value.reverse());
    });
    const log = await openLevelLog({ folder, setAsideUs });
    assert.is(log.aside, undefined);
    const firstSeq = log.seq + 1;
    const more = await commitRandom(log, 9, 3000, 200);
    await sealAll(log);
    assert.ok(log.sealedSeq > firstSeq + 1024);
    assert.equal(await readAll(log, firstSeq + blockEvents), more.slice(blockEvents));
    await firstUnsound(log);
    await log.close();
  },
);

aside('what only a reading finds is set aside as well', async () => {
  const folder = await scratch.copy(sealedFolder);
  await damageBlock(3)(folder);
  const log = await openLevelLog({ folder });
  const error = await readAll(log).catch((reason: unknown) => reason);
  assert.instance(error, UnsoundLogError);
  await log.close();
  const again = await openLevelLog({ folder, setAsideUs, unsound: error as UnsoundLogError });
  const { seq } = again;
  assert.ok(seq <= 3 * blockEvents && seq > 3 * blockEvents - 500, `up to seq ${seq}`);
  assert.equal([again.aside?.seq, again.aside?.lastSeq], [seq + 1, sealedEvents.length]);
  assert.equal(await readAll(again), sealedEvents.slice(0, seq));
  assert.is((await verifyLog(again)).unsound, undefined);
  await again.close();
});

aside('a block in the middle that is damaged is told when it is read, and stops nothing', async () => {
  const folder = await scratch.copy(sealedFolder);
  await damageBlock(2)(folder);
  const log = await openLevelLog({ folder, setAsideUs });
  assert.is(log.aside, undefined);
  await commitRandom(log, 9, 2000, 200);
  await sealAll(log);
  assert.is((await verifyLog(log)).unsound?.seq, await firstUnsound(log));
  assert.equal(seqs(await readAll(log, 3 * blockEvents + 1))[0], 3 * blockEvents + 1);
  await log.close();
});

async function firstUnsound(log: LevelLog): Promise<number> {
  try {
    for await (const _ of log.read(1));
  } catch (error) {
    if (error instanceof UnsoundLogError) return (await verifyLog(log)).unsound?.seq ?? 0;
  }
  return assert.unreachable('the block is read') as never;
}

/** One table with everything, of which a byte far behind its beginning is another. */
async function withDamagedTable(): Promise<string> {
  const folder = await scratch.copy(sealedFolder);
  await makeTables(folder);
  await changeFile(await fileOf(folder, /\.ldb$/), (bytes) => {
    // Blocks come first.
    const at = bytes.length >> 3;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  });
  return folder;
}

aside(
  'a table that is damaged is looked at only after a beginning that came to no end, and loses what is damaged',
  async () => {
    const folder = await withDamagedTable();
    const name = basename(await fileOf(folder, /\.ldb$/));
    const trusting = await scratch.copy(folder);
    const log = await openLevelLog({ folder: trusting, setAsideUs });
    assert.is(log.aside, undefined);
    assert.ok(existsSync(join(trusting, 'beginning')));
    await log.close();
    assert.not(existsSync(join(trusting, 'beginning')));
    await writeFile(join(folder, 'beginning'), '');
    const again = await openLevelLog({ folder, setAsideUs });
    assert.match(
      again.aside?.why ?? '',
      new RegExp(`^the file ${name} is damaged: at byte \\d+ a checksum does not fit$`),
    );
    // What is behind the damage is there, and what it hit is missing.
    const missing = (await verifyLog(again)).unsound;
    assert.match(missing?.why ?? '', /missing/);
    const behind = blockEvents * 5 + 1;
    assert.equal(await readAll(again, behind), sealedEvents.slice(behind - 1));
    await again.hasBegun();
    assert.not(existsSync(join(folder, 'beginning')));
    await again.close();
  },
);

aside(
  'a check tells of a damaged table before LevelDB is let at it, and has the next start look as well',
  async () => {
    const folder = await withDamagedTable();
    const { unsound } = await verifyLog({ folder });
    assert.match(unsound?.why ?? '', /^the file \d+\.ldb is damaged: at byte \d+ a checksum does not fit$/);
    assert.ok(
      unsound && unsound.seq > blockEvents && unsound.seq < 5 * blockEvents,
      `from seq ${unsound?.seq}`,
    );
    const log = await openLevelLog({ folder, setAsideUs });
    assert.ok(log.aside);
    await log.close();
  },
);

aside('where that was stopped in the middle, the next start goes on with it', async () => {
  const folder = await scratch.copy(settled);
  await changeLevel(folder, (db) => db.clear({ ...allCommits, gte: commitKey(30) }));
  await mkdir(join(folder, 'unsound.new'));
  const copy = await scratch.copy(folder);
  const log = await goesOn(folder, events);
  assert.equal(await filesOf(folder, /^unsound/), [`unsound-${log.aside?.seq}-20261124T031200Z`]);
  await cp(await fileOf(copy, /\.ldb$/), join(copy, 'unsound', '000001.ldb'));
  await rm(join(copy, 'unsound.new'), { recursive: true });
  await rm(join(copy, 'head.json'));
  const again = await openLevelLog({ folder: copy, setAsideUs });
  assert.match(again.aside?.why ?? '', /earlier start/);
  assert.equal(await readdir(again.aside?.folder ?? ''), ['000001.ldb']);
  assert.is((await filesOf(copy, /^unsound/)).length, 1);
  await again.close();
});

aside('nothing is set aside of what is sound, nor for who does not ask for it', async () => {
  const folder = await scratch.copy(settled);
  await (await openLevelLog({ folder, setAsideUs })).close();
  assert.equal(setAsideIn(folder), []);
  await changeLevel(folder, (db) => db.del(commitKey(1)));
  const before = await readdir(folder);
  const error = await openLevelLog({ folder }).catch((reason: unknown) => reason);
  assert.instance(error, UnsoundLogError);
  assert.equal(
    (await readdir(folder)).filter((name) => /unsound/.test(name)),
    [],
  );
  assert.ok(before.length > 0);
});

aside.run();
