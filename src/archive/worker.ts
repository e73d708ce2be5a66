/**
 * The archive's worker thread: opens the log beside the recorder, reads it from its first event on, and
 * writes what was asked for as NDJSON, a chunk whenever one is wanted.
 */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogQuery } from '../engine/history.ts';
import { answerInPast } from '../engine/past.ts';
import type { VerifyQuery } from '../engine/reader.ts';
import { Story } from '../engine/story.ts';
import { exportOf } from '../log/exporter.ts';
import type { LevelReader } from '../log/levelReader.ts';
import { openLogReader } from '../log/openLog.ts';
import type { LogReader } from '../ports.ts';
import { threadId } from '../system/thread.ts';
import type { Chunk, Notice, Task } from './archive.ts';
import { verifyRecording } from './verifying.ts';

/** A chunk is sent when it has grown to this, or when there is nothing more for now. */
const chunkChars = 64 * 1024;

/** How far a check is told whenever so many more events have been found sound. */
const progressEvents = 65_536;

// Whoever asks for the past waits for it a little longer than what happens now has to wait for being recorded.
setPriority(threadId(), constants.priority.PRIORITY_LOW);

const { folder, errand } = workerData as Task;
const notices = { more: 0, grown: 0 };
let noticed = (): void => {};

parentPort?.on('message', (notice: Notice) => {
  notices[notice] += 1;
  noticed();
});

try {
  switch (errand.kind) {
    case 'log':
      await withLog((log) => tell(log, errand.query));
      break;
    case 'past':
      await withLog(async (log) => {
        const answer = await answerInPast(log, errand.question, errand.instant, errand.endUs);
        await send({ lines: `${JSON.stringify(answer)}\n` });
      });
      break;
    case 'verify':
      await verify(errand.query);
      break;
    case 'export':
      await withLog(async (log) => {
        for await (const bytes of exportOf(log)) await send({ bytes });
      });
  }
  await send('end');
} catch (error) {
  await send({ error: error instanceof Error ? error.message : String(error) });
}

/** LevelDB has to be let go of here before the recorder's own thread does. */
async function withLog(use: (log: LevelReader) => Promise<void>): Promise<void> {
  const log = await openLogReader({ folder });
  try {
    await use(log);
  } finally {
    await log.close();
  }
}

async function tell(log: LogReader, query: LogQuery): Promise<void> {
  const story = new Story(query);
  let lines = '';
  const flush = async (): Promise<void> => {
    if (lines === '') return;
    await send({ lines });
    lines = '';
  };
  if (query.limit !== undefined) {
    for (const entry of await story.tellLast(log, query.limit)) lines += `${JSON.stringify(entry)}\n`;
    await flush();
    if (query.follow !== true) return;
  }
  for (;;) {
    for await (const entry of story.tell(log)) {
      lines += `${JSON.stringify(entry)}\n`;
      if (lines.length >= chunkChars) await flush();
    }
    if (query.follow !== true) return flush();
    // Also where there is nothing to tell yet: whoever follows shall know that it has begun.
    await send({ lines });
    lines = '';
    await taken('grown');
  }
}

async function verify(query: VerifyQuery): Promise<void> {
  let toldSeq = 0;
  const result = await verifyRecording(folder, query, async (seq) => {
    if (seq - toldSeq < progressEvents) return;
    toldSeq = seq;
    await send({ lines: `${JSON.stringify({ seq })}\n` });
  });
  await send({ lines: `${JSON.stringify(result)}\n` });
}

async function send(chunk: Chunk): Promise<void> {
  await taken('more');
  // Bytes are handed over, and not copied on the recorder's thread.
  const handedOver = typeof chunk === 'object' && 'bytes' in chunk ? [chunk.bytes.buffer as ArrayBuffer] : [];
  parentPort?.postMessage(chunk, handedOver);
}

/** Resolves when the notice has come since it was last taken; several that came at once count as one. */
async function taken(notice: Notice): Promise<void> {
  while (notices[notice] === 0) {
    await new Promise<void>((resolve) => {
      noticed = resolve;
    });
  }
  notices[notice] = 0;
}
