#!/usr/bin/env node
/**
 * The program `tasktrail`. It is run constantly, so nothing is loaded here that the command at hand does not need.
 */
import { readFileSync } from 'node:fs';
import { argumentsAsText } from './arguments.ts';
import { openTerminal } from './terminal.ts';

// The title takes the place of the arguments in memory, so they have to be read before it is set.
const typed = argumentsAsText(process.argv.slice(2), () => readFileSync('/proc/self/cmdline'));
// Whoever reads the log shall know this process by its name.
process.title = 'tasktrail';

const terminal = openTerminal(process.stdout, process.stderr, process.env);
if (typed.length === 1 && typed[0] === '--version') {
  const { readVersion } = await import('./version.ts');
  terminal.print(readVersion());
} else {
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(typed, terminal, process.env);
}
