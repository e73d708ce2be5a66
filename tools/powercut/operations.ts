/**
 * The operations that the shim (`tools/programs/powercut.c`) has written down: what a program changed below one folder,
 * what it synced, and what it said, in the order in which it happened.
 */

export type Operation =
  /** `flags` as open(2) has them; the path goes on below the folder and is empty for the folder itself. */
  | { readonly kind: 'open'; readonly fd: number; readonly flags: number; readonly path: string }
  | { readonly kind: 'write'; readonly fd: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'resize'; readonly fd: number; readonly sizeBytes: number }
  | { readonly kind: 'close'; readonly fd: number }
  /** A sync begins, and later the one of the same number is done: it holds for what came before its beginning. */
  | { readonly kind: 'sync'; readonly fd: number; readonly sync: number }
  | { readonly kind: 'synced'; readonly sync: number }
  | { readonly kind: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove' | 'mkdir'; readonly path: string }
  /** What the program said on its standard output. */
  | { readonly kind: 'note'; readonly text: string };

const headBytes = 17;

/** The operations of a stream. Throws where the program did what the shim does not follow. */
export function* operationsIn(stream: Buffer): Generator<Operation> {
  for (let at = 0; at < stream.length; ) {
    const end = at + headBytes + stream.readUInt32LE(at + 13);
    yield operationOf(
      String.fromCharCode(stream.readUInt8(at)),
      stream.readInt32LE(at + 1),
      Number(stream.readBigUInt64LE(at + 5)),
      stream.subarray(at + headBytes, end),
    );
    at = end;
  }
}

function operationOf(kind: string, fd: number, number: number, payload: Buffer): Operation {
  const path = (): string => payload.toString();
  switch (kind) {
    case 'o':
      return { kind: 'open', fd, flags: number, path: path() };
    case 'w':
      return { kind: 'write', fd, offset: number, bytes: payload };
    case 't':
      return { kind: 'resize', fd, sizeBytes: number };
    case 'c':
      return { kind: 'close', fd };
    case 's':
      return { kind: 'sync', fd, sync: number };
    case 'd':
      return { kind: 'synced', sync: number };
    case 'r':
    case 'l': {
      const [from = '', to = ''] = path().split('\0');
      return { kind: kind === 'r' ? 'rename' : 'link', path: from, to };
    }
    case 'u':
      return { kind: 'remove', path: path() };
    case 'm':
      return { kind: 'mkdir', path: path() };
    case 'n':
      return { kind: 'note', text: path() };
    default:
      throw new Error(`the shim does not follow ${path()}: teach it, or do without`);
  }
}
