/**
 * Errors as the machine gives them: errno names, the error that a refused system call is thrown as, and what can be
 * read from an error that somebody else threw. Commands have their own, smaller table (`src/kernel/errno.ts`): there a
 * refusal is a value; here it is the machine that says no.
 */
import { constants } from 'node:os';

/** The name of an errno number, such as `EPERM`; `errno 524` for one that user space has no name for. */
export function errnoName(number: number): string {
  return names().get(number) ?? `errno ${number}`;
}

/** A system call was refused. `errno` is the name of the reason, `attempt` says in words what was tried. */
export class SystemCallError extends Error {
  readonly errno: string;
  readonly attempt: string;

  constructor(attempt: string, number: number) {
    const errno = errnoName(number);
    super(`${attempt}: ${errno}`);
    this.name = 'SystemCallError';
    this.errno = errno;
    this.attempt = attempt;
  }
}

/** The code that an error carries: an errno name from Node, or a library's own; empty where it carries none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether an error carries one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(error));
}

/** What an error says; anything else that was thrown, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let namesByNumber: Map<number, string> | undefined;

/** Some numbers have two names (EAGAIN and EWOULDBLOCK); the one that comes first in the alphabet stands. */
function names(): Map<number, string> {
  if (namesByNumber === undefined) {
    namesByNumber = new Map();
    for (const [name, number] of Object.entries(constants.errno).sort()) {
      if (!namesByNumber.has(number)) namesByNumber.set(number, name);
    }
  }
  return namesByNumber;
}
