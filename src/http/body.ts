/**
 * Request bodies: from whatever a client sent to a command of the API, or a sentence about what is wrong. The form is
 * checked here: exactly the fields of a command, each of its kind. What a field says is for others to judge: a text
 * need not be a path.
 */
import type { CommandName, Commands } from './api.ts';

/** A request that is not of the API's form; `status` is the HTTP status to answer with. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'BadRequest';
    this.status = status;
  }
}

type Field = 'text' | 'whole' | 'id' | 'boolean' | 'file';
type Form<Body> = { readonly [Name in keyof Body]: Field };

const forms: { readonly [Name in CommandName]: Form<Commands[Name]> } = {
  mkdir: { path: 'text', mode: 'whole', umask: 'whole' },
  rmdir: { path: 'text' },
  rename: { from: 'text', to: 'text' },
  attach: { path: 'text', pid: 'whole', thread: 'boolean' },
  write: { path: 'text', file: 'file', text: 'text' },
  delegate: { path: 'text', uid: 'id', gid: 'id' },
  down: { unload: 'boolean' },
};

/** The highest id; the one above it means none to the kernel (chown(2)). */
const maxId = 2 ** 32 - 2;

type Tagged = { [Name in CommandName]: [Name, Commands[Name]] }[CommandName];

/** The body of `POST /v1/NAME`, checked field by field. */
export function asCommand(name: string, body: unknown): Tagged {
  if (!Object.hasOwn(forms, name)) throw new BadRequest(404, `there is no command ${name}`);
  if (typeof body !== 'object' || body === null) throw new BadRequest(400, 'the body is not an object');
  const form: Readonly<Record<string, Field>> = forms[name as CommandName];
  for (const field of Object.keys(body)) {
    if (!Object.hasOwn(form, field)) throw new BadRequest(400, `${name} has no field ${field}`);
  }
  for (const [field, kind] of Object.entries(form)) {
    const value = (body as Record<string, unknown>)[field];
    if (!isOf(kind, value)) throw new BadRequest(400, `${field} of ${name} is ${wanted[kind]}`);
  }
  return [name, body] as unknown as Tagged;
}

/** A whole number from a query string. */
export function whole(text: string | null, name: string): number {
  if (text === null || !/^[0-9]{1,15}$/.test(text)) throw new BadRequest(400, `${name} is ${wanted.whole}`);
  return Number(text);
}

const wanted: Readonly<Record<Field, string>> = {
  text: 'a text',
  whole: 'a whole number from 0 on',
  id: 'a user or group id, from 0 to 4294967294',
  boolean: 'true or false',
  file: 'tasks, notify_on_release or release_agent',
};

function isOf(kind: Field, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'whole':
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case 'id':
      return isOf('whole', value) && (value as number) <= maxId;
    case 'boolean':
      return typeof value === 'boolean';
    case 'file':
      return value === 'tasks' || value === 'notify_on_release' || value === 'release_agent';
  }
}
