/**
 * A process that replaces itself by its arguments, which are texts as `textOf` writes them: FILE ARGV0 ARGV1…;
 * where that fails, it prints the errno.
 */
import { writeSync } from 'node:fs';
import { bytesOf } from '../../events/bytes.ts';
import { replaceProcess } from '../../src/system/exec.ts';

// Touching them makes Node set them up its own way: what is piped no longer blocks.
process.stdout.on('error', () => {});
process.stdin.pause();

const [file = '', ...argv] = process.argv.slice(2).map(bytesOf);
writeSync(1, replaceProcess(file, argv));
