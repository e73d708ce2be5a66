/**
 * The past: the questions that are asked of the present, asked of a moment before. The world as it was then is opened
 * and asked. What the log tells of that moment and was not known at it is added: whether it lies in a gap, and when a
 * pid came back.
 */
import type { GapReason } from '../../events/event.ts';
import type { Chronicle, Gap } from '../../projections/chronicle.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import type { LogReader } from '../ports.ts';
import { edgeOf } from './edge.ts';
import type { Instant, Unclear } from './instant.ts';
import { notKept } from './kept.ts';
import { type LifeQuestion, type LifeView, lifeOf } from './life.ts';
import { openWorld } from './openWorld.ts';
import { type Answers, answerTo, type PathView, type Question, type TaskView, timeText } from './reads.ts';

/** An instant, as it was found in a recording. */
export interface Moment {
  /** The last event that had happened. */
  readonly seq: number;
  /** The time that was asked for; of an event, its own. */
  readonly time: string;
  /** It lies in a gap: what is told is what was known when that began, and nothing of it is certain. */
  readonly gap?: { readonly reason: GapReason; readonly since: string; readonly until: string };
}

/** What is asked of the present, and what only the past can tell. */
export type PastQuestion = Question | LifeQuestion;

export type AnswerInPast<Q extends PastQuestion> = (Answers & { readonly life: LifeView })[Q['kind']];

export interface PastAnswer<Q extends PastQuestion = PastQuestion> {
  readonly moment: Moment;
  readonly answer: AnswerInPast<Q> | Refusal;
}

/** Unclear where the recording, which reaches to `endUs` (wall-clock microseconds), has no such moment. */
export async function answerInPast(
  log: LogReader,
  question: PastQuestion,
  instant: Instant,
  endUs: number,
): Promise<PastAnswer | Unclear> {
  if (instant.kind === 'time' && instant.timeUs > endUs) {
    return { unclear: `the recording reaches to ${timeText(endUs)}, and not to ${timeText(instant.timeUs)}` };
  }
  const edge = await edgeOf(log, instant);
  const gone = notKept(log, edge);
  if (gone !== undefined) return { unclear: gone };
  const now = (await openWorld(log)).chronicle;
  const lastSeq = 'timeUs' in edge ? await log.seqAt(edge.timeUs) : edge.lastSeq;
  const unclear = unclearAt(lastSeq, now);
  if (unclear !== undefined) return { unclear };
  const world = await openWorld(log, lastSeq);
  const timeUs = 'timeUs' in edge ? edge.timeUs : world.chronicle.timeUs;
  // A gap reaches back from its event, so it is known of only later.
  const gap = now.gaps.find(({ seq, sinceUs }) => seq > lastSeq && sinceUs < timeUs);
  const answer =
    question.kind === 'life'
      ? await lifeOf(log, question, world, lastSeq)
      : answerTo(world, question, timeUs);
  const moment = momentOf(lastSeq, timeUs, gap);
  if (isRefusal(answer)) return { moment, answer: await explained(log, question, answer, lastSeq) };
  return { moment, answer: gap ? doubted(question, answer) : answer };
}

function unclearAt(seq: number, now: Chronicle): string | undefined {
  if (now.seq === 0) return 'the recording is empty';
  if (seq === 0) return `the recording begins at ${timeText(now.startedUs)}: nothing before that is known`;
  if (seq > now.seq) return `there is no event #${seq} yet: the last is #${now.seq}`;
  return undefined;
}

function momentOf(seq: number, timeUs: number, gap: Gap | undefined): Moment {
  const moment = { seq, time: timeText(timeUs) };
  if (!gap) return moment;
  const { reason, sinceUs, untilUs } = gap;
  return { ...moment, gap: { reason, since: timeText(sinceUs), until: timeText(untilUs) } };
}

/** Where nobody had a pid, who had it before and who got it next: for that all of the log is gone through. */
async function explained(
  log: LogReader,
  question: PastQuestion,
  refusal: Refusal,
  lastSeq: number,
): Promise<Refusal> {
  const pid = 'pid' in question ? question.pid : undefined;
  if (pid === undefined || refusal.errno !== 'ESRCH') return refusal;
  const { endedUs, bornUs } = await holdersOf(log, pid, lastSeq);
  const told = [
    ...(endedUs === undefined ? [] : [`one had ended at ${timeText(endedUs)}`]),
    ...(bornUs === undefined ? [] : [`one was met later, at ${timeText(bornUs)}`]),
  ];
  const why = told.length === 0 ? 'no such task was ever recorded' : told.join('; ');
  return refuse('ESRCH', `no task ${pid} was known to live then: ${why}`);
}

/** When the last task that had a pid by `lastSeq` ended, and when the next one was met. */
async function holdersOf(
  log: LogReader,
  pid: number,
  lastSeq: number,
): Promise<{ readonly endedUs: number | undefined; readonly bornUs: number | undefined }> {
  const holders = new Set<number>();
  let endedUs: number | undefined;
  let bornUs: number | undefined;
  await log.replay(1, Number.MAX_SAFE_INTEGER, (event) => {
    switch (event.type) {
      case 'fork':
      case 'adopt':
        if (event.pid !== pid) return;
        holders.add(event.task);
        if (event.seq > lastSeq) bornUs ??= event.timeUs;
        break;
      case 'exec':
        if (event.pid === pid) holders.add(event.task);
        break;
      case 'exit':
        if (holders.delete(event.task) && event.seq <= lastSeq) endedUs = event.timeUs;
        break;
      default:
    }
  });
  return { endedUs, bornUs };
}

/** An answer of which nothing is certain, whatever was known before. */
function doubted(question: PastQuestion, answer: AnswerInPast<PastQuestion>): AnswerInPast<PastQuestion> {
  switch (question.kind) {
    case 'tree':
    case 'life':
      return answer;
    case 'tasks':
      return (answer as readonly TaskView[]).map(inDoubt);
    case 'path':
      return inDoubt(answer as PathView);
  }
}

function inDoubt<View extends TaskView | PathView>(view: View): View {
  return view.certainty === 'known' ? { ...view, certainty: 'inferred' } : view;
}
