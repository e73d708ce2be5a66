/**
 * The answers of a recording that are compared: the whole world at some instants, where each task stood then, and which
 * event had happened last. Each is a text, or why there is none.
 */

import type { Scale } from '../../projections/scale.ts';
import { LifelineError, standingAt } from '../../projections/standing.ts';
import { NotKept } from '../../src/engine/kept.ts';
import { openWorld } from '../../src/engine/openWorld.ts';
import { RecordingError } from '../../src/log/errors.ts';
import { openLogReader } from '../../src/log/openLog.ts';

/** What is asked: behind these events, and at these times (wall-clock microseconds). */
export interface Questions {
  readonly seqs: readonly number[];
  readonly timesUs: readonly number[];
  readonly tasks: readonly number[];
  readonly scale: Scale;
}

/** By what was asked. What was refused in a sentence is not there; any other failure is thrown. */
export async function answersOf(folder: string, questions: Questions): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>();
  const { seqs, timesUs, tasks, scale } = questions;
  const reader = await openLogReader({ folder });
  const ask = async (question: string, answer: () => unknown): Promise<void> => {
    try {
      answers.set(question, JSON.stringify(await answer(), plain));
    } catch (error) {
      if (!(error instanceof RecordingError || error instanceof NotKept || error instanceof LifelineError))
        throw error;
    }
  };
  try {
    for (const seq of seqs) {
      await ask(`the world behind #${seq}`, async () => (await openWorld(reader, seq)).dump());
      await ask(`lives behind #${seq}`, async () => {
        const lifelines = await reader.lifelines(scale);
        if (seq > lifelines.lastSeq) throw new LifelineError('no window tells of that');
        return tasks.map((task) => standingAt(lifelines, task, seq));
      });
    }
    for (const timeUs of timesUs) await ask(`the last event at ${timeUs}`, () => reader.seqAt(timeUs));
  } finally {
    await reader.close();
  }
  return answers;
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
