/**
 * The HTTP API, as types: what a client sends and gets. JSON over a unix socket; names and paths are text
 * as `textOf` writes it, so that every byte string can be said.
 */

import type { File } from '../../events/event.ts';
import type { Moment } from '../engine/past.ts';

/** The bodies of `POST /v1/NAME`. */
export interface Commands {
  readonly mkdir: { readonly path: string; readonly mode: number; readonly umask: number };
  readonly rmdir: { readonly path: string };
  readonly rename: { readonly from: string; readonly to: string };
  /** Moves a whole process, or with `thread` the one thread. */
  readonly attach: { readonly path: string; readonly pid: number; readonly thread: boolean };
  /** Writes `text` to one of a container's files, as one write(2) would. */
  readonly write: {
    readonly path: string;
    readonly file: File;
    readonly text: string;
  };
  /** Stops the daemon; with `unload` the kernel does not go on recording either. Answered before it stops. */
  readonly down: { readonly unload: boolean };
  readonly delegate: { readonly path: string; readonly uid: number; readonly gid: number };
}

export type CommandName = keyof Commands;

/** A command was carried out and is on disk. */
export interface DoneBody {
  readonly seq: number;
}

/**
 * Anything that was not: `error` is a sentence for a person; `errno` and `saw` are there where the contract gives an
 * errno, and are the refusal that the sentence is made of.
 */
export interface ErrorBody {
  readonly errno?: string;
  readonly saw?: string;
  readonly error: string;
  /** Of a refusal in the past: when. */
  readonly moment?: Moment;
}

/** What `GET /v1/status` adds to the recording. */
export type { DaemonView } from '../engine/reader.ts';

/** The socket's name in the recording's folder. */
export const socketName = 'tasktrail.sock';

/**
 * How much a request's first line and headers may hold. A path may have 4,095 bytes, and each byte that is no
 * printable UTF-8 takes six characters in a query: `%5Cxff`.
 */
export const headerLimitBytes = 32 * 1024;

/** The longest path that a unix socket can have, without its NUL (unix(7)). */
export const socketPathLimitBytes = 107;
