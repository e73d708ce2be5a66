/**
 * A daemon as a process of its own, with settings that no option of `up` has. Its argument is its options as JSON;
 * it says when it is ready, and stops in order on SIGTERM.
 */
import { startDaemon } from '../../src/daemon.ts';

const daemon = await startDaemon(JSON.parse(process.argv[2] ?? ''));
process.on('SIGTERM', () => void daemon.stop());
console.log('ready');
await daemon.closed;
console.log('stopped');
