/**
 * A session: one conversation with the kernel about one mount, message by message. It greets, answers what is of no
 * form or meaning, and leaves what is about the tree to the filesystem. It knows of no device: messages come in as
 * bytes, and replies go out through `send`, not always in the order in which they were asked for.
 */
import type { TreeRequest } from './filesystem.ts';
import { type Header, headerOf, isAnswered } from './header.ts';
import { type Answer, doneReply, initReply, namesNoticeMinor, protocol, replyTo } from './replies.ts';
import { requestOf } from './requests.ts';

/** Who answers what is about the filesystem, and not about the session. */
export interface Answerer {
  /** Throws, or rejects, where it cannot be answered. */
  answer(asker: Header, request: TreeRequest): Answer | Promise<Answer>;
  /** Whether the kernel may keep names, which is set here; where this is not, it keeps none. */
  keepsNames?: boolean;
  /** Calls back with each notice that the kernel has to get of a change; returns what ends it. */
  onChange?(tell: (notice: Buffer) => void): () => void;
}

export class Session {
  readonly #filesystem: Answerer;
  readonly #send: (reply: Buffer) => void;
  readonly #answered: () => void;
  readonly #endNotices: () => void;
  readonly #unanswered = new Set<Promise<void>>();

  /** `answered` is called when a reply has gone out that was waited for. */
  constructor(filesystem: Answerer, send: (reply: Buffer) => void, answered = (): void => {}) {
    this.#filesystem = filesystem;
    this.#send = send;
    this.#answered = answered;
    this.#endNotices = filesystem.onChange?.(send) ?? ((): void => {});
  }

  /** The kernel is told nothing more. What it has asked is answered. */
  close(): void {
    this.#endNotices();
  }

  /** Whether somebody waits for a command that is on its way to the disk. */
  get isCommitting(): boolean {
    return this.#unanswered.size > 0;
  }

  /**
   * Takes one message. False where the session cannot go on: the message is none, or the kernel speaks a protocol that
   * we do not. The message's bytes are the caller's again at the return.
   */
  take(message: Buffer): boolean {
    const header = headerOf(message);
    if (!header) return false;
    const request = requestOf(header, message);
    switch (request.type) {
      case 'init':
        if (request.major !== protocol.major || request.minor < protocol.minor) return false;
        this.#filesystem.keepsNames = request.minor >= namesNoticeMinor;
        this.#reply(header, initReply(request.flags));
        return true;
      case 'interrupt':
        return true;
      case 'destroy':
        this.#reply(header, doneReply());
        return true;
      case 'malformed':
        if (isAnswered(header.operation)) this.#reply(header, 'EIO');
        return true;
      case 'unknown':
        this.#reply(header, 'ENOSYS');
        return true;
    }
    try {
      const answer = this.#filesystem.answer(header, request);
      if (answer instanceof Promise) this.#replyLater(header, answer);
      else this.#reply(header, answer);
    } catch (error) {
      this.#reply(header, failed(error));
    }
    return true;
  }

  /** Resolves when every command that was taken so far has its reply. */
  async settled(): Promise<void> {
    await Promise.all(this.#unanswered);
  }

  #replyLater(header: Header, answer: Promise<Answer>): void {
    const replied = answer
      .catch(failed)
      .then((settled) => this.#reply(header, settled))
      .finally(() => {
        this.#unanswered.delete(replied);
        this.#answered();
      });
    this.#unanswered.add(replied);
  }

  #reply({ unique }: Header, answer: Answer): void {
    if (answer !== 'nothing') this.#send(replyTo(unique, answer));
  }
}

/** Nothing is recorded any more, or we have made a mistake. The asker is told as much as an errno can tell. */
function failed(error: unknown): Answer {
  process.emitWarning(error instanceof Error ? error : String(error));
  return 'EIO';
}
