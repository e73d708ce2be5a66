/**
 * The table of allowed differences: where today's kernel answers otherwise than tasktrail's contract has it, and
 * why that is right. It maps the kernel's answer to the one that tasktrail must give; where no row speaks, the two
 * answers must be the same.
 *
 * No row may part the two trees. What one side grants and the other refuses is asked where granting it changes
 * nothing (see program.ts), or the kernel is brought to where tasktrail is (see oracle.ts).
 */
import type { Bytes } from '../../events/bytes.ts';
import { nameLimitBytes } from '../../src/kernel/path.ts';
import type { User } from './puppets.ts';
import type { Answer, Request } from './step.ts';

/** What a row may look at beside the request. */
export interface Scene {
  /** The paths of all containers before the request. */
  readonly paths: ReadonlySet<Bytes>;
  /** Whether the kernel opened the file that was to be written, and so has answered to its text. */
  readonly opened: boolean;
  /** Whether tasktrail is asked by a system call too, of which the path walk of Linux has looked at the names. */
  readonly isMounted: boolean;
}

export interface Row {
  readonly name: string;
  readonly kernel: readonly Answer[];
  readonly ours: Answer;
  readonly reason: string;
  applies(request: Request, scene: Scene): boolean;
}

/** The pid of the kernel's thread that starts all others, which cgroup v1 never lets go. */
export const kernelThread = 2;

