/**
 * One run of crashes: commands, releases and forks go on while one daemon after the other is killed at a random
 * instant. In the end the log has to be sound, and to hold what was answered and what the agents have seen.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HttpReader } from '../../src/http/client.ts';
import { openLogReader, verifyLog } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import { SuccessiveDaemons } from '../restart/successive.ts';
import { FirstProcess, type Witness } from '../storm/firstProcess.ts';
import { type Account, accountOf } from './account.ts';
import { CountingAgent } from './countingAgent.ts';
import { Load } from './load.ts';
import { treeAtRest, treeIn } from './treeAtRest.ts';

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
const forksOn = 'while :; do (:); done';

export async function runCrashes({ seed, times, pin }: CrashOptions): Promise<CrashResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-crash-'));
  const agent = new CountingAgent(folder);
  const recording = join(folder, 'recording');
  const daemons = new SuccessiveDaemons(recording, [
    ...['--release-agent', agent.path],
    ...(pin ? [] : ['--no-pin']),
  ]);
  const firstProcess = new FirstProcess();
  const forker = spawn('sh', ['-c', forksOn], { stdio: 'ignore' });
  const forkerEnded = once(forker, 'exit');
  const all = Array.from(
    { length: loads },
    (_, i) => new Load(new HttpReader(recording), { prefix: `load${i}n` }),
  );
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
    const account = await accountOfFolder(recording, answered, agent.runs(), firstProcess);
    const { world, ...rest } = account;
    const rebuilt = treeIn(world);
    const differing = live === rebuilt ? [] : [`the daemon knew ${live}, and the log makes ${rebuilt}`];
    return { ...rest, wrong: [...account.wrong, ...differing], answered: answered.length };
  } finally {
    for (const load of all) load.end();
    await running?.catch(() => {});
    forker.kill('SIGKILL');
    firstProcess.stop();
    await daemons.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of the log in a folder, that nobody has open. */
export async function accountOfFolder(
  folder: string,
  answered: Parameters<typeof accountOf>[1],
  runs: readonly string[],
  witness: Witness,
): Promise<Account> {
  const { unsound } = await verifyLog({ folder });
  const log = await openLogReader({ folder });
  try {
    const account = await accountOf(log, answered, runs, witness);
    if (!unsound) return account;
    return { ...account, wrong: [`not sound from seq ${unsound.seq} on: ${unsound.why}`, ...account.wrong] };
  } finally {
    await log.close();
  }
}
