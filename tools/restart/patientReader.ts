/**
 * A reader that asks again for as long as no daemon answers: one that was stopped or killed is followed by another.
 */
import { setTimeout } from 'node:timers/promises';
import type { AnswerTo, Question } from '../../src/engine/reads.ts';
import { DaemonError, HttpReader } from '../../src/http/client.ts';
import { isRefusal, type Refusal } from '../../src/kernel/errno.ts';

/** A daemon reads a long recording first, and may not have the machine for itself. */
const limitMs = 600_000;
const delayMs = 20;

export class PatientReader extends HttpReader {
  override ask<Q extends Question>(question: Q): Promise<AnswerTo<Q> | Refusal> {
    return patiently(() => super.ask(question));
  }

  override status(): ReturnType<HttpReader['status']> {
    return patiently(() => super.status());
  }

  /** Resolves when there is a task in this container. */
  async untilPopulated(path: string): Promise<void> {
    for (const endMs = performance.now() + limitMs; ; await setTimeout(delayMs)) {
      const tasks = await this.ask({ kind: 'tasks', path, tree: 'tasktrail' });
      if (!isRefusal(tasks) && tasks.length > 0) return;
      if (performance.now() > endMs) throw new Error(`no task comes to be in ${path}`);
    }
  }
}

async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (const endMs = performance.now() + limitMs; ; await setTimeout(delayMs)) {
    try {
      return await act();
    } catch (error) {
      const isBetween = error instanceof DaemonError && betweenTwo.has(error.reason);
      if (!isBetween || performance.now() > endMs) throw error;
    }
  }
}

const betweenTwo: ReadonlySet<string> = new Set(['absent', 'gone']);
