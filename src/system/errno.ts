/**
 * Errno names, and the error that a refused system call is thrown as. Commands have their own, smaller table
 * (`src/kernel/errno.ts`): there a refusal is a value; here it is the machine that says no.
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
