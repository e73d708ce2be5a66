/**
 * A recording for a tool or a test: a daemon in this process that records the real machine into a temporary folder,
 * and programs that run inside of its containers from their first instruction on.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type Daemon, type DaemonOptions, startDaemon } from '../src/daemon.ts';
import { HttpReader } from '../src/http/client.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { openLogReader } from '../src/log/openLog.ts';
import type { LogReader } from '../src/ports.ts';

export type Program = ChildProcessByStdio<Writable, Readable, Readable>;

export type RecordingOptions = Partial<
  Pick<DaemonOptions, 'source' | 'drainBeforeDecide' | 'mirror' | 'mount' | 'releaseAgent'>
>;

/** A recording that some daemon records into, wherever that runs. */
export class Stage {
  readonly folder: string;
  readonly reader: HttpReader;

  constructor(folder: string, reader = new HttpReader(folder)) {
    this.folder = folder;
    this.reader = reader;
  }

  async mkdir(path: string): Promise<void> {
    const answer = await this.reader.command('mkdir', { path, mode: 0o755, umask: 0o022 });
    if (isRefusal(answer)) throw new Error(`mkdir ${path}: ${answer.errno}: ${answer.saw}`);
  }

  /**
   * Starts a program inside of a container: a shell waits there until it has been moved, and until `begin`, and becomes
   * it.
   */
  async run(path: string, command: readonly string[], begin = Promise.resolve()): Promise<Program> {
    const program = spawn('sh', ['-c', 'read -r go && exec "$@"', 'sh', ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const pid = program.pid;
    if (pid === undefined) throw new Error('there is no shell: sh cannot be started');
    const answer = await this.reader.command('attach', { path, pid, thread: false });
    if (isRefusal(answer)) throw new Error(`attach ${path} ${pid}: ${answer.errno}: ${answer.saw}`);
    await begin;
    program.stdin.write('go\n');
    return program;
  }
}

export class Recording extends Stage {
  readonly #daemon: Daemon;

  private constructor(folder: string, daemon: Daemon) {
    super(folder);
    this.#daemon = daemon;
  }

  /** Begins to record, through eBPF unless told otherwise. */
  static async start(options: RecordingOptions = {}): Promise<Recording> {
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-recording-'));
    const daemon = await startDaemon({
      folder,
      source: 'ebpf',
      releaseAgent: '/bin/true',
      syncIntervalMs: 1000,
      pollIntervalMs: 100,
      version: 'tools',
      ...options,
    });
    return new Recording(folder, daemon);
  }

  /** Stops to record, and hands the log over to be read from the disk; then all of it is gone. */
  async stop<T>(read: (log: LogReader) => Promise<T>): Promise<T> {
    try {
      await this.#daemon.stop();
      const log = await openLogReader({ folder: this.folder });
      try {
        return await read(log);
      } finally {
        await log.close();
      }
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

/** What a program writes, line by line, and how it ends; `onLine` sees each line as it comes. */
export async function listen(program: Program, onLine: (line: string) => void = () => {}): Promise<string[]> {
  const lines: string[] = [];
  let rest = '';
  let complaint = '';
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      lines.push(line);
      onLine(line);
    }
  });
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    program.once('close', (...how) => resolve(how));
  });
  if (code !== 0)
    throw new Error(`${program.spawnargs.join(' ')} ended with ${signal ?? code}: ${complaint}`);
  return lines;
}
