/**
 * Entries of the log as CloudEvents 1.0, in their JSON format (the specifications `cloudevents/spec.md` and
 * `cloudevents/formats/json-format.md` of the CNCF). Source and id together name an event for good: the recording and its
 * seq.
 */
import type { Entry } from './history.ts';

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  /** The container that it happened in: its path, and in a mirrored tree the tree's name before that. */
  readonly subject?: string;
  readonly datacontenttype: 'application/json';
  /** The rest of the entry. */
  readonly data: Readonly<Record<string, unknown>>;
}

export function cloudEventOf({ seq, time, type, ...data }: Entry, recording: string): CloudEvent {
  const { tree, path } = data;
  return {
    specversion: '1.0',
    id: String(seq),
    source: `tasktrail:${recording}`,
    type: `tasktrail.${type}`,
    time,
    ...(path !== undefined && { subject: tree === undefined ? path : `${tree}:${path}` }),
    datacontenttype: 'application/json',
    data,
  };
}
