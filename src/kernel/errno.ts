/**
 * The errno table: the whole error model of commands. A refusal is a value, never an exception.
 */

/** Each with one short phrase for people. */
const errnos = {
  EPERM: 'not permitted',
  ENOENT: 'not found',
  ESRCH: 'no task',
  EIO: 'not possible',
  E2BIG: 'too long',
  EACCES: 'permission denied',
  EBUSY: 'in use',
  EEXIST: 'exists already',
  ENODEV: 'the container was removed',
  ENOTDIR: 'not a container',
  EISDIR: 'is a container',
  EINVAL: 'not valid',
  ENOSPC: 'no space left',
  EROFS: 'read-only',
  ENAMETOOLONG: 'name too long',
  ENOTEMPTY: 'not empty',
} as const satisfies Record<string, string>;

export type Errno = keyof typeof errnos;

/** A command was refused. `saw` says in words what stood in its way; it never ends in a full stop. */
export interface Refusal {
  readonly errno: Errno;
  readonly saw: string;
}

export function refuse(errno: Errno, saw: string): Refusal {
  return { errno, saw };
}

export function isRefusal(value: object): value is Refusal {
  return 'errno' in value;
}

/** A refusal in one line, its errno first: `EBUSY (in use): 2 tasks are in it`. */
export function refusalText({ errno, saw }: Refusal): string {
  return `${errno} (${errnos[errno]}): ${saw}`;
}

export function isErrno(name: string): name is Errno {
  return Object.hasOwn(errnos, name);
}
