/**
 * A session: commands as a person would type them, against `decide`, `observe` and `reconcile` and a world in
 * memory. No I/O, no real process, no clock.
 *
 * Tasks are called by names: `start t` gives birth to one in init's container, `$t` is its pid, and where a
 * pid would be shown, its name is. The shell `sh` types, as root, unless `as uid 1000 …` or `as t …` is said.
 * `{x*255}` stands for 255 times `x`, and `\xNN` for a byte.
 *
 * A command prints why it is refused (`EBUSY: …`), each release, and `no event` where there was nothing to do.
 * `ls` shows containers, not their files.
 */
import { strict as assert } from 'node:assert';
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import type { Fact } from '../../events/event.ts';
import { type Container, pathOf, tasksOf } from '../../projections/hierarchy.ts';
import { World } from '../../projections/world.ts';
import type { Actor, AttrCommand, Command, NodeCommand, Place } from '../../src/kernel/command.ts';
import { decide } from '../../src/kernel/decide.ts';
import { isRefusal, type Refusal } from '../../src/kernel/errno.ts';
import type { Observation } from '../../src/kernel/observation.ts';
import { isNonsense, observe } from '../../src/kernel/observe.ts';
import { find, locate, openForWriting } from '../../src/kernel/path.ts';
import { adoptAll, reconcile } from '../../src/kernel/reconcile.ts';
import { Cast, shellPid, wordAfter } from './cast.ts';

type File = 'tasks' | 'notify_on_release';

/** One of a container's files, held open. */
interface Descriptor {
  readonly container: number;
  readonly file: File;
}

/** What a kind of line does, given the parts that its pattern captured; returns the lines it prints. */
type Play = (parts: readonly string[], actor: Actor) => readonly string[];

export class Session {
  readonly #world = new World();
  readonly #cast = new Cast();
  readonly #descriptors = new Map<string, Descriptor>();
  /** The working directory, which may have been removed. */
  #directory: Container;
  #umask = 0o022;
  /** Whether the release agent is `rmdir`; else there is none. */
  #agentRemoves = false;
  #seq = 0;

