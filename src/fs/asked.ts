/**
 * What one call asks of the recorder, and who makes the call. What is told of either in a refusal alone is found when it
 * is: of most calls nobody needs it.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Request } from '../engine/recorder.ts';
import type { Actor, Command } from '../kernel/command.ts';
import type { Refusal } from '../kernel/errno.ts';
import type { Header } from './header.ts';

/** Whoever makes a call. */
export class Asker implements Actor {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly #groupsOf: (pid: number) => readonly number[];

  constructor({ pid, uid, gid }: Header, groupsOf: (pid: number) => readonly number[]) {
    this.pid = pid;
    this.uid = uid;
    this.gid = gid;
    this.#groupsOf = groupsOf;
  }

  /** Seldom asked for, and not cheap. Root may all, in whatever groups it is. */
  get groups(): readonly number[] {
    return this.uid === 0 || this.pid === 0 ? [] : this.#groupsOf(this.pid);
  }
}

/** What is asked by one call: a command, or what is refused before it is one. */
export class Asked implements Request {
  readonly actor: Actor;
  readonly name: string;
  readonly #path: () => Bytes;
  readonly #command: Command | Refusal;

  constructor(actor: Actor, name: string, path: () => Bytes, command: Command | Refusal) {
    this.actor = actor;
    this.name = name;
    this.#path = path;
    this.#command = command;
  }

  /** Asked for where it is refused. */
  get path(): Bytes {
    return this.#path();
  }

  plan(): Command | Refusal {
    return this.#command;
  }
}
