/**
 * The reads of the past that are measured.
 */
import { openWorld } from '../../../src/engine/openWorld.ts';
import { standsAt } from '../../../src/engine/stands.ts';
import { openLogReader } from '../../../src/log/openLog.ts';

export interface PastReads {
  /** The id of the container, in our own tree, that a task was in behind an event; 0 where it did not live. */
  containerOf(task: number, seq: number): Promise<number>;
  /** The path, in our own tree, of the task that had this pid; empty where none had. */
  pathAt(pid: number, timeUs: number): Promise<string>;
  /** How many tasks there were, each of which is held with its container. */
  tasksAt(timeUs: number): Promise<number>;
  close(): Promise<void>;
}

export async function openPast(folder: string): Promise<PastReads> {
  const log = await openLogReader({ folder });
  const lifelines = await log.lifelines();
  const worldAt = async (timeUs: number) => openWorld(log, await log.seqAt(timeUs));
  return {
    containerOf: async (task, seq) => {
      const { standing } = await standsAt(log, lifelines, task, seq);
      return standing.state === 'living' ? (standing.places.get(0) ?? 0) : 0;
    },
    pathAt: async (pid, timeUs) => (await worldAt(timeUs)).taskPaths.pathsOfPid(pid)?.get(0) ?? '',
    tasksAt: async (timeUs) => (await worldAt(timeUs)).hierarchy.taskCount,
    close: () => log.close(),
  };
}
