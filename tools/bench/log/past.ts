/**
 * The two reads of the past that are measured, and what they are bound to today: a fold of the log from its first event
 * on, by `src/engine/past.ts`.
 */
import { answerInPast } from '../../../src/engine/past.ts';
import type { Question } from '../../../src/engine/reads.ts';
import { isRefusal } from '../../../src/kernel/errno.ts';
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
  const ask = async <Q extends Question>(question: Q, timeUs: number) => {
    const past = await answerInPast(log, question, { kind: 'time', timeUs }, Number.MAX_SAFE_INTEGER);
    if ('unclear' in past) throw new Error(past.unclear);
    return isRefusal(past.answer) ? undefined : past.answer;
  };
  return {
    pathAt: async (pid, timeUs) => {
      const answer = await ask({ kind: 'path', pid }, timeUs);
      return answer !== undefined && 'path' in answer ? answer.path : '';
    },
    tasksAt: async (timeUs) => {
      const answer = await ask({ kind: 'tasks', path: '/', tree: 'tasktrail', below: true }, timeUs);
      return Array.isArray(answer) ? answer.length : 0;
    },
    close: () => log.close(),
  };
}
