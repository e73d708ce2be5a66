/**
 * The archive's worker thread: opens the log beside the recorder, reads it from its first event on, and
 * writes what was asked for as NDJSON, a chunk whenever one is wanted.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { LogQuery } from '../engine/history.ts';
import { answerInPast } from '../engine/past.ts';
import { Story } from '../engine/story.ts';
import { openLogReader, verifyLog } from '../log/levelLog.ts';
import type { LogReader } from '../ports.ts';
import type { Chunk, Notice, Task } from './archive.ts';

/** A chunk is sent when it has grown to this, or when there is nothing more for now. */
const chunkChars = 64 * 1024;

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
      await verify();
  }
  await send('end');
} catch (error) {
  await send({ error: error instanceof Error ? error.message : String(error) });
}

/** LevelDB has to be let go of here before the recorder's own thread does. */
async function withLog(use: (log: LogReader) => Promise<void>): Promise<void> {
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

async function verify(): Promise<void> {
  let progress = '';
  const result = await verifyLog(
    { folder },
    {
      progress: (seq) => {
        progress = `${JSON.stringify({ seq })}\n`;
      },
    },
  );
  await send({ lines: `${progress}${JSON.stringify(result)}\n` });
}

async function send(chunk: Chunk): Promise<void> {
  await taken('more');
  parentPort?.postMessage(chunk);
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
