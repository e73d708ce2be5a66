/** The log in LevelDB does what every log does, and what only a log on disk can. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { openLevelLog } from '../../src/log/levelLog.ts';
import { testContract } from './contract.ts';

const levelLog = suite('level log');

const scratch = await mkdtemp(join(tmpdir(), 'tasktrail-log-'));
let count = 0;
testContract(levelLog, () => openLevelLog({ folder: join(scratch, `contract-${count++}`) }));

levelLog.after(() => rm(scratch, { recursive: true }));

levelLog.run();
