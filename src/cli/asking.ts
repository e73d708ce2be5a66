/**
 * Asking: how a command gets at the recording. Commands that read take the daemon's word, or open the recording
 * directly when no daemon runs; commands that change something need the daemon.
 */
import type { RecordingView } from '../engine/reads.ts';
import type { CommandName, Commands, DaemonView } from '../http/api.ts';
import { DaemonError, HttpReader } from '../http/client.ts';
import { isRefusal, type Refusal } from '../kernel/errno.ts';
import type { Context } from './context.ts';
import { Failure, refusalFailure } from './failure.ts';
import type { Reader } from './reader.ts';

export type Status = RecordingView & Partial<DaemonView>;

/** Whom a reader may be: `any`, or only the daemon where the question is about what goes on now. */
export type Witness = 'any' | 'daemon';

/** Hands a reader to `use` and closes it afterwards. `status` is the recording as it was at the beginning. */
export async function withReader<T>(
  context: Context,
  witness: Witness,
  use: (reader: Reader, status: Status) => Promise<T>,
): Promise<T> {
  const reader = await openReader(context, witness);
  try {
    const status = await reader.status();
    tellHow(context, reader);
    if (status.source === 'simulated') {
      context.terminal.tell('tasktrail: the source is simulated: none of this happened on this machine');
    }
    return await use(reader, status);
  } finally {
    await reader.close();
  }
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
  const done = answered(attempt, await commanded(context, name, body));
  if (context.json) context.terminal.print(JSON.stringify(done));
}

/** Like `giveCommand`, for who wants to look at a refusal. */
export async function commanded<Name extends CommandName>(
  context: Context,
  name: Name,
  body: Commands[Name],
): Promise<{ readonly seq: number } | Refusal> {
  try {
    return await new HttpReader(context.folder.path).command(name, body);
  } catch (error) {
    throw isAbsence(error) ? noDaemon(context) : error;
  }
}

/** Nothing can be changed, or followed, without somebody who records it. */
export function noDaemon(context: Context): Failure {
  return new Failure(
    `no daemon records in ${context.folder.path}: start one with \`${context.typed('up')}\``,
  );
}

/** A reader that nothing has been asked yet; whoever opens it closes it. */
export async function openReader(context: Context, witness: Witness): Promise<Reader> {
  const folder = context.folder.path;
  const daemon = new HttpReader(folder);
  try {
    await daemon.status();
    return daemon;
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  if (witness === 'daemon') throw noDaemon(context);
  const { openOffline } = await import('../offline.ts');
  return openOffline(folder);
}

/** Says so where it is not a daemon that answers. */
export function tellHow(context: Context, reader: Reader): void {
  if (reader.live) return;
  const { path } = context.folder;
  context.terminal.tell(`tasktrail: no daemon runs; reading the recording in ${path} directly`);
}

function isAbsence(error: unknown): boolean {
  return error instanceof DaemonError && error.reason === 'absent';
}