  constructor() {
    this.#apply([
      { type: 'tree', tree: 0, name: 'tasktrail', container: 1, hierarchy: 0, group: 0, mountPoint: '' },
    ]);
    this.#apply(adoptAll(this.#world.hierarchy, this.#cast.tasks()));
    this.#directory = this.#world.hierarchy.root;
  }

  /** Carries out one line; returns the lines it prints. `repeat 20 A; B` carries out several, many times. */
  run(line: string): string[] {
    const [, times, lines] = /^repeat (\d+) (.*)$/.exec(line) ?? [];
    if (lines === undefined) return this.#type(line).map(shortened);
    const round = lines.split('; ');
    const printed = Array.from({ length: Number(times) }, () => round.flatMap((each) => this.#type(each)));
    return counted(printed.flat().map(shortened));
  }

  #type(line: string): readonly string[] {
    const { actor, command } = this.#actorOf(this.#expanded(line));
    for (const [pattern, play] of this.#plays) {
      const parts = pattern.exec(command);
      if (parts) return play(parts.slice(1), actor);
    }
    throw new Error(`no session understands this: ${command}`);
  }

  readonly #plays: readonly (readonly [RegExp, Play])[] = [
    // What changes containers.
    [
      /^mkdir(?: -m (\d+))? (\S+)$/,
      ([mode = '777', path = ''], actor) => this.#mkdir(actor, path, octal(mode)),
    ],
    [/^rmdir (\S+)$/, ([path = ''], actor) => this.#rmdir(actor, path)],
    [/^rename (\S+) (\S+)$/, ([from = '', to = ''], actor) => this.#rename(actor, from, to, false)],
    [/^rename --exchange (\S+) (\S+)$/, ([from = '', to = ''], actor) => this.#rename(actor, from, to, true)],
    [/^touch (\S+)$/, ([path = ''], actor) => this.#makeNode(actor, path, 'create')],
    [/^ln -s \S+ (\S+)$/, ([path = ''], actor) => this.#makeNode(actor, path, 'symlink')],
    [/^ln \S+ (\S+)$/, ([path = ''], actor) => this.#makeNode(actor, path, 'link')],
    [/^mkfifo (\S+)$/, ([path = ''], actor) => this.#makeNode(actor, path, 'fifo')],
    [/^unlink (\S+)$/, ([path = ''], actor) => this.#makeNode(actor, path, 'unlink')],
    [
      /^chmod (\d+) (\S+)$/,
      ([mode = '', path = ''], actor) => this.#attr(actor, path, { mode: octal(mode) }),
    ],
    [/^chown (\d+) (\S+)$/, ([uid, path = ''], actor) => this.#attr(actor, path, { uid: Number(uid) })],
    [/^chgrp (\d+) (\S+)$/, ([gid, path = ''], actor) => this.#attr(actor, path, { gid: Number(gid) })],
    [
      /^delegate (\S+) (\d+):(\d+)$/,
      ([path = '', uid, gid], actor) => this.#delegate(actor, path, Number(uid), Number(gid)),
    ],

    // What writes to files, as shells do.
    [
      /^echo(?: (.*))? > (\S+)$/,
      ([text = '', target = ''], actor) => this.#write(actor, target, `${text}\n`),
    ],
    [
      /^printf "(.*)" > (\S+)$/,
      ([text = '', target = ''], actor) => this.#write(actor, target, unescaped(text)),
    ],
    [/^exec (\d)> (\S+)$/, ([number = '', target = ''], actor) => this.#hold(actor, number, target)],
    [/^attach (\S+) (\d+)$/, ([path = '', pid], actor) => this.#attach(actor, path, Number(pid))],

    // What reads.
    [/^cat (\S+)$/, ([target = ''], actor) => this.#cat(actor, target)],
    [/^ls (\S+)$/, ([path = ''], actor) => this.#at(actor, path, childrenText)],
    [/^stat (\S+)$/, ([path = ''], actor) => this.#at(actor, path, attributesText)],
    [/^path (\d+)$/, ([pid]) => [textOf(this.#world.taskPaths.pathsOfPid(Number(pid))?.get(0) ?? 'ESRCH')]],

    // The shell's own.
    [/^cd (\S+)$/, ([path = ''], actor) => this.#at(actor, path, (container) => this.#enter(container))],
    [/^umask (\d+)$/, ([mask = '']) => this.#mask(octal(mask))],
    [/^agent rmdir$/, () => this.#letAgentRemove()],

    // What happens on the machine, with and without anybody noticing.
    [/^reboot$/, () => this.#reboot()],
    [/^look$/, () => this.#look(true)],
    [/^unseen (.*)$/, ([sentence = '']) => this.#happenUnseen(sentence)],
    [/^(start .*|\w+ [a-z]+.*)$/, ([sentence = '']) => this.#see(this.#cast.happen(sentence))],
  ];

  #mkdir(actor: Actor, path: string, mode: number): readonly string[] {
    const at = this.#place(actor, path);
    return this.#decide(actor, isRefusal(at) ? at : { type: 'mkdir', at, mode, umask: this.#umask });
  }

  #rmdir(actor: Actor, path: string): readonly string[] {
    const at = this.#place(actor, path);
    return this.#decide(actor, isRefusal(at) ? at : { type: 'rmdir', at });
  }

  #rename(actor: Actor, oldPath: string, newPath: string, exchange: boolean): readonly string[] {
    const from = this.#place(actor, oldPath);
    if (isRefusal(from)) return this.#decide(actor, from);
    const to = this.#place(actor, newPath);
    return this.#decide(actor, isRefusal(to) ? to : { type: 'rename', from, to, exchange });
  }

  #makeNode(actor: Actor, path: string, type: NodeCommand['type']): readonly string[] {
    const at = this.#place(actor, path);
    return this.#decide(actor, isRefusal(at) ? at : { type, at });
  }

  #attr(actor: Actor, path: string, change: Pick<AttrCommand, 'mode' | 'uid' | 'gid'>): readonly string[] {
    const file = fileIn(path);
    const found = this.#container(actor, file?.path ?? path);
    if (isRefusal(found)) return this.#decide(actor, found);
    return this.#decide(actor, {
      type: 'attr',
      container: found.id,
      node: file?.name ?? 'directory',
      ...change,
    });
  }

  #delegate(actor: Actor, path: string, uid: number, gid: number): readonly string[] {
    const found = this.#container(actor, path);
    return this.#decide(
      actor,
      isRefusal(found) ? found : { type: 'delegate', container: found.id, uid, gid },
    );
  }

  #write(actor: Actor, target: string, text: Bytes): readonly string[] {
    const opened = this.#open(actor, target);
    return this.#decide(actor, isRefusal(opened) ? opened : { type: 'write', ...opened, text });
  }

  #hold(actor: Actor, number: string, target: string): readonly string[] {
    const opened = this.#open(actor, target);
    if (isRefusal(opened)) return [this.#refusalText(opened)];
    this.#descriptors.set(number, opened);
    return [];
  }

  #attach(actor: Actor, path: string, pid: number): readonly string[] {
    const opened = this.#open(actor, `${path}/tasks`);
    return this.#decide(
      actor,
      isRefusal(opened) ? opened : { type: 'attach', container: opened.container, pid },
    );
  }

  #cat(actor: Actor, target: string): readonly string[] {
    const file = fileIn(target);
    assert(file, `${target} is not a container's file`);
    return this.#at(actor, file.path, (container) => {
      if (file.name === 'notify_on_release') return [container.notify ? '1' : '0'];
      const names = tasksOf(container).map(({ pid }) => this.#cast.nameOf(pid));
      return names.length === 0 ? [] : [names.join(' ')];
    });
  }

  #enter(container: Container): readonly string[] {
    this.#directory = container;
    return [];
  }

  #mask(umask: number): readonly string[] {
    this.#umask = umask;
    return [];
  }

  #letAgentRemove(): readonly string[] {
    this.#agentRemoves = true;
    return [];
  }

  #happenUnseen(sentence: string): readonly string[] {
    this.#cast.happen(sentence);
    return [];
  }

  #reboot(): readonly string[] {
    this.#cast.boot();
    return this.#look(false);
  }

  /** A fresh look at the machine; prints everything that it concludes. */
  #look(sameBoot: boolean): readonly string[] {
    const facts = reconcile(this.#world.hierarchy, this.#cast.tasks(), sameBoot);
    return [...facts.flatMap((fact) => this.#conclusionText(fact)), ...this.#apply(facts)];
  }

  #conclusionText(fact: Fact): readonly string[] {
    const { hierarchy } = this.#world;
    if (fact.type === 'adopt') {
      const home = hierarchy.container(fact.container);
      assert(home, 'a task is adopted into a container that stands');
      return [`adopt ${this.#cast.nameOf(fact.pid)} into ${textOf(pathOf(home))}, ${fact.certainty}`];
    }
    // A release is printed when it is applied.
    if (!('task' in fact) || fact.type === 'release') return [];
    const { pid } = hierarchy.task(fact.task) ?? { pid: 0 };
    const certainty = 'certainty' in fact ? `, ${fact.certainty}` : '';
    return [`${fact.type} ${this.#cast.nameOf(pid)}${certainty}`];
  }

  #see(observations: readonly Observation[]): readonly string[] {
    return observations.flatMap((observation) => {
      const observed = observe(this.#world.hierarchy, observation);
      return isNonsense(observed) ? [this.#named(`nonsense: ${observed.nonsense}`)] : this.#apply(observed);
    });
  }

  #decide(actor: Actor, planned: Command | Refusal): readonly string[] {
    const decision = isRefusal(planned) ? planned : decide(this.#world.hierarchy, planned, actor);
    if (isRefusal(decision)) return [this.#refusalText(decision)];
    return decision.length === 0 ? ['no event'] : this.#apply(decision);
  }

  /** Applies facts; prints the releases among them, and what the agent does then. */
  #apply(facts: readonly Fact[]): readonly string[] {
    for (const fact of facts) {
      this.#seq += 1;
      this.#world.apply({ ...fact, seq: this.#seq, timeUs: this.#seq, skewUs: 0 });
    }
    return facts.flatMap((fact) => (fact.type === 'release' ? this.#release(fact.path) : []));
  }

  #release(path: Bytes): readonly string[] {
    const released = `release ${textOf(path)}`;
    if (!this.#agentRemoves) return [released];
    return [released, `agent: rmdir ${textOf(path)}`, ...this.#rmdir(afar, textOf(path))];
  }

  #place(actor: Actor, path: string): Place | Refusal {
    const bytes = bytesOf(path);
    // The one relative path that can be asked for in a removed working directory.
    if (!bytes.includes('/')) return { parent: this.#directory.id, name: bytes };
    return locate(this.#world.hierarchy, actor, this.#absolute(bytes));
  }

  #container(actor: Actor, path: string): Container | Refusal {
    return find(this.#world.hierarchy, actor, this.#absolute(bytesOf(path)));
  }

  #at(actor: Actor, path: string, print: (container: Container) => readonly string[]): readonly string[] {
    const found = this.#container(actor, path);
    return isRefusal(found) ? [this.#refusalText(found)] : print(found);
  }

  /** Opens one of a container's files for writing, or finds what `&3` holds. */
  #open(actor: Actor, target: string): Descriptor | Refusal {
    const held = this.#descriptors.get(target.replace('&', ''));
    if (held) return held;
    const file = fileIn(target);
    assert(file, `${target} is not a container's file`);
    const path = this.#absolute(bytesOf(file.path));
    const container = openForWriting(this.#world.hierarchy, actor, path, file.name);
    return isRefusal(container) ? container : { container: container.id, file: file.name };
  }

  #absolute(path: Bytes): Bytes {
    return path.startsWith('/') ? path : `${pathOf(this.#directory)}/${path}`;
  }

  #refusalText({ errno, saw }: Refusal): string {
    return this.#named(`${errno}: ${saw}`);
  }

  /** The same text with names in place of pids. */
  #named(text: string): string {
    return text.replace(
      /\b(task|forked) (\d+)/g,
      (_, word: string, pid: string) => `${word} ${this.#cast.nameOf(Number(pid))}`,
    );
  }

  #expanded(line: string): string {
    return line
      .replace(/\$\{?(\w+)\}?/g, (_, name: string) => String(this.#cast.pidOf(name)))
      .replace(/\{(.)\*(\d+)\}/g, (_, character: string, times: string) => character.repeat(Number(times)));
  }

  /** Who gives the command: the shell, or who is named by `as t …`, `as uid 1000 …`, `as pid 0 …`. */
  #actorOf(line: string): { readonly actor: Actor; readonly command: string } {
    const [, who, command] =
      /^as ((?:uid \d+(?: gid \d+)?(?: groups [\d,]+)?)|pid 0|\w+) (.*)$/.exec(line) ?? [];
    if (who === undefined || command === undefined) return { actor: shell, command: line };
    if (who === 'pid 0') return { actor: afar, command };
    if (who.startsWith('uid ')) return { actor: userOf(who.split(' ')), command };
    const { pid, uid } = this.#cast.task(who);
    return { actor: { pid, uid, gid: uid, groups: [] }, command };
  }
}

const shell: Actor = { pid: shellPid, uid: 0, gid: 0, groups: [] };

/** Root through a door that cannot know its caller's thread. */
const afar: Actor = { ...shell, pid: 0 };

/** `uid 1000 gid 5 groups 6,7`: the shell, had it these. The group is the user's own unless it is said. */
function userOf(words: readonly string[]): Actor {
  const uid = Number(wordAfter(words, 'uid'));
  const groups = wordAfter(words, 'groups')?.split(',').map(Number);
  return { ...shell, uid, gid: Number(wordAfter(words, 'gid') ?? uid), groups: groups ?? [] };
}

function childrenText(container: Container): readonly string[] {
  return [...container.children.keys()].sort().map(textOf);
}

function attributesText({ attributes }: Container): readonly string[] {
  return (['directory', 'tasks', 'notify_on_release'] as const).map((node) => {
    const { mode, uid, gid } = attributes[node];
    return `${mode.toString(8).padStart(4, '0')} ${uid}:${gid} ${node}`;
  });
}

/** `/a/tasks` as the path of its container and its own name; undefined where it ends in no file's name. */
function fileIn(target: string): { readonly path: string; readonly name: File } | undefined {
  const [, path = '', name] = /^(.*\/|)(tasks|notify_on_release)$/.exec(target) ?? [];
  return name === undefined ? undefined : { path: path === '' ? '.' : path, name: name as File };
}

function octal(digits: string): number {
  return Number.parseInt(digits, 8);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', v: '\v', f: '\f', r: '\r', 0: '\0' };

export function unescaped(text: string): Bytes {
  return bytesOf(text.replace(/\\([ntvfr0])/g, (_, letter: string) => escapes[letter] ?? ''));
}

/** Long runs of one character as `{x*255}`. */
export function shortened(line: string): string {
  return line.replace(/(.)\1{39,}/g, (run, character: string) => `{${character}*${run.length}}`);
}

/** Equal lines that follow one another as one line with their number. */
export function counted(lines: readonly string[]): string[] {
  const runs: { line: string; count: number }[] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (last?.line === line) last.count += 1;
    else runs.push({ line, count: 1 });
  }
  return runs.map(({ line, count }) => (count === 1 ? line : `${line} (${count} times)`));
}
