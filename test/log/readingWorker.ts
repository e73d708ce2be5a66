/** A thread for tests: reads the log beside the recorder, each time it is told from which seq on. */
import { parentPort, workerData } from 'node:worker_threads';
import { openLogReader } from '../../src/log/openLog.ts';
import { readAll, seqs } from './contract.ts';

const reader = await openLogReader({ folder: workerData as string });

parentPort?.on('message', async (fromSeq: number | 'close') => {
  if (fromSeq === 'close') {
    await reader.close();
    parentPort?.postMessage('closed');
  } else {
    parentPort?.postMessage(seqs(await readAll(reader, fromSeq)));
  }
});
parentPort?.postMessage('open');
