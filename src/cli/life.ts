/**
 * `tasktrail life PID`: what a task did, from its birth on: where it was born, where it went, what it executed, how it
 * ended; one line an event, as `log` has them.
 */
import type { LifeQuestion, LifeView } from '../engine/life.ts';
import { answered, askedOfPast, withReader } from './asking.ts';
import type { Context } from './context.ts';
import { counted } from './format/count.ts';
import { entryLine } from './format/entry.ts';
import { momentLines } from './format/moment.ts';
import { instantFrom } from './instant.ts';
import { parsePid } from './pid.ts';

export interface LifeOptions {
  readonly tree?: string;
  readonly at?: string;
}

export async function life(context: Context, typed: string, { tree, at }: LifeOptions): Promise<void> {
  const { json, terminal } = context;
  const instant = instantFrom('--at', at);
  const question: LifeQuestion = { kind: 'life', ...whoIs(typed), ...(tree !== undefined && { tree }) };
  await withReader(context, 'any', async (reader, { seq }) => {
    const attempt = `life ${typed}`;
    const now = { kind: 'seq', seq } as const;
    const { moment, answer } = await askedOfPast(reader, attempt, question, instant ?? now);
    if (instant) for (const line of momentLines(moment)) terminal.tell(`tasktrail: ${line}`);
    const view = answered(attempt, answer);
    for (const entry of view.entries) {
      terminal.print(json ? JSON.stringify(entry) : entryLine(entry, terminal.paint));
    }
    for (const note of notesOn(view)) terminal.tell(`tasktrail: ${note}`);
  });
}

function whoIs(typed: string): Pick<LifeQuestion, 'task' | 'pid'> {
  return /^#\d{1,15}$/.test(typed) ? { task: Number(typed.slice(1)) } : { pid: parsePid(typed) };
}

/** What is not told, and why. */
function notesOn({ bornSeq, movesOnly, leftOut, obstacle }: LifeView): readonly string[] {
  return [
    ...(bornSeq !== undefined ? [] : ['its birth is not kept']),
    ...(movesOnly
      ? [
          `from event #${movesOnly.afterSeq} to #${movesOnly.untilSeq} only its moves are told: log --all --pid tells all`,
        ]
      : []),
    ...(leftOut > 0
      ? [`${counted(leftOut, 'event')} behind its birth left out: log --all --pid tells all`]
      : []),
    ...(obstacle === undefined ? [] : [`all events had to be asked, for ${obstacle}`]),
  ];
}
