/**
 * The program `tasktrail` as a user who may do nothing. Everything that a command needs is loaded before it becomes
 * that user, who may not be able to read it.
 */
import 'classic-level';
import '../../src/cli/doctor.ts';
import '../../src/cli/mount.ts';
import '../../src/cli/up.ts';
import '../../src/daemon.ts';
import { runProgram } from '../../src/cli/program.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { koffi } from '../../src/system/libc.ts';

const nobody = 65534;

koffi();
process.setgroups?.([]);
process.setgid?.(nobody);
process.setuid?.(nobody);
// As if that user had started it: PR_SET_DUMPABLE (prctl(2)).
koffi().load(null).func('prctl', 'int', ['int', 'long', 'long', 'long', 'long'])(4, 1, 0, 0, 0);
const terminal = openTerminal(process.stdout, process.stderr, process.env);
process.exitCode = await runProgram(process.argv.slice(2), terminal, process.env);
