/**
 * The load under which daemons are killed: commands one after the other, each on a container of its own, with tasks
 * that enter it and end, so that it is released. It keeps account of what it was answered; what was asked and not
 * answered may have been done or not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { EventType } from '../../events/event.ts';
import type { CommandName, Commands } from '../../src/http/api.ts';
import { DaemonError, type HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';

/** A command that was answered: the event that the log must hold because of it. */
export interface Answered {
  readonly type: Extract<EventType, 'mkdir' | 'flag' | 'attach' | 'rmdir'>;
  /** The name of the container. */
  readonly name: string;
}

export interface LoadOptions {
  /** Begins the names of its containers. */
  readonly prefix: string;
  /** How long it rests between one container and the next; not at all where not given. */
  readonly restMs?: number;
  /** How many of its containers stay; all, where not given, that are not removed at once. */
  readonly standing?: number;
}

const pauseMs = 30;
/** Every so many containers are removed as soon as their task has ended, and with it their release may become stale. */
const removedEvery = 3;

export class Load {
  readonly answered: Answered[] = [];
  readonly #reader: HttpReader;
  readonly #options: LoadOptions;
  /** The names of the containers that stay for now, the oldest first. */
  readonly #standing: string[] = [];
  #rounds = 0;
  #isOver = false;

  constructor(reader: HttpReader, options: LoadOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** Goes on until `end`. */
  async run(): Promise<void> {
    const { prefix, restMs = 0, standing = Number.POSITIVE_INFINITY } = this.#options;
    while (!this.#isOver) {
      this.#rounds += 1;
      await this.#round(`${prefix}${this.#rounds}`);
      if (this.#standing.length > standing) await this.#remove(this.#standing.shift() ?? '');
      if (restMs > 0) await setTimeout(restMs);
    }
  }

  end(): void {
    this.#isOver = true;
  }

  async #round(name: string): Promise<void> {
    const path = `/${name}`;
    const task = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const ended = once(task, 'exit');
    try {
      const pid = task.pid ?? 0;
      if (!(await this.#ask('mkdir', name, 'mkdir', { path, mode: 0o755, umask: 0o022 }))) return;
      const file = 'notify_on_release';
      if (!(await this.#ask('write', name, 'flag', { path, file, text: '1' }))) return;
      await this.#ask('attach', name, 'attach', { path, pid, thread: false });
    } finally {
      task.kill('SIGKILL');
      await ended;
    }
    if (this.#rounds % removedEvery === 0) await this.#remove(name);
    else this.#standing.push(name);
  }

  async #remove(name: string): Promise<void> {
    await this.#ask('rmdir', name, 'rmdir', { path: `/${name}` });
  }

  /** Whether it was done. Where no daemon answers, it waits a little. */
  async #ask<Name extends CommandName>(
    command: Name,
    name: string,
    type: Answered['type'],
    body: Commands[Name],
  ): Promise<boolean> {
    try {
      const answer = await this.#reader.command(command, body);
      if (isRefusal(answer)) return false;
      this.answered.push({ type, name });
      return true;
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      await setTimeout(pauseMs);
      return false;
    }
  }
}
