/**
 * Tasktrail's side: a daemon that records this machine, in this process. Requests go through one of its two doors. They
 * are commands of the API, each sent by the acting puppet itself over a connection of its own, so that the socket's
 * peer is who asks; or system calls of the puppet's in the mounted tree. Views are read through the same door.
 */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import { type Daemon, startDaemon } from '../../src/daemon.ts';
import { type CommandName, type Commands, type ErrorBody, socketName } from '../../src/http/api.ts';
import { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import type { AgentCalls } from './agentCalls.ts';
import { mountedView, pidsIn } from './mountedView.ts';
import type { Reply, Stage } from './puppets.ts';
import type { Answer, Request } from './step.ts';
import { SystemCalls } from './systemCalls.ts';
import { until } from './until.ts';
import type { ContainerSeen, View } from './view.ts';

export interface TasktrailOptions {
  readonly folder: string;
  readonly agent: AgentCalls;
  /** Off only to show that the oracle finds what is wrong then. */
  readonly drainBeforeDecide: boolean;
  /** Where the tree is to be mounted; undefined where requests are commands. */
  readonly mountPoint?: string | undefined;
}

/** How many entries of the log tell enough of a task. */
const storyEntries = 5;

export class TasktrailSide {
  readonly name = 'tasktrail';
  readonly #stage: Stage;
  readonly #daemon: Daemon;
  readonly #socketPath: string;
  readonly #reader: HttpReader;
  readonly #calls: SystemCalls | undefined;

  private constructor(stage: Stage, daemon: Daemon, folder: string, mountPoint: string | undefined) {
    this.#calls =
      mountPoint === undefined ? undefined : new SystemCalls(stage, { mountPoint, likeTasks: [] });
    this.#stage = stage;
    this.#daemon = daemon;
    this.#socketPath = `${folder}/${socketName}`;
    this.#reader = new HttpReader(folder);
  }

  static async open(stage: Stage, options: TasktrailOptions): Promise<TasktrailSide> {
    const { folder, agent, drainBeforeDecide, mountPoint } = options;
    const daemon = await startDaemon({
      folder,
      source: 'ebpf',
      releaseAgent: agent.program,
      syncIntervalMs: 1000,
      version: 'oracle',
      drainBeforeDecide,
      ...(mountPoint !== undefined && { mount: { folder: mountPoint, isRequired: true } }),
    });
    const side = new TasktrailSide(stage, daemon, folder, mountPoint);
    // The users of the program are nobody's group, and shall be able to ask.
    chmodSync(folder, 0o755);
    chmodSync(side.#socketPath, 0o666);
    return side;
  }

  /** Rejects when the daemon cannot go on. */
  get closed(): Promise<void> {
    return this.#daemon.closed;
  }

  /** Whether requests go through the mount. */
  get isMounted(): boolean {
    return this.#calls !== undefined;
  }

  /** Makes the request's system call, or sends its command, as its actor. Only a command moves a whole process. */
  async perform(request: Request): Promise<Reply> {
    if (this.#calls && request.type !== 'attach' && !request.byCommand) return this.#calls.perform(request);
    return { answer: await this.#send(request), value: '' };
  }

  #send(request: Request): Promise<Answer> {
    switch (request.type) {
      case 'mkdir': {
        const { path, mode, umask } = request;
        return this.#command(request, 'mkdir', { path: textOf(path), mode, umask });
      }
      case 'rmdir':
        return this.#command(request, 'rmdir', { path: textOf(request.path) });
      case 'rename':
        return this.#command(request, 'rename', { from: textOf(request.from), to: textOf(request.to) });
      case 'write': {
        const { path, file, text } = request;
        return this.#command(request, 'write', { path: textOf(path), file, text: textOf(text) });
      }
      case 'attach': {
        const { path, pid } = request;
        return this.#command(request, 'attach', { path: textOf(path), pid, thread: false });
      }
      case 'delegate': {
        const { path, uid, gid } = request;
        return this.#command(request, 'delegate', { path: textOf(path), uid, gid });
      }
      default:
        throw new Error(`there is no command for ${request.type}`);
    }
  }

  /** The tasks in a container, ascending. */
  async pidsIn(path: Bytes): Promise<number[]> {
    return this.#calls ? pidsIn(this.#calls, path) : this.#tasksOf(path);
  }

  async #tasksOf(path: Bytes): Promise<number[]> {
    const tasks = await this.#reader.ask({ kind: 'tasks', path: textOf(path) });
    return isRefusal(tasks) ? [] : tasks.map(({ pid }) => pid);
  }

  /** What there is to see, of tasks only those in `own`. */
  async view(own: ReadonlySet<number>): Promise<View> {
    if (this.#calls) return mountedView(this.#calls, own);
    const tree = await this.#reader.ask({ kind: 'tree', path: '/' });
    assert(!isRefusal(tree), 'the root can be listed');
    const containers: ContainerSeen[] = [];
    for (const { path: text, tasks, notifyOnRelease: notify, mode, uid, gid } of tree) {
      const path = bytesOf(text);
      const all = tasks === 0 ? [] : await this.#tasksOf(path);
      const pids = all.filter((pid) => path !== '/' || own.has(pid));
      containers.push({ path, notify, mode: Number.parseInt(mode, 8), uid, gid, pids });
    }
    const paths = new Map<number, Bytes>();
    for (const pid of own) {
      const answer = await this.#reader.ask({ kind: 'path', pid });
      paths.set(pid, isRefusal(answer) ? answer.errno : bytesOf(answer.path));
    }
    return { containers, paths };
  }

  /** The real uid and the process of every task in the tree, by pid. */
  async users(): Promise<Map<number, { readonly uid: number; readonly tgid: number }>> {
    const tree = await this.#reader.ask({ kind: 'tree', path: '/' });
    assert(!isRefusal(tree), 'the root can be listed');
    const users = new Map<number, { readonly uid: number; readonly tgid: number }>();
    for (const { path } of tree.filter(({ tasks }) => tasks > 0)) {
      const tasks = await this.#reader.ask({ kind: 'tasks', path });
      if (isRefusal(tasks)) continue;
      for (const { pid, uid, tgid } of tasks) users.set(pid, { uid, tgid });
    }
    return users;
  }

  /** Resolves when no release waits for its agent and no agent runs, with what went wrong with any so far. */
  async agentsQuiet(): Promise<string> {
    let failed = 0;
    let stale = 0;
    await until("tasktrail's agents to end", async () => {
      const { waiting, agents, releases } = await this.#reader.status();
      ({ failed, stale } = releases);
      return waiting === 0 && agents.length === 0;
    });
    return failed + stale === 0 ? '' : `${failed} agents failed, ${stale} releases were stale`;
  }

  /** The last that was recorded of a task, and of looks at the machine; one line each. */
  async storyOf(pid: number): Promise<string[]> {
    const lines: string[] = [];
    for (const query of [{ pid }, { types: ['gap'] as const }]) {
      for await (const entry of this.#reader.log({ ...query, limit: storyEntries })) {
        lines.push(JSON.stringify(entry));
      }
    }
    return lines;
  }

  /** How much was recorded, how often the recorder had to look at the machine anew, and what it cannot see. */
  async recorded(): Promise<{ readonly seq: number; readonly gaps: number; readonly blind: string }> {
    return this.#reader.status();
  }

  close(): Promise<void> {
    return this.#daemon.stop();
  }

  async #command<Name extends CommandName>(
    { actor }: Request,
    name: Name,
    body: Commands[Name],
  ): Promise<Answer> {
    const socket = Buffer.from(this.#socketPath).toString('hex');
    const { value } = await this.#stage.order(actor, 'ask', socket, requestHex(name, JSON.stringify(body)));
    return answerIn(Buffer.from(value, 'hex').toString('utf8'));
  }
}

function requestHex(name: CommandName, body: string): string {
  const lines = [
    `POST /v1/${name} HTTP/1.1`,
    'Host: tasktrail',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`).toString('hex');
}

/** `ok` or the errno in a whole HTTP response. */
function answerIn(response: string): Answer {
  const [head = '', body = ''] = response.split('\r\n\r\n');
  if (/^HTTP\/1\.1 200 /.test(head)) return 'ok';
  const { errno, error } = JSON.parse(body) as ErrorBody;
  assert(errno, `the daemon did not understand a command: ${error}`);
  return errno;
}
