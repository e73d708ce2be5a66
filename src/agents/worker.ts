/**
 * A thread that starts release agents, as the kernel starts its user-mode helpers: one argument, a minimal
 * environment, no shell, no standard input. A start lasts until the program's exec; that can take for ever.
 */
import { parentPort } from 'node:worker_threads';
import type { Bytes } from '../../events/bytes.ts';
import { type Spawned, setThreadUmask, spawnProgram } from '../system/spawn.ts';
import { threadId } from '../system/thread.ts';

/** What goes to the thread: start this with this argument. */
export interface Order {
  readonly program: Bytes;
  readonly path: Bytes;
}

/** The last word to the thread: it ends. */
export type Close = 'close';

/** What comes from the thread: its id (gettid(2)) first of all, then an answer to each order. */
export type Told = { readonly thread: number } | Spawned;

const environment = ['HOME=/', 'PATH=/sbin:/bin:/usr/sbin:/usr/bin'];

// The kernel starts its helpers with this one.
setThreadUmask(0o022);

tell({ thread: threadId() });

parentPort?.on('message', (message: Order | Close) => {
  if (message === 'close') parentPort?.close();
  else tell(spawnProgram({ program: message.program, args: [message.path], environment, folder: '/' }));
});

function tell(what: Told): void {
  parentPort?.postMessage(what);
}
