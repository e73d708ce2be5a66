/**
 * The errno table: the whole error model of commands. A refusal is a value, never an exception.
 */
const errnos = {
  EPERM: [1, 'not permitted'],
  ENOENT: [2, 'not found'],
  ESRCH: [3, 'no task'],
  EIO: [5, 'not possible'],
  E2BIG: [7, 'too long'],
  EACCES: [13, 'permission denied'],
  EBUSY: [16, 'in use'],
  EEXIST: [17, 'exists already'],
  ENODEV: [19, 'the container was removed'],
  ENOTDIR: [20, 'not a container'],
  EISDIR: [21, 'is a container'],
  EINVAL: [22, 'not valid'],
  ENOSPC: [28, 'no space left'],
  EROFS: [30, 'read-only'],
  ENAMETOOLONG: [36, 'name too long'],
  ENOTEMPTY: [39, 'not empty'],
} as const satisfies Record<string, readonly [number, string]>;

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

/** The number the kernel uses for this errno on Linux. */
export function errnoNumber(errno: Errno): number {
  return errnos[errno][0];
}

/** One short phrase for this errno. */
function errnoText(errno: Errno): string {
  return errnos[errno][1];
}

/** A refusal in one line, its errno first: `EBUSY (in use): 2 tasks are in it`. */
export function refusalText({ errno, saw }: Refusal): string {
  return `${errno} (${errnoText(errno)}): ${saw}`;
}

export function isErrno(name: string): name is Errno {
  return Object.hasOwn(errnos, name);
}
