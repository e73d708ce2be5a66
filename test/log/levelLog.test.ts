/** The log in LevelDB does what every log does, and what only a log on disk can. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RecordingHeldError, UnsoundLogError } from '../../src/log/errors.ts';
import { metaKey } from '../../src/log/keys.ts';
import { metaValue } from '../../src/log/levelStore.ts';
import { openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import type { EventLog } from '../../src/ports.ts';
import { openWorker } from '../../src/system/worker.ts';
import { collect, exit, readAll, readCommits, rejection, seqs, testContract } from './contract.ts';
import { changeLevel, makeRecording, Scratch } from './recordings.ts';

const levelLog = suite('level log');

const scratch = await Scratch.open();
levelLog.after(() => scratch.remove());

testContract(levelLog, () => openLevelLog({ folder: scratch.folder() }));

levelLog('what is closed is there when it is opened again, and goes on', async () => {
  const folder = scratch.folder();
  const events = await makeRecording(folder, 20);
  for (let i = 0; i < 3; i++) {
    const log = await openLevelLog({ folder });
    assert.equal(await readAll(log), events);
    assert.is(log.seq, events.length);
    assert.is(log.head.timeUs, events.at(-1)?.timeUs);
    events.push(...log.append([exit(i, log.head.timeUs)]));
    await log.close();
  }
  assert.is((await verifyLog({ folder })).events, events.length);
});

levelLog('what is appended while a write is in flight goes into the next one', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  const commits = [1, 2, 3, 4, 5].map((task) => {
    log.append([exit(task, task)]);
    return log.commit('written');
  });
  await Promise.all(commits);
  assert.equal((await readCommits(log, 1)).map(seqs), [[1], [2, 3, 4, 5]]);
  await log.close();
});

levelLog('the folder is made for its owner and group alone', async () => {
  const folder = join(scratch.folder(), 'deeper');
  const log = await openLevelLog({ folder });
  await log.close();
  assert.is((await stat(folder)).mode & 0o027, 0);
});

// Who else may have it open.

levelLog('a second log is told that the recording is held', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  const error = await openLevelLog({ folder: `${folder}/.` }).catch((reason: unknown) => reason);
  assert.instance(error, RecordingHeldError);
  assert.is((error as RecordingHeldError).pid, process.pid);
  log.append([exit(1, 1)]);
  await log.commit('synced');
  await log.close();
  await (await openLevelLog({ folder })).close();
});

levelLog('readers see what was just committed, on this thread and on others', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  const worker = await startReading(log, folder);
  const reader = await openLogReader({ folder });
  for (let seq = 2; seq < 60; seq++) {
    log.append([exit(seq, seq)]);
    await log.commit('written');
    assert.equal(seqs(await readAll(reader, seq - 1)), [seq - 1, seq]);
    assert.equal(await worker.ask(seq - 1), [seq - 1, seq]);
  }
  assert.is((await verifyLog(log)).seq, 59);
  await reader.close();
  assert.is(await worker.ask('close'), 'closed');
  await worker.terminate();
  await log.close();
});

levelLog('a reader alone marks nothing, and notices a log that ended further on', async () => {
  const folder = scratch.folder();
  const events = await makeRecording(folder, 5);
  const mark = join(folder, 'head.json');
  await rm(mark);
  const reader = await openLogReader({ folder });
  assert.equal(await readAll(reader), events);
  await reader.close();
  assert.not.ok(existsSync(mark));
  await writeFile(mark, `{"seq":${events.length + 1}}\n`);
  const error = await openLogReader({ folder }).catch((reason: unknown) => reason);
  assert.instance(error, UnsoundLogError);
});

levelLog('readers outlive a log that is closed before them', async () => {
  const folder = scratch.folder();
  // Opening turns this into a table, which is read through LevelDB's cache: what a close could take away.
  const { length } = await makeRecording(folder, 300);
  const log = await openLevelLog({ folder });
  const worker = await startReading(log, folder);
  const all = seqs(await readAll(log));
  await log.close();
  for (let i = 0; i < 3; i++) assert.equal(await worker.ask(1), all);
  await worker.terminate();
  const again = await openLevelLog({ folder });
  assert.is(again.seq, length + 1);
  await again.close();
});

interface ReadingWorker {
  ask(question: number | 'close'): Promise<unknown>;
  terminate(): Promise<unknown>;
}

/** A thread with a reader. There is one more event, so that there is something to read. */
async function startReading(log: EventLog, folder: string): Promise<ReadingWorker> {
  log.append([exit(1, log.head.timeUs + 1)]);
  await log.commit('written');
  const worker = openWorker('readingWorker', import.meta.url, folder);
  worker.ref();
  await once(worker, 'message');
  return {
    ask: async (question) => {
      worker.postMessage(question);
      const [answer] = await once(worker, 'message');
      return answer;
    },
    terminate: () => worker.terminate(),
  };
}

