/**
 * Commands: what somebody asks of a tree, and may be refused. They name things the way a filesystem does,
 * by a parent container's id and a name, so that every door (CLI, HTTP, mount) asks the same question.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { File, Node } from '../../events/event.ts';

/** Who asks, by the kernel's word. */
export interface Actor {
  /** The asking thread; 0 where the door cannot know it. */
  readonly pid: number;
  /** Effective uid (filesystem: fsuid). */
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** A name in a directory. The root is `{ parent: 0, name: '' }`: it has no parent. */
export interface Place {
  readonly parent: number;
  readonly name: Bytes;
}

export interface MkdirCommand {
  readonly type: 'mkdir';
  readonly at: Place;
  readonly mode: number;
  readonly umask: number;
}

export interface RmdirCommand {
  readonly type: 'rmdir';
  readonly at: Place;
}

export interface RenameCommand {
  readonly type: 'rename';
  readonly from: Place;
  readonly to: Place;
  /** RENAME_EXCHANGE was asked for. */
  readonly exchange: boolean;
}

/** A write to one of a container's files, as one write(2). */
export interface WriteCommand {
  readonly type: 'write';
  readonly container: number;
  readonly file: File;
  readonly text: Bytes;
}

/** Moves the whole process that `pid` belongs to, all of its threads or none. */
export interface AttachCommand {
  readonly type: 'attach';
  readonly container: number;
  readonly pid: number;
}

/** chmod(2) and chown(2) of one of a container's nodes; what is undefined stays. */
export interface AttrCommand {
  readonly type: 'attr';
  readonly container: number;
  readonly node: Node;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Gives a container's directory and both of its files to a user at once. */
export interface DelegateCommand {
  readonly type: 'delegate';
  readonly container: number;
  readonly uid: number;
  readonly gid: number;
}

/** create, symlink, link, unlink, … of anything that is not a directory: never allowed. */
export interface NodeCommand {
  readonly type: 'create' | 'symlink' | 'link' | 'fifo' | 'unlink';
  readonly at: Place;
}

export type Command =
  | MkdirCommand
  | RmdirCommand
  | RenameCommand
  | WriteCommand
  | AttachCommand
  | AttrCommand
  | DelegateCommand
  | NodeCommand;