export const rows: readonly Row[] = [
  // Writes to `tasks`. The kernel: kstrtoint of the stripped text with base 0 (kernel/cgroup/cgroup.c).
  {
    name: 'tasks: no number',
    kernel: ['EINVAL'],
    ours: 'EIO',
    reason: 'the patch reads with sscanf and answers EIO where there is no number',
    applies: tasksText(
      (text) => !/^[\t-\r ]*-?[0-9]/.test(text) && !withPlus.test(text) && !nonBreaking.test(text),
    ),
  },
  {
    name: 'tasks: a number that no task can have',
    kernel: ['EINVAL'],
    ours: 'ESRCH',
    reason: 'the patch looks for a task with that number, and finds none',
    applies: tasksText((text) => isNumber(text) && (Number(text) < 0 || Number(text) > 2 ** 31 - 1)),
  },
  {
    name: 'tasks: a plus sign',
    kernel: ['ok', 'EACCES', 'ESRCH'],
    ours: 'EIO',
    reason: "the patch's sscanf knows no plus sign",
    applies: tasksText((text) => withPlus.test(text)),
  },
  {
    name: 'tasks: hexadecimal',
    kernel: ['ok', 'EACCES', 'ESRCH'],
    ours: 'EINVAL',
    reason: 'the patch reads the 0 and attaches the writer; half a success is silent loss',
    applies: tasksText((text) => /^[\t-\r ]*0x/.test(text)),
  },
  {
    name: 'tasks: a non-breaking space before',
    kernel: ['ok', 'EACCES', 'ESRCH'],
    ours: 'EIO',
    reason: "the contract names its white space, 09 to 0d and 20; the kernel's has the byte a0 too",
    applies: tasksText((text) => /^\xa0/.test(text)),
  },
  {
    name: 'tasks: a non-breaking space after',
    kernel: ['ok', 'EACCES', 'ESRCH'],
    ours: 'EINVAL',
    reason: "the contract names its white space, 09 to 0d and 20; the kernel's has the byte a0 too",
    applies: tasksText((text) => /^[^\xa0]+\xa0$/.test(text)),
  },
  {
    name: 'tasks: a zombie',
    kernel: ['ok', 'EACCES'],
    ours: 'ESRCH',
    reason: 'the patch refuses a task that is exiting, before it asks whose it is',
    applies: (request, { opened }) =>
      (request.type === 'write' || request.type === 'attach') && request.zombie === true && opened,
  },
  {
    name: 'tasks: a kernel thread, by root',
    kernel: ['EINVAL'],
    ours: 'ok',
    reason: 'the patch moves kernel threads too: this is bookkeeping',
    applies: (request, { opened }) =>
      opened && isAboutKernelThread(request) && request.actor.user.effective === 0,
  },
  {
    name: 'tasks: a kernel thread, by a user',
    kernel: ['EINVAL'],
    ours: 'EACCES',
    reason: 'the patch moves kernel threads too, and asks whose the task is: root’s',
    applies: (request, { opened }) =>
      opened && isAboutKernelThread(request) && request.actor.user.effective !== 0,
  },
  {
    name: 'tasks: 0 by a set-uid writer',
    kernel: ['EACCES'],
    ours: 'ok',
    reason: 'the patch asks nobody whether he may move himself',
    applies: (request, { opened }) => opened && isZero(request) && isForeign(request.actor.user),
  },

  // Writes to `notify_on_release`. The kernel: kstrtoull with base 0, at most one newline after it.
  {
    name: 'flag: white space around',
    kernel: ['EINVAL'],
    ours: 'ok',
    reason: "the patch's simple_strtoul does not mind what comes after, nor do we mind what comes before",
    applies: flagText((text) => isDigits(text) && !/^[0-9]+\n?$/.test(text)),
  },
  {
    name: 'flag: a leading 0 and no octal number',
    kernel: ['EINVAL'],
    ours: 'ok',
    reason: 'the patch reads decimal digits',
    applies: flagText((text) => /^0[0-9]*[89]/.test(text) && isDigits(text)),
  },
  {
    name: 'flag: more than 64 bits',
    kernel: ['ERANGE'],
    ours: 'ok',
    reason: 'the patch reads decimal digits of any length, and so do we',
    applies: flagText((text) => isDigits(text) && BigInt(text.trim()) >= 2n ** 64n),
  },
  {
    name: 'flag: a plus sign or hexadecimal',
    kernel: ['ok'],
    ours: 'EINVAL',
    reason: 'a typo must not switch release off; the patch knows neither form',
    applies: flagText((text) => /^(?:\+|0x)[0-9]/.test(text)),
  },

  // Names and paths.
  {
    name: 'mkdir: 256 bytes, by root',
    kernel: ['ok'],
    ours: 'ENAMETOOLONG',
    reason: "the patch's filesystem has names of at most 255 bytes, kernfs has no limit",
    applies: (request) => request.type === 'mkdir' && isLong(lastOf(request.path)),
  },
  {
    name: 'rename: to 256 bytes, by root',
    kernel: ['ok', 'EIO', 'ENOTDIR'],
    ours: 'ENAMETOOLONG',
    reason: "the patch's filesystem has names of at most 255 bytes, kernfs has no limit",
    applies: (request) => request.type === 'rename' && isLong(lastOf(request.to)),
  },
  {
    name: 'rename: into itself, to 256 bytes',
    kernel: ['EINVAL'],
    ours: 'ENAMETOOLONG',
    reason:
      'the path walk of Linux looks a name up before it asks where that is, and kernfs finds no fault with it',
    applies: (request, { isMounted }) => isMounted && request.type === 'rename' && isLong(lastOf(request.to)),
  },
  {
    name: 'a path through 256 bytes',
    kernel: ['ENOENT'],
    ours: 'ENAMETOOLONG',
    reason: "the patch's filesystem has names of at most 255 bytes, kernfs has no limit",
    applies: (request, { isMounted }) => throughNames(request, isMounted).some(isLong),
  },
  {
    name: 'mkdir: .at in the root',
    kernel: ['ok'],
    ours: 'EEXIST',
    reason: 'the name is reserved for the past',
    applies: (request) => isAtMade(request),
  },
  {
    name: 'mkdir: .at in the root, where nothing may be made',
    kernel: ['EACCES'],
    ours: 'EEXIST',
    reason:
      'the name is reserved for the past; Linux, which finds nothing of that name, looks at the mode first',
    applies: (request, { isMounted }) => !isMounted && isAtMade(request),
  },
  {
    name: 'rename: to another parent, where the name is taken',
    kernel: ['EIO'],
    ours: 'EEXIST',
    reason: 'the patch looks at the name before it looks at the parent',
    applies: (request, { paths }) => request.type === 'rename' && paths.has(plain(request.to)),
  },
  {
    name: 'rename: nothing to a dot name or the root',
    kernel: ['EBUSY'],
    ours: 'ENOENT',
    reason:
      'the contract looks for the source first, the path walk of Linux looks at the kinds of both last names',
    applies: (request, { paths, isMounted }) =>
      !isMounted &&
      request.type === 'rename' &&
      /^(?:\.{0,2})$/.test(lastOf(request.to)) &&
      !exists(request.from, paths),
  },
];

