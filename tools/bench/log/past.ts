/**
 * The two reads of the past that are measured.
 */
import { openWorld } from '../../../src/engine/openWorld.ts';
import { openLogReader } from '../../../src/log/levelLog.ts';

export interface PastReads {
  /** The path, in our own tree, of the task that had this pid; empty where none had. */
  pathAt(pid: number, timeUs: number): string | Promise<string>;
  /** How many tasks there were, each of which is held with its container. */
  tasksAt(timeUs: number): number | Promise<number>;
  close(): Promise<void>;
}

export async function openPast(folder: string): Promise<PastReads> {
  const log = await openLogReader({ folder });
  const worldAt = async (timeUs: number) => openWorld(log, await log.seqAt(timeUs));
  return {
    pathAt: async (pid, timeUs) => (await worldAt(timeUs)).taskPaths.pathsOfPid(pid)?.get(0) ?? '',
    tasksAt: async (timeUs) => (await worldAt(timeUs)).hierarchy.taskCount,
    close: () => log.close(),
  };
}
