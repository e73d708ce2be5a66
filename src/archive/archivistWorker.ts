/**
 * The archivist's thread: keeps the log's tail for good whenever it is told that the log has grown, and removes its
 * beginning when it is told what may be kept. It reads beside the recorder and writes nothing; what it makes goes to the
 * recorder's thread, one batch at a time.
 */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openLogReader } from '../log/openLog.ts';
import type { Situation } from '../log/retention.ts';
import type { Batch } from '../log/sealer.ts';
import { threadId } from '../system/thread.ts';
import type { Notice, Told } from './archivist.ts';
import { Keeper } from './keeper.ts';
import { Pruner } from './pruner.ts';

// Whoever needs the processor for what happens now comes first: nothing here is urgent.
setPriority(threadId(), constants.priority.PRIORITY_LOW);

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
  tellFailure(error);
} finally {
  await reader.close();
  parentPort?.close();
}

async function work(): Promise<void> {
  let keeper: Keeper | undefined;
  const keeperOf = async (): Promise<Keeper> => {
    keeper ??= await Keeper.open(reader);
    return keeper;
  };
  const pruner = new Pruner(reader);
  for (;;) {
    const next = await notice();
    if (next === 'end') return;
    const goesOn = typeof next === 'object' ? await prune(pruner, next.retain) : await keep(keeperOf);
    if (!goesOn) return;
    tell('idle');
  }
}

/** Resolves with whether there may be more to do. What cannot be kept is told once: then this is asked for no more. */
async function keep(keeperOf: () => Promise<Keeper>): Promise<boolean> {
  try {
    const keeper = await keeperOf();
    for (let batch = await keeper.next(); batch; batch = await keeper.next()) {
      if (!(await stored(batch))) return false;
    }
  } catch (error) {
    // What may not be kept any longer can be removed all the same.
    tellFailure(error);
  }
  return true;
}

function tellFailure(error: unknown): void {
  tell({ error: error instanceof Error ? error.message : String(error) });
}

/** The same. LevelDB frees room for as long as nobody wants this thread to end. */
async function prune(pruner: Pruner, situation: Situation): Promise<boolean> {
  const pieces = pruner.prune(situation);
  for (let piece = await pieces.next(); ; piece = await pieces.next()) {
    if (piece.done) {
      tell({ retained: piece.value });
      break;
    }
    if (!(await stored(piece.value))) {
      await pieces.return({ isHeld: false });
      return false;
    }
  }
  while (!notices.includes('end') && (await pruner.freeSome()));
  return true;
}

async function stored(batch: Batch): Promise<boolean> {
  tell(batch);
  return (await notice()) !== 'end';
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