/** What tasktrail has to answer to a request, given the kernel's answer; `row` where the table says so. */
export function expectedOf(
  request: Request,
  answer: Answer,
  scene: Scene,
): { readonly answer: Answer; readonly row?: Row } {
  const row = rows.find((each) => each.kernel.includes(answer) && each.applies(request, scene));
  return row === undefined ? { answer } : { answer: row.ours, row };
}

/** Whether somebody acts as a user who is none of the two that may move him, nor root: by a set-uid bit, say. */
export function isForeign({ real, effective, saved }: User): boolean {
  return ![0, real, saved].includes(effective);
}

/** A path with its dot names and repeated slashes resolved. */
export function plain(path: Bytes): Bytes {
  const names: Bytes[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

const withPlus = /^[\t-\r ]*\+[0-9]+[\t-\r ]*$/;
const nonBreaking = /^\xa0|\xa0$/;

function tasksText(matches: (text: Bytes) => boolean): Row['applies'] {
  return (request, { opened }) =>
    opened &&
    request.type === 'write' &&
    request.file === 'tasks' &&
    request.text !== '' &&
    matches(untilNul(request.text));
}

function flagText(matches: (text: Bytes) => boolean): Row['applies'] {
  return (request, { opened }) =>
    opened &&
    request.type === 'write' &&
    request.file === 'notify_on_release' &&
    matches(untilNul(request.text));
}

function untilNul(text: Bytes): Bytes {
  return text.split('\0')[0] ?? '';
}

function isNumber(text: Bytes): boolean {
  return /^[\t-\r ]*-?[0-9]+[\t-\r ]*$/.test(text);
}

function isDigits(text: Bytes): boolean {
  return /^[\t-\r ]*[0-9]+[\t-\r ]*$/.test(text);
}

function isZero(request: Request): boolean {
  return request.type === 'write' && request.file === 'tasks' && /^\s*-?0+\s*$/.test(untilNul(request.text));
}

function isAboutKernelThread(request: Request): boolean {
  if (request.type === 'attach') return request.pid === kernelThread;
  return request.type === 'write' && request.file === 'tasks' && request.text === String(kernelThread);
}

function isAtMade(request: Request): boolean {
  return request.type === 'mkdir' && plain(request.path) === '/.at';
}

function isLong(name: Bytes): boolean {
  return name.length > nameLimitBytes;
}

function lastOf(path: Bytes): Bytes {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '');
}

/** The names that the request's path leads through; to a system call that removes it, its last name too. */
function throughNames(request: Request, isMounted: boolean): Bytes[] {
  if (request.type === 'rename') return [];
  const names = request.path.split('/');
  if (request.type === 'rmdir' && isMounted) return names;
  return request.type === 'mkdir' || request.type === 'rmdir' ? names.slice(0, -1) : names;
}

function exists(path: Bytes, paths: ReadonlySet<Bytes>): boolean {
  if (/\/(?:tasks|notify_on_release)$/.test(path)) return paths.has(plain(path.replace(/\/[^/]*$/, '')));
  return paths.has(plain(path));
}
