/**
 * `tasktrail export FILE`: the whole recording as one file, which `import` makes a recording of again; or its entries as
 * lines for other programs. While recording goes on, up to now.
 */
import assert from 'node:assert/strict';
import { cloudEventOf } from '../engine/cloudEvent.ts';
import { type HeadView, headText, headView } from '../engine/head.ts';
import type { Entry } from '../engine/history.ts';
import type { Instant } from '../engine/instant.ts';
import type { Reader } from '../engine/reader.ts';
import { ExportError, framesIn } from '../log/exportFile.ts';
import { openReader, tellHow, withReader } from './asking.ts';
import type { Context } from './context.ts';
import { Failure, usageFailure } from './failure.ts';
import { filePathFrom } from './filePath.ts';
import { counted, grouped } from './format/count.ts';
import { instantFrom } from './instant.ts';
import { type Output, openOutput } from './outputFile.ts';

export interface ExportOptions {
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

const formats = ['tasktrail', 'ndjson', 'cloudevents'] as const;
type Format = (typeof formats)[number];

/** Lines are handed on when they have this length together. */
const heldCharacters = 64 * 1024;
/** How far an export is is told whenever so many more events are in it. */
const progressEvents = 65_536;

export async function exportRecording(
  context: Context,
  typed: string,
  options: ExportOptions,
): Promise<void> {
  const path = filePathFrom(typed);
  const format = formatFrom(options.format);
  const since = instantFrom('--since', options.since);
  const until = instantFrom('--until', options.until);
  if (format !== 'tasktrail') return exportLines(context, path, format, since, until);
  if (since ?? until) {
    throw usageFailure(
      '--since and --until go with --format ndjson or cloudevents: a recording is exported whole',
    );
  }
  if (path === '-' && context.terminal.isWatched) {
    throw usageFailure('an export is no text: name a file, or send standard output somewhere else');
  }
  await exportWhole(context, path);
}

function formatFrom(typed: string = formats[0]): Format {
  const format = formats.find((name) => name === typed);
  if (format !== undefined) return format;
  throw usageFailure(`there is no format '${typed}': the formats are ${formats.join(', ')}`);
}

async function exportWhole(context: Context, path: string): Promise<void> {
  const { terminal } = context;
  const { reader, status } = await openReader(context, 'any');
  try {
    tellHow(context, reader, status?.source ?? '');
    const end = await saved(path, terminal, (output) => copied(reader, output, context));
    terminal.progress('');
    tellEnd(context, path, end);
  } finally {
    await reader.close();
  }
}

/** What was exported. */
interface Exported {
  readonly events: number;
  readonly commits: number;
  readonly head: HeadView;
}

/** What goes through is looked at on the way: only what is whole is kept. */
async function copied(reader: Reader, output: Output, { terminal }: Context): Promise<Exported> {
  const written = async function* (): AsyncGenerator<Uint8Array> {
    for await (const bytes of reader.export()) {
      await output.write(bytes);
      yield bytes;
    }
  };
  let firstSeq = 1;
  let told = 0;
  let exported: Exported | undefined;
  try {
    for await (const frame of framesIn(written())) {
      switch (frame.kind) {
        case 'head':
          firstSeq = frame.from?.seq ?? 1;
          break;
        case 'commit':
          if (frame.seq - told >= progressEvents) {
            told = frame.seq;
            terminal.progress(`exported up to seq ${grouped(told)}`);
          }
          break;
        case 'end': {
          const { commits, head } = frame;
          exported = { events: head.seq - firstSeq + 1, commits, head: headView(head) };
        }
      }
    }
  } catch (error) {
    if (error instanceof ExportError) throw new Failure(`the export failed: ${error.message}`);
    throw error;
  }
  assert(exported, 'a whole export has an end');
  return exported;
}

/** Where the export itself is on standard output, nothing else may be. */
function tellEnd({ json, terminal }: Context, path: string, { events, commits, head }: Exported): void {
  const sum = `exported ${counted(events, 'event')} in ${counted(commits, 'commit')}`;
  if (path === '-') terminal.tell(`tasktrail: ${sum} up to ${headText(head)}`);
  else if (json) terminal.print(JSON.stringify({ file: path, events, commits, ...head }));
  else {
    terminal.print(`${sum} to ${path}`);
    terminal.print(`its head is ${headText(head)}`);
  }
}

async function exportLines(
  context: Context,
  path: string,
  format: Exclude<Format, 'tasktrail'>,
  since: Instant | undefined,
  until: Instant | undefined,
): Promise<void> {
  await withReader(context, 'any', async (reader, { recording }) => {
    const line = (entry: Entry): string =>
      `${JSON.stringify(format === 'ndjson' ? entry : cloudEventOf(entry, recording))}\n`;
    await saved(path, context.terminal, async (output) => {
      let held = '';
      const query = { tree: 'all', ...(since && { since }), ...(until && { until }) };
      for await (const entry of reader.log(query)) {
        held += line(entry);
        if (held.length < heldCharacters) continue;
        await output.write(Buffer.from(held, 'utf8'));
        held = '';
      }
      await output.write(Buffer.from(held, 'utf8'));
    });
  });
}

async function saved<Result>(
  path: string,
  terminal: Context['terminal'],
  make: (output: Output) => Promise<Result>,
): Promise<Result> {
  const output = await openOutput(path, terminal);
  try {
    const result = await make(output);
    await output.finish();
    return result;
  } catch (error) {
    await output.abandon();
    throw error;
  }
}
