/**
 * The other composition root: a recording read directly, when no daemon runs. It opens the log for reading, rebuilds
 * the world from it, and answers what a daemon would have answered. No event is written here and no agent started; of
 * the recording's files only those that LevelDB rearranges whenever it is opened change.
 */
import type { World } from '../projections/world.ts';
import { Keeper } from './archive/keeper.ts';
import { verifyRecording } from './archive/verifying.ts';
import { headView } from './engine/head.ts';
import type { Instant, Unclear } from './engine/instant.ts';
import { keptView } from './engine/kept.ts';
import { openWorld } from './engine/openWorld.ts';
import { answerInPast, type PastAnswer, type PastQuestion } from './engine/past.ts';
import type { Reader } from './engine/reader.ts';
import { type AnswerTo, answerTo, type Question, recordingOf } from './engine/reads.ts';
import { Story } from './engine/story.ts';
import type { Refusal } from './kernel/errno.ts';
import { exportOf } from './log/exporter.ts';
import { type Imported, importWith } from './log/importer.ts';
import { openLogReader, readHead } from './log/openLog.ts';
import { setAsideView } from './log/setAside.ts';
import type { LogReader } from './ports.ts';
import { folderBytes } from './system/folder.ts';

/** A recording as it was when it was opened. */
interface Opened {
  readonly log: LogReader;
  readonly world: World;
  /** Nothing happens any more: now is when the recording ends. */
  readonly nowUs: number;
}

/** Makes the recording that the bytes of an export file hold, sealed and with snapshots, as `importWith` does. */
export function importInto(
  folder: string,
  chunks: AsyncIterable<Uint8Array>,
  progress: (seq: number) => void,
): Promise<Imported> {
  return importWith(folder, chunks, progress, (reader) => Keeper.open(reader));
}

/**
 * A reader that opens the recording at the first question about what is in it, which fails with one sentence
 * when there is none or it is not sound. To check it, it is not opened.
 */
export function openOffline(folder: string): Reader {
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => {
    opening ??= open(folder);
    return opening;
  };
  return {
    live: false,
    status: async () => {
      const { log, world, nowUs } = await opened();
      return {
        ...recordingOf(world, nowUs),
        ...keptView(log),
        ...setAsideView(folder),
        folder,
        sizeBytes: folderBytes(folder),
      };
    },
    ask: async <Q extends Question>(question: Q) => {
      const { world, nowUs } = await opened();
      return answerTo(world, question, nowUs) as AnswerTo<Q> | Refusal;
    },
    askPast: async <Q extends PastQuestion>(question: Q, instant: Instant) => {
      const { log, nowUs } = await opened();
      return (await answerInPast(log, question, instant, nowUs)) as PastAnswer<Q> | Unclear;
    },
    log: async function* (query) {
      const { log } = await opened();
      const story = new Story(query);
      if (query.limit === undefined) yield* story.tell(log);
      else yield* await story.tellLast(log, query.limit);
    },
    head: async () => headView(await readHead({ folder })),
    verify: (progress, query = {}) => verifyRecording(folder, query, progress),
    export: async function* () {
      const log = await openLogReader({ folder });
      try {
        yield* exportOf(log);
      } finally {
        await log.close();
      }
    },
    close: async () => {
      // What could not be opened has been said already, and there is nothing to close.
      const { log } = (await opening?.catch(() => undefined)) ?? {};
      await log?.close();
    },
  };
}

async function open(folder: string): Promise<Opened> {
  const log = await openLogReader({ folder });
  const world = await openWorld(log);
  return { log, world, nowUs: world.chronicle.timeUs };
}
