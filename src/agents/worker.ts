/**
 * The thread that starts release agents, as the kernel starts its user-mode helpers: one argument, a minimal
 * environment, no shell, no standard input, and nobody waits for it.
 */
import { parentPort } from 'node:worker_threads';
import type { Bytes } from '../../events/bytes.ts';
import type { AgentOutcome } from '../ports.ts';
import { setThreadUmask, spawnProgram, stopWaiting, whenEnded } from '../system/spawn.ts';
import type { Answer, Close, Order } from './runner.ts';

const environment = ['HOME=/', 'PATH=/sbin:/bin:/usr/sbin:/usr/bin'];

// The kernel starts its helpers with this one.
setThreadUmask(0o022);

parentPort?.on('message', async (message: Order | Close) => {
  if (message === 'close') {
    stopWaiting();
    parentPort?.close();
    return;
  }
  const { id, program, path } = message;
  const outcome = await run(program, path);
  parentPort?.postMessage({ id, outcome } satisfies Answer);
});

async function run(program: Bytes, path: Bytes): Promise<AgentOutcome> {
  const spawned = spawnProgram({ program, args: [path], environment, folder: '/' });
  if ('error' in spawned) return unknown(spawned.error);
  const ending = await whenEnded(spawned.pid);
  if ('error' in ending) return unknown(ending.error);
  return { code: (ending.status >> 8) & 0xff, signal: ending.status & 0x7f, error: '' };
}

function unknown(error: string): AgentOutcome {
  return { code: 0, signal: 0, error };
}
