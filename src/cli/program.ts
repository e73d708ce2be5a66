/**
 * The command line: every command with its arguments and options, and what each exit code stands for. The code
 * of a command is loaded when it runs.
 */
import { Command, CommanderError } from 'commander';
import { messageOf } from '../system/errno.ts';
import { type Context, contextOf, type GlobalOptions } from './context.ts';
import { exitCodes, Failure } from './failure.ts';
import { withBackslashes } from './format/backslash.ts';
import type { Terminal } from './terminal.ts';
import { readVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A command: takes its arguments as they were typed and, last, its own options. Resolves with an exit code, or
 * with nothing where that is 0.
 */
type Job = (context: Context, ...typed: never[]) => Promise<unknown>;

/** Calls a job in its context. */
type Perform = (options: GlobalOptions, job: Job, typed: readonly unknown[]) => Promise<void>;

/** Runs the command that the arguments, in the form of `textOf`, ask for. Resolves with the exit code. */
export async function runProgram(
  args: readonly string[],
  terminal: Terminal,
  env: Environment,
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const perform: Perform = async (options, job, typed) => {
    const result = await job(contextOf(options, terminal, env), ...(typed as never[]));
    if (typeof result === 'number') exitCode = result;
  };
  const program = describeProgram(terminal, perform);
  let name = '';
  program.hook('preSubcommand', (_, command) => {
    name = command.name();
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return name === 'run' ? endedRun(error, terminal) : ended(error, terminal);
  }
  return exitCode;
}

/** Says what was wrong, where that has not been said, and with which code it ends. */
function ended(error: unknown, terminal: Terminal): number {
  // What is wrong with a command line has been said by the parser.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  terminal.tell(`tasktrail: ${isBug(error) ? error.stack : withBackslashes(messageOf(error))}`);
  return error instanceof Failure ? error.exitCode : exitCodes.failed;
}

/** All codes up to 124 are CMD's own. */
function endedRun(error: unknown, terminal: Terminal): number {
  const exitCode = ended(error, terminal);
  return exitCode === exitCodes.failed || exitCode === exitCodes.usage ? exitCodes.runFailed : exitCode;
}

/** Errors that no input may cause: whoever mends them needs to know where they came from. */
function isBug(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

function describeProgram(terminal: Terminal, perform: Perform): Command {
  const program = new Command('tasktrail')
    .description('Records which tasks of a machine run in which containers, and tells their history.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a command')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: termOf })
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(tasktrail --help lists the commands, tasktrail COMMAND --help tells about one)')
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.tell(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'tasktrail: ')),
    });
  addGlobalOptions(program);

  /** Adds a command; `load` gives its job when it is to run. */
  const command = (syntax: string, summary: string, load: () => Promise<Job>): Command => {
    const added = program.command(syntax).description(summary);
    addGlobalOptions(added);
    return added.action(async (...typed: unknown[]) => {
      // The last argument is the command itself.
      const options = { ...program.opts(), ...added.opts() } as GlobalOptions;
      await perform(options, await load(), typed.slice(0, -1));
    });
  };

  program.commandsGroup('Record:');
  command('up', 'start recording, and go on until interrupted', async () => (await import('./up.ts')).up)
    .option(
      '--source <name>',
      'ebpf, connector, polling, or simulated: a made-up workload (default: the best that works here)',
    )
    .option('--poll-interval <time>', 'how far apart the looks of polling are, as 250ms or 2s (default: 1s)')
    .option(
      '--mirror <name>',
      "a cgroup hierarchy of the machine's own to record too, as v2, cpuset or name=systemd; all; none; " +
        'may be repeated (default: v2 if the machine has it)',
      appended,
    )
    .option(
      '--cmdline [bytes]',
      'record command lines too, up to so many bytes of each (default: 1024, at most 4096)',
    )
    .option(
      '--redact <regex>',
      'of command lines, record [redacted] instead of what this matches; may be repeated',
      appended,
    )
    .option(
      '--release-agent <program>',
      'what is run with the path of a container that falls empty; kept by the recording',
    )
    .option('--mount <dir>', `show the containers as a filesystem there (default: ${mountPointHelp})`)
    .option('--no-mount', 'show them as a filesystem nowhere')
    .option('--sync-interval <time>', 'when observations are on disk at the latest, as 250ms or 2s', '1s')
    .option(
      '--head-to <place>',
      'send where the log ends off this machine: journal (the system log), a file to append to, or exec:PROGRAM',
    )
    .option('--head-interval <time>', 'how far apart, as 30s or 3600s (default: 60s)')
    .option('--retain <time>', 'what happened longer ago is removed, as 12h, 28d, 1y or none (default: 28d)')
    .option(
      '--max-size <size>',
      'how much the recording may take, as 10G, 10% or none (default: 10G or 10%, whichever is less)',
    )
    .option(
      '--keep-free <size>',
      'how much is left free on its filesystem, as 50G, 15% or none (default: 15%)',
    )
    .option('--ring-size <size>', 'how much of what happens the kernel can hold back, as 64M')
    .option('--no-pin', 'leave nothing in the kernel: what happens while no daemon runs is not recorded');
  command('down', 'stop the daemon', async () => (await import('./down.ts')).down).option(
    '--unload',
    'and let the kernel record nothing any more',
  );
  command(
    'doctor',
    'try what recording needs, and say what works here',
    async () => (await import('./doctor.ts')).doctor,
  );
  command('mount', 'show the containers as a filesystem', async () => (await import('./mount.ts')).mount)
    .argument('<dir>', 'where; it is made if it is missing')
    .option('--proc', "show instead each task's path, as DIR/PID/container and DIR/self/container")
    .option('-o, --options <names>', 'ro: nothing can be changed through it; rw; proc', appended);
  command('unmount', 'end that', async () => (await import('./mount.ts')).unmount).argument('<dir>', 'where');
  command(
    'install',
    'let `mount -t container none DIR` do that too',
    async () => (await import('./install.ts')).install,
  );
  command('uninstall', 'end that', async () => (await import('./install.ts')).uninstall);
  command('status', 'show the recording and its daemon', async () => (await import('./status.ts')).status);
  command(
    'head',
    'print where the log ends, to be noted elsewhere',
    async () => (await import('./head.ts')).head,
  );
  command('verify', 'check the log', async () => (await import('./verify.ts')).verify)
    .option('--expect <head>', 'and that it has passed this head, as `tasktrail head` printed it')
    .option('--since <instant>', 'only from the checkpoint before this on: #SEQ or a time');

  program.commandsGroup('Look:');
  command('tree', 'show containers and what happens in them', async () => (await import('./tree.ts')).tree)
    .argument('[path]', 'only this container and those below it; or its name', '/')
    .option('--tree <name>', treeHelp)
    .option('--at <instant>', atHelp)
    .option('--usage', 'what the tasks that have ended had used');
  command('tasks', 'list what is in a container, by process', async () => (await import('./tasks.ts')).tasks)
    .argument('<path>', 'a container; or its name')
    .option('--threads', 'each thread')
    .option('-r, --recursive', 'what is in the containers below it too')
    .option('--tree <name>', treeHelp)
    .option('--at <instant>', atHelp);
  command(
    'path',
    'print the path of the container that a task is in',
    async () => (await import('./path.ts')).path,
  )
    .argument('<pid>', 'a task, or self')
    .option('--tree <name>', 'its path in this tree; all: in each of them (default: in our own)')
    .option('--at <instant>', atHelp);
  command('life', 'tell what a task did, from its birth on', async () => (await import('./life.ts')).life)
    .argument('<task>', 'a pid: the task that has it, or had it last; or #ID, as tasks --json tells it')
    .option('--tree <name>', treeHelp)
    .option(
      '--at <instant>',
      'up to then: 03:12, -5min, 2026-11-24 03:12:00, boot, #SEQ, … (default: up to now)',
    );
  command('log', 'tell what happened', async () => (await import('./log.ts')).log)
    .option('-f, --follow', 'go on with what happens; the past begins 10 entries back, or --limit')
    .option('-a, --all', 'fork, exec, exit and the like too')
    .option('-t, --type <types>', 'only these types, separated by commas; may be repeated', appended)
    .option('--tree <name>', treeHelp)
    .option('--path <path>', 'only what happened in this container and below it; or its name')
    .option('--pid <pid>', 'only what is about this task, or was done by it')
    .option('-S, --since <instant>', 'only what happened from then on')
    .option('-U, --until <instant>', 'only what happened up to then')
    .option('-n, --limit <count>', 'only the last so many entries');

  program.commandsGroup('Keep:');
  command(
    'export',
    'write the recording to one file',
    async () => (await import('./export.ts')).exportRecording,
  )
    .argument('<file>', 'the file; - is standard output')
    .option('--format <name>', 'tasktrail, which import takes; or lines: ndjson, cloudevents', 'tasktrail')
    .option('-S, --since <instant>', 'of lines, only what happened from then on')
    .option('-U, --until <instant>', 'of lines, only what happened up to then');
  command(
    'import',
    'make a recording out of an export',
    async () => (await import('./import.ts')).importRecording,
  ).argument('<file>', 'the export; - is standard input');

  program.commandsGroup('Change:');
  command('mkdir', 'make a container', async () => (await import('./mkdir.ts')).mkdir).argument(
    '<path>',
    'the new container',
  );
  command('rmdir', 'remove an empty container', async () => (await import('./rmdir.ts')).rmdir).argument(
    '<path>',
    'the container',
  );
  command('mv', 'rename a container', async () => (await import('./mv.ts')).mv)
    .argument('<from>', 'the container')
    .argument('<to>', 'its new path, in the same parent');
  command('attach', 'move a process into a container', async () => (await import('./attach.ts')).attach)
    .argument('<path>', 'the container')
    .argument('<pid>', 'the process')
    .option('--thread', 'only the one thread that has this pid');
  command('set', 'write to a file of a container', async () => (await import('./set.ts')).set)
    .argument('<path>', 'the container')
    .argument('<file>', 'notify_on_release; of the root, release_agent')
    .argument('<value>', '1 runs the release agent when the container falls empty, 0 does not; or its path');
  command('delegate', 'give a container to a user', async () => (await import('./delegate.ts')).delegate)
    .argument('<path>', 'the container')
    .argument('<user>', 'a name, a uid, or UID:GID');
  command('run', 'run a program inside of a container', async () => (await import('./run.ts')).run)
    .usage('[options] <path> -- <command...>')
    .argument('<path>', 'the container')
    .argument('<command...>', 'the program and its arguments')
    .option('--create', 'make the container if it is missing')
    .showHelpAfterError('(options of CMD come after two dashes: tasktrail run PATH -- CMD…)');

  return program.addHelpText('after', `\n${placesHelp}`);
}

const mountPointHelp = '/dev/container for root, else container in $XDG_RUNTIME_DIR';

const treeHelp = 'one tree: tasktrail, v2, cpuset, …; all (default: tasktrail and v2)';

const atHelp = 'as it was then: 03:12, -5min, 2026-11-24 03:12:00, boot, #SEQ, … (default: as it is now)';

const placesHelp = `The recording is that of --data, else of $TASKTRAIL_DATA, else /var/lib/tasktrail for
root, and for everybody else tasktrail in $XDG_STATE_HOME or ~/.local/state.`;

/** `tasks <path>`: that there are options goes without saying, since all have some. */
function termOf(command: Command): string {
  const names = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...names].join(' ');
}

/** The same before and after the command's name. */
function addGlobalOptions(command: Command): void {
  command
    .option('--data <dir>', 'the folder of the recording')
    .option('--json', 'print data as lines of JSON');
}

function appended(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
