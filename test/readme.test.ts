/**
 * The sessions that the README and the tutorial show, typed for real: a daemon of their own records this machine into
 * a temporary folder, and what is printed is compared with what is shown.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import { removePinsOf } from '../src/sources/ebpf/pins.ts';
import { builtProgram } from '../tools/builtProgram.ts';
import { testNeeding } from './support/needs.ts';
import { Shell } from './support/shell.ts';
import {
  type Bindings,
  type Block,
  blocksOf,
  isAsShown,
  type Step,
  typedIn,
} from './support/shownSession.ts';

const program = builtProgram();

/** Where the pages say that they are, and that the recording is. */
const shownHome = '/root';
const shownRecording = '/var/lib/tasktrail';

const limitMs = 30_000;
/** What only asks may be asked again until what was begun a moment ago has come to its end. */
const asks = /^tasktrail (?:tree|tasks|path|log|status|verify)\b/;
/** What a command shows that ends with another code than 0. */
const refusal = /^tasktrail: .*: E[A-Z]+ \(/m;
/** What goes on until it is interrupted. */
const goesOn = /^tasktrail up\b/;

for (const page of ['README.md', 'docs/tutorial.md']) {
  testNeeding(test, ['root', 'ebpf'], `${page} shows what happens when its sessions are typed`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-pages-'));
    const desk = new Desk(folder);
    try {
      const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');
      for (const block of blocksOf(text)) await desk.follow(block);
    } finally {
      desk.leave();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();

/** Terminals side by side, as many as there are commands that go on. */
class Desk {
  readonly #folder: string;
  readonly #bindings: Bindings = new Map();
  readonly #shells: Shell[] = [];
  /** The terminal in which something goes on, and the one that waits for a command. */
  #busy: Shell | undefined;
  #idle: Shell | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    // What this machine has at /dev/container is not the test's affair.
    const unmounted = 'case $1 in up) shift; set -- up --no-mount "$@" ;; esac';
    const command = `#!/bin/sh\n${unmounted}\nTASKTRAIL_DATA=${this.#recording} exec ${process.execPath} ${program} "$@"\n`;
    writeFileSync(join(folder, 'tasktrail'), command);
    chmodSync(join(folder, 'tasktrail'), 0o755);
  }

  /** Types a block into the terminal that it belongs to. */
  async follow(block: Block): Promise<void> {
    for (const step of block) {
      if (step.command === '^C') await this.#interrupt(step);
      else if (goesOn.test(step.command)) await this.#begin(step);
      else if (asks.test(step.command)) await this.#ask(step);
      else await this.#do(step);
    }
  }

  /** Ends everything that was begun, in the kernel too. */
  leave(): void {
    for (const shell of this.#shells) shell.close();
    removePinsOf(this.#recording);
  }

  async #begin(step: Step): Promise<void> {
    const shell = this.#terminal();
    shell.type(typedIn(step.command, this.#bindings));
    await shell.until(() => this.#agrees(step, shell) || shell.exitCode !== undefined, limitMs);
    this.#insist(step, shell);
    this.#busy = shell;
    this.#idle = undefined;
  }

  async #interrupt(step: Step): Promise<void> {
    const shell = this.#busy;
    if (!shell) throw new Error('the page interrupts, and nothing goes on');
    shell.interrupt();
    await shell.until(() => shell.exitCode !== undefined, limitMs);
    this.#insist(step, shell);
    this.#busy = undefined;
    this.#idle = shell;
  }

  async #do(step: Step): Promise<void> {
    const shell = this.#terminal();
    await this.#run(step, shell);
    this.#insist(step, shell);
  }

  async #ask(step: Step): Promise<void> {
    const shell = this.#terminal();
    const endMs = performance.now() + limitMs;
    do await this.#run(step, shell);
    while (!this.#agrees(step, shell) && performance.now() < endMs);
    this.#insist(step, shell);
  }

  async #run(step: Step, shell: Shell): Promise<void> {
    shell.type(typedIn(step.command, this.#bindings));
    await shell.until(() => shell.exitCode !== undefined, limitMs);
  }

  #terminal(): Shell {
    if (!this.#idle) {
      // And no more: what npm tells to what it starts would change what is printed.
      this.#idle = new Shell(this.#folder, { PATH: `${this.#folder}:${process.env.PATH}`, HOME: '/' });
      this.#shells.push(this.#idle);
    }
    return this.#idle;
  }

  #agrees({ shown }: Step, shell: Shell): boolean {
    return isAsShown(shown, this.#printedIn(shell), this.#bindings);
  }

  #insist(step: Step, shell: Shell): void {
    const fails = (shell.exitCode ?? 0) !== 0;
    if (this.#agrees(step, shell) && fails === refusal.test(step.shown)) return;
    const ending = shell.exitCode === undefined ? 'goes on' : `ended with ${shell.exitCode}`;
    throw new Error(
      `$ ${step.command}\nshows:\n${step.shown}\nprinted, and ${ending}:\n${this.#printedIn(shell)}`,
    );
  }

  /** What was printed, as if it had been where the page says that it was. */
  #printedIn(shell: Shell): string {
    return shell.printed.replaceAll(this.#recording, shownRecording).replaceAll(this.#folder, shownHome);
  }

  get #recording(): string {
    return join(this.#folder, 'recording');
  }
}
