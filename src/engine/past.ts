/**
 * The past: the questions that are asked of the present, asked of a moment before. The log is folded up to there, and
 * the world that comes of it is asked. Then the rest of the log is read for what it tells of that moment and was not
 * known at it: whether it lies in a gap, and when a pid came back.
 */
import type { Event, GapFact, GapReason } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import type { LogReader } from '../ports.ts';
import { type Edge, edgeOf, isBehind } from './edge.ts';
import type { Instant, Unclear } from './instant.ts';
import { type AnswerTo, answerTo, type PathView, type Question, type TaskView, timeText } from './reads.ts';

/** An instant, as it was found in a recording. */
export interface Moment {
  /** The last event that had happened. */
  readonly seq: number;
  /** The time that was asked for; of an event, its own. */
  readonly time: string;
  /** It lies in a gap: what is told is what was known when that began, and nothing of it is certain. */
  readonly gap?: { readonly reason: GapReason; readonly since: string; readonly until: string };
}

export interface PastAnswer<Q extends Question = Question> {
  readonly moment: Moment;
  readonly answer: AnswerTo<Q> | Refusal;
}

/** Unclear where the recording, which reaches to `endUs` (wall-clock microseconds), has no such moment. */
export async function answerInPast(
  log: LogReader,
  question: Question,
  instant: Instant,
  endUs: number,
): Promise<PastAnswer | Unclear> {
  if (instant.kind === 'time' && instant.timeUs > endUs) {
    return { unclear: `the recording reaches to ${timeText(endUs)}, and not to ${timeText(instant.timeUs)}` };
  }
  const fold = new Fold(await edgeOf(log, instant), question);
  for await (const events of log.read(1)) for (const event of events) fold.take(event);
  return fold.answer();
}

class Fold {
  readonly #edge: Edge;
  readonly #question: Question;
  readonly #world = new World();
  #firstUs: number | undefined;
  #lastSeq = 0;
  #gap: (GapFact & { readonly untilUs: number }) | undefined;
  /** Of the pid that is asked for: when it was free again before the moment, and taken again after it. */
  #endedUs: number | undefined;
  #bornUs: number | undefined;

  constructor(edge: Edge, question: Question) {
    this.#edge = edge;
    this.#question = question;
  }

  /** The next event of the log; every one must come here, in order. */
  take(event: Event): void {
    this.#firstUs ??= event.timeUs;
    this.#lastSeq = event.seq;
    if (isBehind(event, this.#edge)) this.#note(event);
    else this.#apply(event);
  }

  answer(): PastAnswer | Unclear {
    const unclear = this.#unclear();
    if (unclear !== undefined) return { unclear };
    const timeUs = this.#timeUs;
    const answer = answerTo(this.#world, this.#question, timeUs);
    const moment = { seq: this.#world.chronicle.seq, time: timeText(timeUs) };
    if (isRefusal(answer)) return { moment: this.#inGap(moment), answer: this.#explained(answer) };
    return { moment: this.#inGap(moment), answer: this.#gap ? doubted(this.#question, answer) : answer };
  }

  #apply(event: Event): void {
    if (event.type === 'exit' && this.#isAskedFor(this.#world.hierarchy.task(event.task)?.pid)) {
      this.#endedUs = event.timeUs;
    }
    this.#world.apply(event);
  }

  /** What happened after the moment. A gap reaches back from its event. */
  #note(event: Event): void {
    if (event.type === 'gap' && event.sinceUs < this.#timeUs)
      this.#gap ??= { ...event, untilUs: event.timeUs };
    if ((event.type === 'fork' || event.type === 'adopt') && this.#isAskedFor(event.pid)) {
      this.#bornUs ??= event.timeUs;
    }
  }

  get #timeUs(): number {
    return 'timeUs' in this.#edge ? this.#edge.timeUs : this.#world.chronicle.timeUs;
  }

  #isAskedFor(pid: number | undefined): boolean {
    return this.#question.kind === 'path' && this.#question.pid === pid;
  }

  #unclear(): string | undefined {
    const { seq } = this.#world.chronicle;
    if (this.#firstUs === undefined) return 'the recording is empty';
    if (seq === 0) return `the recording begins at ${timeText(this.#firstUs)}: nothing before that is known`;
    if ('lastSeq' in this.#edge && seq < this.#edge.lastSeq) {
      return `there is no event #${this.#edge.lastSeq} yet: the last is #${this.#lastSeq}`;
    }
    return undefined;
  }

  #inGap(moment: Moment): Moment {
    if (!this.#gap) return moment;
    const { reason, sinceUs, untilUs } = this.#gap;
    return { ...moment, gap: { reason, since: timeText(sinceUs), until: timeText(untilUs) } };
  }

  /** Where nobody had a pid, who had it before and who got it next. */
  #explained(refusal: Refusal): Refusal {
    if (this.#question.kind !== 'path' || refusal.errno !== 'ESRCH') return refusal;
    const told = [
      ...(this.#endedUs === undefined ? [] : [`one had ended at ${timeText(this.#endedUs)}`]),
      ...(this.#bornUs === undefined ? [] : [`one was met later, at ${timeText(this.#bornUs)}`]),
    ];
    const why = told.length === 0 ? 'no such task was ever recorded' : told.join('; ');
    return refuse('ESRCH', `no task ${this.#question.pid} was known to live then: ${why}`);
  }
}

/** An answer of which nothing is certain, whatever was known before. */
function doubted(question: Question, answer: AnswerTo<Question>): AnswerTo<Question> {
  switch (question.kind) {
    case 'tree':
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
