/**
 * A program: goes on with the recording in each folder that it is told, as a recorder does, and tells what came of it.
 */
import { openRecording } from '../../src/archive/openRecording.ts';
import { NotKept } from '../../src/engine/kept.ts';
import { RecordingError } from '../../src/log/errors.ts';
import type { LevelLog } from '../../src/log/openLog.ts';
import { keepAll } from '../../test/support/keeping.ts';
import { answersOf, type Questions } from './answers.ts';
import { distance, scale } from './scale.ts';
import type { Outcome, Start } from './starter.ts';

const setAsideUs = Date.UTC(2026, 10, 24, 3, 12) * 1000;

process.on('message', (start: Start) => {
  void begun(start).then((outcome) => process.send?.(outcome));
});

async function begun({ folder, questions }: Start): Promise<Outcome> {
  try {
    const { log } = await openRecording({ folder, setAsideUs });
    try {
      return await workedOn(log, questions);
    } finally {
      await log.close();
    }
  } catch (error) {
    if (error instanceof RecordingError || error instanceof NotKept)
      return { kind: 'refused', why: error.message };
    return { kind: 'failed', why: (error instanceof Error && error.stack) || String(error) };
  }
}

/** Answers first, then keeps what can be kept for good. */
async function workedOn(log: LevelLog, questions: Questions): Promise<Outcome> {
  const { folder } = log;
  // Where nothing is left there is nothing to ask.
  if (log.seq === 0) return { kind: 'begun', isSetAside: log.aside !== undefined, answers: [] };
  const soundSeq = log.aside ? log.aside.seq - 1 : log.seq;
  const seqs = questions.seqs.filter((seq) => seq <= soundSeq);
  const isWhole = seqs.length === questions.seqs.length;
  const answers = await answersOf(folder, {
    ...questions,
    seqs,
    timesUs: isWhole ? questions.timesUs : [],
  });
  await keepAll(log, { distance, scale }).catch(assertSentence);
  await log.commit('synced');
  return { kind: 'begun', isSetAside: log.aside !== undefined, answers: [...answers] };
}

/** What cannot be kept for good is told in a sentence as well. */
function assertSentence(error: unknown): void {
  if (!(error instanceof RecordingError || error instanceof NotKept)) throw error;
}
