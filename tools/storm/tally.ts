/**
 * A tally of a log: what it says of the tasks in each container. It keeps its own account of who is where instead of
 * asking a projection, so that a mistake in one shows as a difference; an event that cannot be ends it.
 */
import assert from 'node:assert/strict';
import type { Event, ExitFact, ForkFact } from '../../events/event.ts';
import type { LogReader } from '../../src/ports.ts';
import { Disturbances, type Interval } from './disturbances.ts';
import type { Witness } from './firstProcess.ts';

/** What happened in one container. */
export interface Tally {
  /** Births of processes, those that a look has found among them. */
  readonly forks: number;
  /** Births of further threads, likewise. */
  readonly threads: number;
  readonly execs: number;
  readonly exits: number;
  /** Exits by SIGKILL. */
  readonly kills: number;
  /** Tasks that have not ended. */
  readonly left: number;
  /**
   * Tasks that ended with a code that is not the number of their birth. The k-th process that a task forks ends with
   * k mod 256, by a rule that `storm.c` keeps: a breach of it means that two tasks were taken for each other.
   */
  readonly misnumbered: ReadonlySet<number>;
}

const sigkill = 9;

export class Tallies {
  readonly #disturbances: Disturbances;
  /** The seqs of all births, in any container. */
  readonly births: number[] = [];
  /** The highest number of births that had the same pid. */
  pidUses = 0;
  readonly #usesByPid = new Map<number, number>();
  readonly #accounts = new Map<number, Account>();
  readonly #accountByName = new Map<string, Account>();
  readonly #members = new Map<number, Member>();
  /** The task that was last born as the leader of each process. */
  readonly #leaders = new Map<number, number>();

  /** `witness` knows of gaps that somebody else has caused. */
  constructor(witness?: Witness) {
    this.#disturbances = new Disturbances(witness);
  }

  /** When there were gaps that somebody else is known to have caused. What happened in these is not counted either. */
  get disturbances(): readonly Interval[] {
    return this.#disturbances.others;
  }

  /** Where the recorder was not sure of what it had seen, in words, and nobody else is known to have caused that. */
  get gaps(): readonly string[] {
    return this.#disturbances.gaps;
  }

  /** The tally of the container with this name, which must be the only one that ever had it. */
  of(name: string): Tally {
    const account = this.#accountByName.get(name);
    assert(account !== undefined, `the log knows no container ${name}`);
    return account;
  }

  apply(event: Event): void {
    this.#disturbances.apply(event);
    switch (event.type) {
      case 'tree':
        if (event.tree === 0) this.#accounts.set(event.container, new Account());
        break;
      case 'mkdir': {
        if (!this.#accounts.has(event.parent)) break;
        const account = new Account();
        this.#accounts.set(event.container, account);
        this.#accountByName.set(event.name, account);
        break;
      }
      case 'adopt': {
        const account = this.#account(event.container);
        if (event.pid === event.tgid) account.forks += 1;
        else account.threads += 1;
        this.#enter(event.task, account, undefined);
        break;
      }
      case 'attach': {
        if (!this.#accounts.has(event.container)) break;
        const member = this.#member(event.task);
        member.account.left -= 1;
        member.account = this.#account(event.container);
        member.account.left += 1;
        // It was born elsewhere, under no rule of ours.
        member.number = undefined;
        break;
      }
      case 'fork':
        this.births.push(event.seq);
        this.#fork(event);
        break;
      case 'exec':
        this.#exec(event.task, event.pid);
        break;
      case 'exit':
        this.#exit(event);
        break;
      default:
    }
  }

  #fork({ task, parent, pid, tgid }: ForkFact): void {
    const forker = this.#member(parent);
    const { account } = forker;
    const uses = (this.#usesByPid.get(pid) ?? 0) + 1;
    this.#usesByPid.set(pid, uses);
    this.pidUses = Math.max(this.pidUses, uses);
    if (pid !== tgid) {
      account.threads += 1;
      this.#enter(task, account, undefined);
      return;
    }
    account.forks += 1;
    forker.forked += 1;
    this.#leaders.set(pid, task);
    this.#enter(task, account, forker.forked % 256);
  }

  #enter(task: number, account: Account, number: number | undefined): void {
    assert(!this.#members.has(task), `task ${task} is born once`);
    this.#members.set(task, { account, number, forked: 0 });
    account.left += 1;
  }

  /** A thread that is not the leader ends its leader by its exec: there is no number in that. */
  #exec(task: number, pid: number): void {
    const { account, number } = this.#member(task);
    account.execs += 1;
    const leader = this.#leaders.get(pid);
    if (number === undefined && leader !== undefined) account.misnumbered.delete(leader);
  }

  #exit({ task, code, signal }: ExitFact): void {
    const { account, number } = this.#member(task);
    this.#members.delete(task);
    account.left -= 1;
    account.exits += 1;
    if (signal === sigkill) account.kills += 1;
    if (signal === 0 && number !== undefined && code !== number) account.misnumbered.add(task);
  }

  #account(container: number): Account {
    const account = this.#accounts.get(container);
    assert(account !== undefined, `container ${container} was made`);
    return account;
  }

  #member(task: number): Member {
    const member = this.#members.get(task);
    assert(member !== undefined, `task ${task} lives`);
    return member;
  }
}

/** Reads a whole log. */
export async function tally(log: LogReader, witness?: Witness): Promise<Tallies> {
  const tallies = new Tallies(witness);
  for await (const events of log.read(1)) for (const event of events) tallies.apply(event);
  return tallies;
}

class Account implements Tally {
  forks = 0;
  threads = 0;
  execs = 0;
  exits = 0;
  kills = 0;
  left = 0;
  readonly misnumbered = new Set<number>();
}

interface Member {
  account: Account;
  /** By the rule of `misnumbered`; undefined for a thread, and for who was there before. */
  number: number | undefined;
  /** Processes that it has forked. */
  forked: number;
}
