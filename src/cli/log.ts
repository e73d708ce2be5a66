/**
 * `tasktrail log`: what happened, one line an event, and with `--follow` what happens.
 */
import type { EventType } from '../../events/event.ts';
import { busyTypes, type Entry, eventTypes, type LogQuery } from '../engine/history.ts';
import type { Reader, Status } from '../engine/reader.ts';
import { DaemonError } from '../http/client.ts';
import { withReader } from './asking.ts';
import type { Context } from './context.ts';
import { Failure, usageFailure } from './failure.ts';
import { entryLine } from './format/entry.ts';
import { instantFrom } from './instant.ts';
import { parsePid } from './pid.ts';

export interface LogOptions {
  readonly follow?: boolean;
  readonly all?: boolean;
  /** As typed: each a list of types. */
  readonly type?: readonly string[];
  readonly tree?: string;
  readonly path?: string;
  readonly pid?: string;
  readonly limit?: string;
  readonly since?: string;
  readonly until?: string;
}

/** How much of the past `--follow` shows first, as tail(1) and journalctl(1) do. */
const followedEntries = 10;

/**
 * Interrupting `--follow` is how it ends: SIGINT has its usual effect on this process, so a shell sees 130 and
 * knows that it was not the daemon that ended.
 */
export async function log(context: Context, options: LogOptions): Promise<void> {
  const query = queryFrom(options);
  const { json, terminal } = context;
  await withReader(context, query.follow === true ? 'daemon' : 'any', async (reader, status) => {
    if (query.tree !== undefined) tellWhereMissing(context, status, query.tree);
    for await (const entry of query.follow === true ? followed(reader, query) : reader.log(query)) {
      terminal.print(json ? JSON.stringify(entry) : entryLine(entry, terminal.paint));
    }
  });
}

/** It may have been mirrored once, and then there is something to be told of it all the same. */
function tellWhereMissing({ terminal }: Context, { trees }: Status, name: string): void {
  const names = trees.map(({ tree }) => tree);
  if (name === 'all' || names.some((each) => each === name || each.split(',').includes(name))) return;
  terminal.tell(`tasktrail: there is no tree ${name} now: there are ${names.join(', ')}`);
}

/** However a daemon ends, what it is followed by is nothing. */
async function* followed(reader: Reader, query: LogQuery): AsyncGenerator<Entry> {
  try {
    yield* reader.log(query);
  } catch (error) {
    if (!(error instanceof DaemonError) || error.reason !== 'gone') throw error;
  }
  throw new Failure('the daemon stopped, and nothing follows');
}

function queryFrom(options: LogOptions): LogQuery {
  const { follow, all, type, tree, path, pid } = options;
  const since = instantFrom('--since', options.since);
  const until = instantFrom('--until', options.until);
  if (follow === true && until) throw usageFailure('--follow and --until do not go together');
  if (all === true && type !== undefined) throw usageFailure('--all and --type do not go together');
  const types = all === true ? undefined : type === undefined ? quietTypes : typesFrom(type);
  const limit = limitFrom(options);
  return {
    ...(types !== undefined && { types }),
    ...(tree !== undefined && { tree }),
    ...(path !== undefined && { path }),
    ...(pid !== undefined && { pid: parsePid(pid) }),
    // Who asks for one container wants to know that it was there already.
    ...(all !== true && type === undefined && path === undefined && { withoutFirstLook: true }),
    ...(limit !== undefined && { limit }),
    ...(since && { since }),
    ...(until && { until }),
    ...(follow === true && { follow }),
  };
}

function limitFrom({ limit, follow, since }: LogOptions): number | undefined {
  if (limit !== undefined) return countFrom(limit);
  return follow === true && since === undefined ? followedEntries : undefined;
}

const quietTypes: readonly EventType[] = eventTypes.filter((type) => !busyTypes.has(type));

function typesFrom(lists: readonly string[]): EventType[] {
  return lists
    .flatMap((list) => list.split(','))
    .map((name) => {
      const type = eventTypes.find((known) => known === name);
      if (type === undefined) {
        throw usageFailure(`there is no event type '${name}': the types are ${eventTypes.join(', ')}`);
      }
      return type;
    });
}

function countFrom(typed: string): number {
  if (!/^[0-9]{1,9}$/.test(typed)) {
    throw usageFailure(`'${typed}' is no limit: a limit is a whole number from 0 on`);
  }
  return Number(typed);
}
