/**
 * Failures: how a command ends when it cannot do what it was asked. The message is one clear sentence without a
 * full stop; it goes to standard error behind the program's name.
 */
import { type Refusal, refusalText } from '../kernel/errno.ts';

export const exitCodes = {
  done: 0,
  /** Refused, or failed. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** `run` only, as env(1) and timeout(1) have them: tasktrail itself failed before CMD could be tried … */
  runFailed: 125,
  /** … CMD is there and cannot be executed … */
  notExecutable: 126,
  /** … CMD is not there. */
  notFound: 127,
} as const;

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command line that makes no sense. */
export function usageFailure(message: string): Failure {
  return new Failure(message, exitCodes.usage);
}

/** A command was refused: `rmdir /a: EBUSY (in use): 2 tasks are in it`. */
export function refusalFailure(attempt: string, refusal: Refusal): Failure {
  return new Failure(`${attempt}: ${refusalText(refusal)}`);
}