// What is no recording, or none of ours.

levelLog('a folder that is missing or empty is named, and stays as it is', async () => {
  const folder = scratch.folder();
  for (const open of [openLogReader, verifyLog]) {
    const message = await rejection(open({ folder }));
    assert.is(
      message,
      `there is no recording in ${folder}: begin one with \`tasktrail up --data ${folder}\``,
    );
  }
  await mkdir(folder);
  assert.match(await rejection(openLogReader({ folder })), /^there is no recording in/);
});

levelLog('a recording in which nothing was recorded is none, until something is', async () => {
  const folder = scratch.folder();
  await (await openLevelLog({ folder })).close();
  assert.match(await rejection(openLogReader({ folder })), /^there is no recording in/);
  const log = await openLevelLog({ folder });
  assert.is(log.seq, 0);
  await log.close();
});

levelLog('a file is no folder', async () => {
  const file = scratch.folder();
  await writeFile(file, '');
  for (const folder of [file, join(file, 'below')]) {
    assert.match(await rejection(openLevelLog({ folder })), /cannot hold a recording: it is not a folder/);
  }
});

levelLog('a newer format is refused by its number, and stays as it is', async () => {
  const folder = scratch.folder();
  await makeRecording(folder, 3);
  await changeLevel(folder, (level) => level.put(metaKey, metaValue({ format: 7, id: 'x' })));
  for (const open of [openLevelLog, openLogReader, verifyLog]) {
    const message = await rejection(open({ folder }));
    assert.is(
      message,
      `the recording in ${folder} is format 7, this tasktrail reads format 1: use a newer tasktrail`,
    );
  }
});

levelLog('the LevelDB of another program is left alone', async () => {
  const folder = scratch.folder();
  const level = new ClassicLevel(folder);
  await level.put('somebody', 'else');
  await level.close();
  assert.match(
    await rejection(openLevelLog({ folder })),
    /holds a LevelDB that is no recording of tasktrail/,
  );
});

levelLog('a folder that may not be entered or written is named, with why', async () => {
  const folder = scratch.folder();
  await makeRecording(folder, 3);
  await chmod(folder, 0o555);
  const message = await asNobody(() => rejection(openLevelLog({ folder })));
  assert.is(
    message,
    `the recording in ${folder} cannot be opened: permission denied; run tasktrail as its owner or as root`,
  );
});

/** Runs as a user without rights, where we have them all. */
async function asNobody<T>(body: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return body();
  process.seteuid?.(65534);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
  }
}

levelLog(
  'a reading that is under way when the log is closed ends with an error, not in silence',
  async () => {
    const folder = scratch.folder();
    const log = await openLevelLog({ folder });
    for (let i = 0; i < 1500; i++) log.append([exit(i, i)]);
    await log.commit('written');
    const reading = log.read(1);
    await log.close();
    assert.match(await rejection(collect(reading)), /is closed/);
  },
);

levelLog.run();
