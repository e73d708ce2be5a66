/**
 * Steps: what a program of the oracle is made of. A request is carried out twice, as a system call on the
 * kernel's cgroup filesystem and as a command of tasktrail's API; a deed happens once, on the machine, and both
 * have to notice.
 */
import { type Bytes, textOf } from '../../events/bytes.ts';
import type { Process, Puppet, User } from './puppets.ts';

export type File = 'tasks' | 'notify_on_release';
export type Node = File | 'directory';

/** Something that a puppet asks of both sides. Paths are those of tasktrail: `/` is the root. */
export type Request = {
  readonly actor: Puppet;
  /** Tasktrail is asked by a command, also where its mount is at hand: what the mount shows must not be out of date. */
  readonly byCommand?: boolean;
} & (
  | { readonly type: 'mkdir'; readonly path: Bytes; readonly mode: number; readonly umask: number }
  | { readonly type: 'rmdir'; readonly path: Bytes }
  | { readonly type: 'rename'; readonly from: Bytes; readonly to: Bytes }
  | {
      readonly type: 'write';
      readonly path: Bytes;
      readonly file: File;
      readonly text: Bytes;
      /** What the kernel is given in place of `text`, where it would read another number in that. */
      readonly kernelText?: Bytes;
      /** The text names a task that has ended and was not reaped. */
      readonly zombie?: boolean;
    }
  | { readonly type: 'attach'; readonly path: Bytes; readonly pid: number; readonly zombie?: boolean }
  | { readonly type: 'delegate'; readonly path: Bytes; readonly uid: number; readonly gid: number }
  // What only a mounted tree can be asked.
  | { readonly type: 'chmod'; readonly path: Bytes; readonly node: Node; readonly mode: number }
  | {
      readonly type: 'chown';
      readonly path: Bytes;
      readonly node: Node;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'read'; readonly path: Bytes; readonly file: File }
  | { readonly type: 'list'; readonly path: Bytes }
  | { readonly type: 'stat'; readonly path: Bytes; readonly node: Node }
);

/** Something that a puppet does, or that is done to one. */
export type Deed =
  | { readonly type: 'fork' | 'vfork' | 'thread' | 'exec' | 'flash'; readonly actor: Puppet }
  | { readonly type: 'exit' | 'exit_group'; readonly actor: Puppet; readonly code: number }
  | { readonly type: 'kill' | 'reap'; readonly victim: Process }
  | { readonly type: 'user'; readonly puppets: readonly Puppet[]; readonly user: User };

/** A container in the root that is released many times in a row, faster than anybody answers. */
export interface Flurry {
  readonly type: 'flurry';
  readonly path: Bytes;
  readonly times: number;
}

export type Step = Request | Deed | Flurry;

/** What was answered: `ok`, or the errno's name. */
export type Answer = string;

/** A step in one line. To be told before it is taken: deeds change those who do them. */
export function told(step: Step): string {
  switch (step.type) {
    case 'mkdir':
      return `${by(step)} mkdir ${shown(step.path)} mode ${octal(step.mode)} umask ${octal(step.umask)}`;
    case 'rmdir':
      return `${by(step)} rmdir ${shown(step.path)}`;
    case 'rename':
      return `${by(step)} rename ${shown(step.from)} ${shown(step.to)}`;
    case 'write': {
      const kernelText = step.kernelText === undefined ? '' : ` (the kernel gets ${shown(step.kernelText)})`;
      return `${by(step)} write "${shown(step.text)}" to ${step.file} of ${shown(step.path)}${kernelText}`;
    }
    case 'attach':
      return `${by(step)} attach ${shown(step.path)} ${step.pid}`;
    case 'delegate':
      return `${by(step)} delegate ${shown(step.path)} to ${step.uid}:${step.gid}`;
    case 'chmod':
      return `${by(step)} chmod ${octal(step.mode)} ${step.node} of ${shown(step.path)}`;
    case 'chown':
      return `${by(step)} chown ${step.uid}:${step.gid} ${step.node} of ${shown(step.path)}`;
    case 'read':
      return `${by(step)} read ${step.file} of ${shown(step.path)}`;
    case 'list':
      return `${by(step)} list ${shown(step.path)}`;
    case 'stat':
      return `${by(step)} stat ${step.node} of ${shown(step.path)}`;
    case 'exit':
    case 'exit_group':
      return `${step.actor.name} ${step.type} ${step.code}`;
    case 'kill':
    case 'reap':
      return `${step.type} ${step.victim.tgid}`;
    case 'user': {
      const { real, effective, saved, group } = step.user;
      const names = step.puppets.map(({ name }) => name).join(', ');
      return `${names} become uid ${real}, euid ${effective}, suid ${saved}, gid ${group}`;
    }
    case 'flurry':
      return `release ${shown(step.path)} ${step.times} times in a row`;
    default:
      return `${step.actor.name} ${step.type}`;
  }
}

/** Byte strings as text, with long runs of one character cut short. */
export function shown(bytes: Bytes): string {
  return textOf(bytes).replace(/(.)\1{15,}/gu, (run, character) => `${character}{${run.length}}`);
}

function by({ actor }: Request): string {
  return `${actor.name} (${actor.pid}, euid ${actor.user.effective})`;
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
