/** The log in memory does what every log does. */

import { suite } from 'uvu';
import { MemoryLog } from '../../src/log/memoryLog.ts';
import { testContract } from './contract.ts';

const memoryLog = suite('memory log');

testContract(memoryLog, async () => new MemoryLog());

memoryLog.run();
