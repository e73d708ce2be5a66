/**
 * A session through the mount: the same commands as those of `test/support/session.ts`, by real tasks on the real
 * machine, as system calls in the mounted tree. What the tree has no file for (attaching a process, delegating, the path
 * of a task) is asked of the daemon.
 *
 * It prints what the other one does, with an errno alone where that one has a reason too; and it does not say that
 * nothing was recorded.
 */
import { strict as assert } from 'node:assert';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import { socketName } from '../../src/http/api.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { type Puppet, type Reply, Stage } from '../../tools/oracle/puppets.ts';
import { until } from '../../tools/oracle/until.ts';
import { Recording } from '../../tools/recording.ts';
import { wordAfter } from '../support/cast.ts';
import { counted, shortened, unescaped } from '../support/session.ts';

type Play = (parts: readonly string[], actor: Puppet) => Promise<readonly string[]>;

/** Above the largest pid of any Linux (PID_MAX_LIMIT): nobody has it. In sessions in memory nobody has 4242. */
const unknownPid = '4194305';
/** A descriptor that no session uses itself. */
const passing = held('9');

export class MountedSession {
  readonly #folder: string;
  readonly #stage: Stage;
  readonly #recording: Recording;
  /** Pids by name, also of tasks that have ended. */
  readonly #pids = new Map<string, number>();
  readonly #puppets = new Map<string, Puppet>();
  #umask = '22';
  /** Where agents write down what they do, and how many lines of that were printed. */
  readonly #account: string;
  #told = 0;

  private constructor(folder: string, stage: Stage, recording: Recording) {
    this.#folder = folder;
    this.#stage = stage;
    this.#recording = recording;
    this.#account = accountIn(folder);
  }

  /** Starts a daemon in this process, and the first task. Nothing here may wait for the mount. */
  static async open(): Promise<MountedSession> {
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-cases-'));
    chmodSync(folder, 0o755);
    const stage = new Stage(folder);
    await stage.open();
    // An agent removes what was released where the session has asked for that.
    const releaseAgent = join(folder, 'agent');
    const script = `#!/bin/sh
      printf 'release %s\\n' "$1" >> ${accountIn(folder)}
      [ -e ${folder}/removes ] || exit 0
      printf 'agent: rmdir %s\\n' "$1" >> ${accountIn(folder)}
      rmdir "${folder}/container$1"`;
    writeFileSync(accountIn(folder), '');
    writeFileSync(releaseAgent, script, { mode: 0o755 });
    const recording = await Recording.start({
      mount: { folder: join(folder, 'container'), isRequired: true },
      releaseAgent,
    });
    // Users are nobody's group, and shall be able to ask.
    chmodSync(recording.folder, 0o755);
    chmodSync(join(recording.folder, socketName), 0o666);
    return new MountedSession(folder, stage, recording);
  }

