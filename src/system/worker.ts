/**
 * Starts a worker thread from a file beside the caller's: `name.js` as shipped, `name.ts` in development,
 * where the thread has to set up the loader of TypeScript for itself first. And ends a process whose threads cannot.
 */
import { Worker } from 'node:worker_threads';
import { koffi } from './libc.ts';

/** `base` is the caller's `import.meta.url`; the worker does not keep the process alive. */
export function openWorker(name: string, base: string, workerData?: unknown): Worker {
  const extension = base.slice(base.lastIndexOf('.'));
  const file = new URL(`./${name}${extension}`, base);
  const worker =
    extension === '.ts'
      ? new Worker(
          // Named in full: what is evaluated would look for it from the working directory.
          `import('${import.meta.resolve('tsx/esm/api')}').then(({ register }) => { register(); return import('${file.href}'); });`,
          { eval: true, workerData },
        )
      : new Worker(file, { workerData });
  worker.unref();
  return worker;
}

/**
 * Ends this process with a code between 0 and 255, whatever its threads do, as _exit(2) does: the kernel ends those
 * that are in a system call too. What has been written to the standard streams has been written.
 */
export function exitAtOnce(code: number): void {
  koffi().load(null).func('_exit', 'void', ['int'])(code);
}
