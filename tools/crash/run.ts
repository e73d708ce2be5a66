/**
 * One run of crashes: commands, releases and forks go on while one daemon after the other is killed at a random
 * instant. In the end the log has to be sound, and to hold what was answered and what the agents have seen.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { textOf } from '../../events/bytes.ts';
import { pathOf } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { openLogReader, verifyLog } from '../../src/log/levelLog.ts';
import { seededRandom } from '../../src/random.ts';
import { SuccessiveDaemons } from '../restart/successive.ts';
import { type Account, accountOf } from './account.ts';
import { Load } from './load.ts';

export interface CrashOptions {
  readonly seed: number;
  readonly times: number;
  /** Off: what happens between two daemons is a gap. */
  readonly pin: boolean;
}

export interface CrashResult extends Omit<Account, 'world'> {
  readonly answered: number;
}

const loads = 3;
const longestDaemonMs = 500;
const restLimitMs = 30_000;
const forksOn = 'while :; do (:); done';

export async function runCrashes({ seed, times, pin }: CrashOptions): Promise<CrashResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-crash-'));
  const runsFile = join(folder, 'runs');
  const agent = join(folder, 'agent');
  writeFileSync(runsFile, '');
  writeFileSync(agent, `#!/bin/sh\necho "$1" >> ${runsFile}\n`, { mode: 0o755 });
  const recording = join(folder, 'recording');
  const daemons = new SuccessiveDaemons(recording, [
    ...['--release-agent', agent],
    ...(pin ? [] : ['--no-pin']),
  ]);
  const forker = spawn('sh', ['-c', forksOn], { stdio: 'ignore' });
  const forkerEnded = once(forker, 'exit');
  const all = Array.from({ length: loads }, (_, i) => new Load(new HttpReader(recording), `load${i}n`));
  let running: Promise<unknown> | undefined;
  try {
    const random = seededRandom(seed);
    await daemons.start();
    running = Promise.all(all.map((load) => load.run()));
    // What is wrong with a load is told when the crashes are over.
    running.catch(() => {});
    for (let i = 0; i < times; i++) {
      await setTimeout(random.below(longestDaemonMs));
      await daemons.kill();
      await daemons.start();
    }
    for (const load of all) load.end();
    await running;
    forker.kill('SIGKILL');
    await forkerEnded;
    const answered = all.flatMap((load) => load.answered);
    const live = await treeAtRest(daemons.reader);
    await daemons.down(true);
    const account = await accountOfFolder(recording, answered, runsIn(runsFile));
    const { world, ...rest } = account;
    const rebuilt = treeIn(world);
    const differing = live === rebuilt ? [] : [`the daemon knew ${live}, and the log makes ${rebuilt}`];
    return { ...rest, wrong: [...account.wrong, ...differing], answered: answered.length };
  } finally {
    for (const load of all) load.end();
    await running?.catch(() => {});
    forker.kill('SIGKILL');
    await daemons.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function accountOfFolder(
  folder: string,
  answered: Parameters<typeof accountOf>[1],
  runs: readonly string[],
): Promise<Account> {
  const { unsound } = await verifyLog({ folder });
  const log = await openLogReader({ folder });
  try {
    const account = await accountOf(log, answered, runs);
    if (!unsound) return account;
    return { ...account, wrong: [`not sound from seq ${unsound.seq} on: ${unsound.why}`, ...account.wrong] };
  } finally {
    await log.close();
  }
}

/** The containers as the daemon knows them, when no release waits for its agent any more. */
async function treeAtRest(reader: HttpReader): Promise<string> {
  for (const endMs = performance.now() + restLimitMs; ; await setTimeout(50)) {
    const { waiting, agents } = await reader.status();
    if (waiting === 0 && agents.length === 0) break;
    if (performance.now() > endMs) throw new Error(`${waiting} releases still wait for their agent`);
  }
  const tree = await reader.ask({ kind: 'tree', path: '/', tree: 'tasktrail' });
  if (isRefusal(tree)) throw new Error(`reading the tree: ${tree.saw}`);
  return textOfTree(
    tree.map(({ path, tasks, notifyOnRelease }) => ({ path, tasks, notify: notifyOnRelease })),
  );
}

function treeIn({ hierarchy }: World): string {
  const containers = [hierarchy.root, ...hierarchy.root.children.values()];
  return textOfTree(
    containers.map((container) => ({
      path: textOf(pathOf(container)),
      tasks: container.tasks.size,
      notify: container.notify,
    })),
  );
}

/** Without the root's tasks, which come and go. */
function textOfTree(
  containers: readonly { readonly path: string; readonly tasks: number; readonly notify: boolean }[],
): string {
  const others = containers.filter(({ path }) => path !== '/');
  return others
    .map(({ path, tasks, notify }) => `${path} ${tasks} ${notify}`)
    .sort()
    .join(', ');
}

function runsIn(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
