/**
 * The archivist's thread: keeps the log's tail for good whenever it is told that the log has grown. It reads beside the recorder
 * and writes nothing; what it makes goes to the recorder's thread, one batch at a time.
 */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openLogReader } from '../log/levelLog.ts';
import type { Notice, Told } from './archivist.ts';
import { Keeper } from './keeper.ts';

// Whoever needs the processor for what happens now comes first: nothing here is urgent.
setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), constants.priority.PRIORITY_LOW);

const reader = await openLogReader({ folder: workerData as string });
const notices: Notice[] = [];
let noticed = (): void => {};

parentPort?.on('message', (notice: Notice) => {
  notices.push(notice);
  noticed();
});

try {
  await work();
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) });
} finally {
  await reader.close();
  parentPort?.close();
}

async function work(): Promise<void> {
  const keeper = await Keeper.open(reader);
  for (;;) {
    if ((await notice()) === 'end') return;
    for (let batch = await keeper.next(); batch; batch = await keeper.next()) {
      tell(batch);
      if ((await notice()) === 'end') return;
    }
    tell('idle');
  }
}

async function notice(): Promise<Notice> {
  for (;;) {
    const next = notices.shift();
    if (next !== undefined) return next;
    await new Promise<void>((resolve) => {
      noticed = resolve;
    });
  }
}

function tell(told: Told): void {
  parentPort?.postMessage(told);
}
