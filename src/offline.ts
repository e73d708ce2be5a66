/**
 * The other composition root: a recording read directly, when no daemon runs. It opens the log for reading,
 * rebuilds the world from it, and answers what a daemon would have answered. Nothing here can write an event
 * or start an agent.
 */
import { bytesOf } from '../events/bytes.ts';
import { World } from '../projections/world.ts';
import type { Reader } from './cli/reader.ts';
import { filterOf, Story } from './engine/history.ts';
import { pathOfPid, recordingOf, tasksIn, treeOf } from './engine/reads.ts';
import { openLevelLog, verifyLog } from './log/levelLog.ts';
import { folderBytes } from './system/folder.ts';

/** Fails with one sentence when there is no recording in the folder, or it cannot be read. */
export async function openOffline(folder: string): Promise<Reader> {
  const world = new World();
  const log = await openLevelLog({
    folder,
    create: false,
    onCommit: (events) => {
      for (const event of events) world.apply(event);
    },
  });
  // Nothing happens any more: now is when the recording ends.
  const nowUs = world.chronicle.timeUs;
  return {
    live: false,
    status: async () => ({ ...recordingOf(world, nowUs), folder, sizeBytes: folderBytes(folder) }),
    tree: async (path) => treeOf(world, bytesOf(path), nowUs),
    tasks: async (path) => tasksIn(world, bytesOf(path)),
    path: async (pid) => pathOfPid(world, pid),
    log: async function* (query) {
      const story = new Story(filterOf(query));
      if (query.limit === undefined) yield* story.tell(log);
      else yield* await story.tellLast(log, query.limit);
    },
    verify: (progress) => verifyLog(log, progress),
    close: () => log.close(),
  };
}