  async close(): Promise<void> {
    await this.#stage.close();
    await this.#recording.stop(async () => {});
    rmSync(this.#folder, { recursive: true });
  }

  /** Begins a case: a shell and nothing else. */
  async begin(): Promise<void> {
    await this.#bear(this.#stage.first, 'fork', 'sh');
    await this.#order(this.#puppet('sh'), 'cd', this.#hex('/'));
    this.#umask = '22';
    await this.#changed();
  }

  /** Ends all of its tasks, and removes all of its containers. */
  async end(): Promise<void> {
    rmSync(join(this.#folder, 'removes'), { force: true });
    for (const process of this.#stage.processes.slice(1)) await this.#stage.kill(process);
    for (const zombie of [...this.#stage.zombies]) await this.#stage.reap(zombie);
    await this.#quiet();
    await writeFile(this.#path('/notify_on_release'), '0');
    await this.#order(this.#stage.first, 'cd', this.#hex('/'));
    await this.#removeAll();
    await this.#order(this.#stage.first, 'cd', hexOf('/'));
    this.#pids.clear();
    this.#puppets.clear();
  }

  /** Removes all that is in the first task's working directory: some paths are too long to be named as a whole. */
  async #removeAll(isRoot = true): Promise<void> {
    const { first } = this.#stage;
    const { value } = await this.#order(first, 'list', hexOf('.'));
    for (const name of Buffer.from(value, 'hex').toString('latin1').split('\0')) {
      if (name === '' || isFile(name, isRoot)) continue;
      await this.#order(first, 'cd', hexOf(name));
      await this.#removeAll(false);
      await this.#order(first, 'cd', hexOf('..'));
      await this.#order(first, 'rmdir', hexOf(name));
    }
  }

  /** Carries out one line; returns the lines it prints. */
  async run(line: string): Promise<string[]> {
    const [, times = '1', lines = line] = /^repeat (\d+) (.*)$/.exec(line) ?? [];
    const round = lines === line ? [line] : lines.split('; ');
    const printed: string[] = [];
    for (let i = 0; i < Number(times); i++) {
      for (const each of round) printed.push(...(await this.#type(each)).map(shortened));
    }
    return lines === line ? printed : counted(printed);
  }

  async #type(line: string): Promise<readonly string[]> {
    const { actor, as, command } = this.#actorOf(this.#expanded(line));
    for (const [pattern, play] of this.#plays) {
      const parts = pattern.exec(command);
      if (!parts) continue;
      if (as.length > 0) await this.#order(actor, 'as', ...as);
      const printed = await play(parts.slice(1), actor);
      if (as.length > 0) await this.#order(actor, 'as', '0', '0');
      return printed;
    }
    throw new Error(`no session understands this: ${command}`);
  }

  readonly #plays: readonly (readonly [RegExp, Play])[] = [
    [
      /^mkdir(?: -m (\d+))? (\S+)$/,
      ([mode = '777', path = ''], actor) => this.#call(actor, 'mkdir', this.#hex(path), mode, this.#umask),
    ],
    [/^rmdir (\S+)$/, ([path = ''], actor) => this.#call(actor, 'rmdir', this.#hex(path))],
    [
      /^rename (\S+) (\S+)$/,
      ([from = '', to = ''], actor) => this.#call(actor, 'rename', this.#inner(from), this.#inner(to)),
    ],
    [
      /^rename --exchange (\S+) (\S+)$/,
      ([from = '', to = ''], actor) => this.#call(actor, 'exchange', this.#hex(from), this.#hex(to)),
    ],
    [/^touch (\S+)$/, ([path = ''], actor) => this.#call(actor, 'make', this.#hex(path), 'file')],
    [/^ln -s \S+ (\S+)$/, ([path = ''], actor) => this.#call(actor, 'make', this.#hex(path), 'symlink')],
    [
      /^ln (\S+) (\S+)$/,
      ([from = '', path = ''], actor) => this.#call(actor, 'make', this.#hex(path), 'link', this.#hex(from)),
    ],
    [/^mkfifo (\S+)$/, ([path = ''], actor) => this.#call(actor, 'make', this.#hex(path), 'fifo')],
    [/^unlink (\S+)$/, ([path = ''], actor) => this.#call(actor, 'unlink', this.#hex(path))],
    [
      /^chmod (\d+) (\S+)$/,
      ([mode = '', path = ''], actor) => this.#call(actor, 'chmod', this.#hex(path), mode),
    ],
    [
      /^chown (\d+) (\S+)$/,
      ([uid = '', path = ''], actor) => this.#call(actor, 'chown', this.#hex(path), uid, '-1'),
    ],
    [
      /^chgrp (\d+) (\S+)$/,
      ([gid = '', path = ''], actor) => this.#call(actor, 'chown', this.#hex(path), '-1', gid),
    ],
    [/^cd (\S+)$/, ([path = ''], actor) => this.#call(actor, 'cd', this.#hex(path))],

    [
      /^echo(?: (.*))? (>>?) (\S+)$/,
      ([text = '', how = '', target = ''], actor) => this.#write(actor, target, how, `${text}\n`),
    ],
    [
      /^printf "(.*)" (>>?) (\S+)$/,
      ([text = '', how = '', target = ''], actor) => this.#write(actor, target, how, unescaped(text)),
    ],
    [
      /^exec (\d)(>>?|<) (\S+)$/,
      ([fd = '', how = '', path = ''], actor) =>
        this.#call(actor, 'hold', held(fd), this.#hex(path), flagsOf(how)),
    ],
    [
      /^pwrite (\d+) (\S+) > &(\d)$/,
      ([offset = '', text = '', fd = ''], actor) => this.#call(actor, 'putat', held(fd), hexOf(text), offset),
    ],
    [/^seek (\d+) &(\d)$/, ([offset = '', fd = ''], actor) => this.#call(actor, 'seek', held(fd), offset)],
    [/^head -c (\d+) <&(\d)$/, ([size = '', fd = ''], actor) => this.#read(actor, 'get', held(fd), size)],
    [/^cat (\S+)$/, ([path = ''], actor) => this.#read(actor, 'read', this.#hex(path))],

    [
      /^attach (\S+) (\d+)$/,
      ([path = '', pid], actor) => this.#ask(actor, 'attach', { path, pid: Number(pid) }),
    ],
    [
      /^delegate (\S+) (\d+):(\d+)$/,
      ([path = '', uid, gid], actor) =>
        this.#ask(actor, 'delegate', { path, uid: Number(uid), gid: Number(gid) }),
    ],
    [/^path (\d+)$/, ([pid]) => this.#pathOf(Number(pid))],
    [/^ls (\S+)$/, ([path = ''], actor) => this.#list(actor, path)],
    [/^stat (\S+)$/, ([path = ''], actor) => this.#stat(actor, path)],
    [/^umask (\d+)$/, ([mask = '']) => this.#mask(mask)],
    [/^agent rmdir$/, () => this.#letAgentRemove()],

    [/^start (\w+)(.*)$/, ([name = '', rest = '']) => this.#start(name, rest.trim().split(' '))],
    [/^(\w+) (forks|vforks|clones) (\w+)$/, ([who = '', how = '', name = '']) => this.#birth(who, how, name)],
    [/^(\w+) execs \S+$/, ([who = '']) => this.#exec(who)],
    [/^(\w+) exits$/, ([who = '']) => this.#happened(this.#stage.exit(this.#puppet(who), 0))],
    [/^(\w+) killed$/, ([who = '']) => this.#happened(this.#stage.kill(this.#puppet(who).process))],
    [/^(\w+) becomes (.*)$/, ([who = '', ids = '']) => this.#become(who, ids.split(' '))],
  ];

  /** A system call that may change something. */
  async #call(actor: Puppet, ...words: readonly string[]): Promise<readonly string[]> {
    const { answer } = await this.#stage.order(actor, ...words);
    return answer === 'ok' ? this.#changed() : [answer];
  }

  /** What has become of a deed: what the agents have written down since the last. */
  async #changed(): Promise<readonly string[]> {
    await this.#quiet();
    const lines = readFileSync(this.#account, 'latin1').split('\n').slice(0, -1);
    const printed = lines.slice(this.#told).map(textOf);
    this.#told = lines.length;
    // Agents for several containers run at the same time; where one has caused the next, it has said more.
    return printed.some((line) => line.startsWith('agent: ')) ? printed : printed.sort();
  }

  /** Resolves when every release has had its agent. */
  async #quiet(): Promise<void> {
    await until('the agents to end', async () => {
      const { waiting, agents } = await this.#recording.reader.status();
      return waiting === 0 && agents.length === 0;
    });
  }

  async #write(actor: Puppet, target: string, how: string, text: Bytes): Promise<readonly string[]> {
    if (target.startsWith('&')) return this.#call(actor, 'put', held(target.slice(1)), hexOf(text));
    const { answer } = await this.#stage.order(actor, 'hold', passing, this.#hex(target), flagsOf(how));
    if (answer !== 'ok') return [answer];
    const printed = await this.#call(actor, 'put', passing, hexOf(text));
    await this.#order(actor, 'drop', passing);
    return printed;
  }

  /** Pids are printed as names, in the order of their births. */
  async #read(actor: Puppet, ...words: readonly string[]): Promise<readonly string[]> {
    const { answer, value } = await this.#stage.order(actor, ...words);
    if (answer !== 'ok') return [answer];
    const lines = Buffer.from(value, 'hex').toString('latin1').split('\n').slice(0, -1);
    if (lines.every((line) => line === '0' || line === '1')) return lines;
    const names = [...this.#pids].filter(([, pid]) => lines.includes(String(pid))).map(([name]) => name);
    assert.equal(names.length, lines.length, `${lines} are not all in the session`);
    return [names.join(' ')];
  }

  async #list(actor: Puppet, path: string): Promise<readonly string[]> {
    const { answer, value } = await this.#stage.order(actor, 'list', this.#hex(path));
    if (answer !== 'ok') return [answer];
    const names = Buffer.from(value, 'hex').toString('latin1').split('\0');
    return names
      .filter((name) => name !== '' && !isFile(name, path === '/'))
      .sort()
      .map(textOf);
  }

  async #stat(actor: Puppet, path: string): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const node of ['directory', 'tasks', 'notify_on_release']) {
      const file = node === 'directory' ? '' : `/${node}`;
      const { value } = await this.#order(actor, 'stat', this.#hex(`${path}${file}`));
      const [mode = '', owner = ''] = Buffer.from(value, 'hex').toString('latin1').split(' ');
      lines.push(`${mode.slice(-4).padStart(4, '0')} ${owner} ${node}`);
    }
    return lines;
  }

  async #pathOf(pid: number): Promise<readonly string[]> {
    const answer = await this.#recording.reader.ask({ kind: 'path', pid });
    return [isRefusal(answer) ? answer.errno : answer.path];
  }

  /** A command of the daemon's, of whom it is asked for. */
  async #ask(actor: Puppet, name: 'attach' | 'delegate', body: object): Promise<readonly string[]> {
    const text = JSON.stringify(name === 'attach' ? { ...body, thread: false } : body);
    const lines = [
      `POST /v1/${name} HTTP/1.1`,
      'Host: tasktrail',
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${text.length}`,
    ];
    const socket = join(this.#recording.folder, socketName);
    const request = `${lines.join('\r\n')}\r\n\r\n${text}`;
    const { value } = await this.#order(actor, 'ask', hexOf(socket), hexOf(request));
    const response = Buffer.from(value, 'hex').toString();
    if (/^HTTP\/1\.1 200 /.test(response)) return this.#changed();
    return [/"errno":"(\w+)"/.exec(response)?.[1] ?? response];
  }

  async #mask(mask: string): Promise<readonly string[]> {
    this.#umask = mask;
    return [];
  }

  async #letAgentRemove(): Promise<readonly string[]> {
    writeFileSync(join(this.#folder, 'removes'), '');
    return [];
  }

  async #start(name: string, words: readonly string[]): Promise<readonly string[]> {
    await this.#bear(this.#stage.first, 'fork', name);
    if (words.includes('uid')) await this.#become(name, words);
    return [];
  }

  async #become(who: string, words: readonly string[]): Promise<readonly string[]> {
    const real = Number(wordAfter(words, 'uid'));
    const saved = Number(wordAfter(words, 'suid') ?? real);
    // Whom it acts as is nothing to anybody: root can become another again, and whom root is, is not what it acts as.
    const effective = real === 0 && saved === 0 && words.includes('suid') ? 1000 : 0;
    const user = { real, effective, saved, group: 0 };
    return this.#happened(this.#stage.become(this.#puppet(who), user));
  }

  async #birth(who: string, how: string, name: string): Promise<readonly string[]> {
    const deed = { forks: 'fork', vforks: 'vfork', clones: 'thread' } as const;
    await this.#bear(this.#puppet(who), deed[how as keyof typeof deed], name);
    return [];
  }

  async #bear(parent: Puppet, how: 'fork' | 'vfork' | 'thread', name: string): Promise<void> {
    const before = new Set(this.#stage.puppets);
    await (how === 'thread' ? this.#stage.thread(parent) : this.#stage.fork(parent, how));
    const child = this.#stage.puppets.find((puppet) => !before.has(puppet));
    assert(child);
    this.#puppets.set(name, child);
    this.#pids.set(name, child.pid);
  }

  /** The thread that executes a program goes by its leader's name from then on. */
  async #exec(who: string): Promise<readonly string[]> {
    const puppet = this.#puppet(who);
    const leader = [...this.#pids].find(([, pid]) => pid === puppet.process.tgid)?.[0];
    const printed = await this.#happened(this.#stage.exec(puppet));
    if (leader !== undefined) this.#puppets.set(leader, puppet);
    return printed;
  }

  async #happened(deed: Promise<void>): Promise<readonly string[]> {
    await deed;
    return this.#changed();
  }

  async #order(actor: Puppet, ...words: readonly string[]): Promise<Reply> {
    const reply = await this.#stage.order(actor, ...words);
    assert.equal(reply.answer, 'ok', words.join(' '));
    return reply;
  }

  #puppet(name: string): Puppet {
    const puppet = this.#puppets.get(name);
    assert(puppet, `${name} is nobody`);
    return puppet;
  }

  #path(path: string): Buffer {
    const bytes = bytesOf(path);
    return Buffer.from(bytes.startsWith('/') ? `${this.#folder}/container${bytes}` : bytes, 'latin1');
  }

  #hex(path: string): string {
    return this.#path(path).toString('hex');
  }

  /** The root is named from inside: seen from outside it is a folder of another filesystem's. */
  #inner(path: string): string {
    return this.#hex(path === '/' ? '/.' : path);
  }

  /** Texts of a certain length end in a pid, which has three digits in memory. */
  #expanded(line: string): string {
    const withPids = line
      .replace(/\{0\*(\d+)\}\$(\w+)/g, (_, times: string, name: string) => {
        const pid = this.#pidOf(name);
        return `${'0'.repeat(Number(times) + 3 - pid.length)}${pid}`;
      })
      .replace(/\$\{?(\w+)\}?/g, (_, name: string) => this.#pidOf(name));
    return withPids
      .replace(/\b4242\b/g, unknownPid)
      .replace(/\{(.)\*(\d+)\}/g, (_, character: string, times: string) => character.repeat(Number(times)));
  }

  #pidOf(name: string): string {
    const pid = this.#pids.get(name);
    assert(pid, `nobody was ever called ${name}`);
    return String(pid);
  }

  /** Who acts, and as whom. */
  #actorOf(line: string): {
    readonly actor: Puppet;
    readonly as: readonly string[];
    readonly command: string;
  } {
    const [, who, command] =
      /^as ((?:uid \d+(?: gid \d+)?(?: groups [\d,]+)?)|pid 0|\w+) (.*)$/.exec(line) ?? [];
    const shell = this.#puppet('sh');
    if (who === undefined || command === undefined) return { actor: shell, as: [], command: line };
    if (who === 'pid 0') return { actor: shell, as: [], command };
    if (!who.startsWith('uid ')) return { actor: this.#puppet(who), as: [], command };
    const words = who.split(' ');
    const uid = wordAfter(words, 'uid') ?? '';
    const groups = wordAfter(words, 'groups');
    const as = [uid, wordAfter(words, 'gid') ?? uid, ...(groups === undefined ? [] : [groups])];
    return { actor: shell, as, command };
  }
}

function accountIn(folder: string): string {
  return join(folder, 'account');
}

/** Out of the way of those that a puppet has itself. */
function held(fd: string): string {
  return String(100 + Number(fd));
}

function flagsOf(how: string): string {
  return how === '<' ? 'r' : how === '>' ? 'w' : 'a';
}

function hexOf(bytes: Bytes): string {
  return Buffer.from(bytes, 'latin1').toString('hex') || '-';
}

/** What a directory lists beside its containers; the root has one file more. */
function isFile(name: string, isRoot: boolean): boolean {
  return /^(?:\.\.?|tasks|notify_on_release)$/.test(name) || (isRoot && name === 'release_agent');
}
