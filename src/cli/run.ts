/**
 * `tasktrail run PATH -- CMD…`: runs a program inside of a container, from its first instruction on. This process
 * enters the container and becomes the program, so its exit code, its signals and its terminal are the program's.
 */
import type { HttpReader } from '../http/client.ts';
import { isRefusal } from '../kernel/errno.ts';
import { replaceProcess } from '../system/exec.ts';
import { typedBytes } from './arguments.ts';
import { openDaemon } from './asking.ts';
import type { Context } from './context.ts';
import { exitCodes, Failure, refusalFailure } from './failure.ts';
import { directoryMode } from './mkdir.ts';

export async function run(
  context: Context,
  path: string,
  command: readonly string[],
  options: { readonly create?: boolean },
): Promise<never> {
  const daemon = await openDaemon(context);
  if (options.create === true) await make(daemon, path);
  // The one thread that becomes the program: the others end with the exec, and need not be moved before.
  const entered = await daemon.command('attach', { path, pid: process.pid, thread: true });
  if (isRefusal(entered)) throw refusalFailure(`run ${path}`, entered);
  return become(command);
}

/** `--create` asks for the container to be there, not for it to be new. */
async function make(daemon: HttpReader, path: string): Promise<void> {
  const made = await daemon.command('mkdir', { path, mode: directoryMode, umask: process.umask() });
  if (isRefusal(made) && made.errno !== 'EEXIST') throw refusalFailure(`run --create ${path}`, made);
}

/** Comes back only to fail. */
function become(command: readonly string[]): never {
  const argv = command.map(typedBytes);
  const errno = replaceProcess(argv[0] ?? '', argv);
  const exitCode = errno === 'ENOENT' ? exitCodes.notFound : exitCodes.notExecutable;
  throw new Failure(`${command[0]} cannot be run: ${reasons[errno] ?? errno}`, exitCode);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program (ENOENT)',
  EACCES: 'it may not be executed (EACCES)',
  ENOEXEC: 'it is neither a program for this machine nor a script with a #! line (ENOEXEC)',
};
