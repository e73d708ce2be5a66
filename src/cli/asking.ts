/**
 * Asking: how a command gets at the recording. Commands that read take the daemon's word, or open the recording
 * directly when no daemon runs; commands that change something need the daemon.
 */
import { type Instant, isUnclear } from '../engine/instant.ts';
import type { PastAnswer, PastQuestion } from '../engine/past.ts';
import type { Reader, Status } from '../engine/reader.ts';
import type { AnswerTo, Question } from '../engine/reads.ts';
import type { CommandName, Commands } from '../http/api.ts';
import { DaemonError, HttpReader } from '../http/client.ts';
import { isRefusal, type Refusal } from '../kernel/errno.ts';
import type { Context } from './context.ts';
import { Failure, refusalFailure } from './failure.ts';
import { momentLines } from './format/moment.ts';

/** Whom a reader may be: `any`, or only the daemon where the question is about what goes on now. */
export type Witness = 'any' | 'daemon';

/** The daemon, with what it answered when it was asked whether it is there. */
interface Met {
  readonly reader: HttpReader;
  readonly status: Status;
}

/** Hands a reader to `use` and closes it afterwards. `status` is the recording as it was at the beginning. */
export async function withReader<T>(
  context: Context,
  witness: Witness,
  use: (reader: Reader, status: Status) => Promise<T>,
): Promise<T> {
  const { reader, status: known } = await openReader(context, witness);
  try {
    const status = known ?? (await reader.status());
    tellHow(context, reader, status.source);
    return await use(reader, status);
  } finally {
    await reader.close();
  }
}

/**
 * The answer to a question about now, or about an instant, which is told as it was found. `attempt` is how a person
 * would say the question: `path 4711`.
 */
export async function asked<Q extends Question>(
  { terminal }: Context,
  reader: Reader,
  attempt: string,
  question: Q,
  at: Instant | undefined,
): Promise<AnswerTo<Q>> {
  if (at === undefined) return answered(attempt, await reader.ask(question));
  const { moment, answer } = await askedOfPast(reader, attempt, question, at);
  for (const line of momentLines(moment)) terminal.tell(`tasktrail: ${line}`);
  return answered(attempt, answer);
}

/** The same of an instant, with the moment that it was found to be, of which nothing is told yet. */
export async function askedOfPast<Q extends PastQuestion>(
  reader: Reader,
  attempt: string,
  question: Q,
  at: Instant,
): Promise<PastAnswer<Q>> {
  const past = await reader.askPast(question, at);
  if (isUnclear(past)) throw new Failure(`${attempt}: ${past.unclear}`);
  return past;
}

/** An answer of a reader, or the failure that its refusal means. */
export function answered<T extends object>(attempt: string, answer: T | Refusal): T {
  if (isRefusal(answer)) throw refusalFailure(attempt, answer);
  return answer;
}

/** Gives a command to the daemon. `attempt` is how a person would say it: `rmdir /a`. */
export async function giveCommand<Name extends CommandName>(
  context: Context,
  attempt: string,
  name: Name,
  body: Commands[Name],
): Promise<void> {
  const daemon = await openDaemon(context);
  const done = answered(attempt, await daemon.command(name, body));
  if (context.json) context.terminal.print(JSON.stringify(done));
}

/** The daemon, for who wants to give it a command: nothing can be changed without somebody who records it. */
export async function openDaemon(context: Context): Promise<HttpReader> {
  const { reader, status } = (await meetDaemon(context)) ?? noDaemon(context);
  tellHow(context, reader, status.source);
  return reader;
}

/**
 * A reader; whoever opens it closes it. `status` is what a daemon has answered already; there is none where
 * no daemon runs: the recording has not been opened yet.
 */
export async function openReader(
  context: Context,
  witness: Witness,
): Promise<{ readonly reader: Reader; readonly status?: Status }> {
  const met = await meetDaemon(context);
  if (met) return met;
  if (witness === 'daemon') return noDaemon(context);
  const { openOffline } = await import('../offline.ts');
  return { reader: openOffline(context.folder.path) };
}

/** Says so where it is not a daemon that answers, and where it is not this machine that was recorded. */
export function tellHow({ folder, terminal }: Context, reader: Reader, source: string): void {
  if (!reader.live)
    terminal.tell(`tasktrail: no daemon runs; reading the recording in ${folder.path} directly`);
  if (source === 'simulated') {
    terminal.tell('tasktrail: the source is simulated: none of this happened on this machine');
  }
}

/** Undefined where no daemon runs. */
async function meetDaemon({ folder }: Context): Promise<Met | undefined> {
  const reader = new HttpReader(folder.path);
  try {
    return { reader, status: await reader.status() };
  } catch (error) {
    if (error instanceof DaemonError && error.reason === 'absent') return undefined;
    throw error;
  }
}

/** Says how one is started. */
export function noDaemon(context: Context): never {
  throw new Failure(`no daemon records in ${context.folder.path}: start one with \`${context.typed('up')}\``);
}
