/**
 * Starts a worker thread from a file beside the caller's: `name.js` as shipped, `name.ts` in development,
 * where the thread has to set up the loader of TypeScript for itself first.
 */
import { Worker } from 'node:worker_threads';

/** `base` is the caller's `import.meta.url`; the worker does not keep the process alive. */
export function openWorker(name: string, base: string, workerData?: unknown): Worker {
  const extension = base.slice(base.lastIndexOf('.'));
  const file = new URL(`./${name}${extension}`, base);
  const worker =
    extension === '.ts'
      ? new Worker(
          `import('tsx/esm/api').then(({ register }) => { register(); return import('${file.href}'); });`,
          { eval: true, workerData },
        )
      : new Worker(file, { workerData });
  worker.unref();
  return worker;
}
