import { type ChildProcess, spawn } from 'node:child_process';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import { afterPatience } from '../../lib/patience.ts';
import type { Prober } from '../prober.ts';
import type { CallQueue } from './call-queue.ts';
import type { Fleet } from './fleet.ts';
import {
  HANDOVER_VERSION,
  HandoverLine,
  type HoldCall,
  type ToFormer,
  type ToSuccessor,
} from './handover.ts';
import type { HoldDesk } from './hold-desk.ts';
import type { Ledger } from './ledger.ts';
import type { Plane } from './plane.ts';
import type { TicketKeys } from './ticket-keys.ts';

/** Set for a proxy that takes the place of this one: our id. */
export const FORMER_VARIABLE = 'BASCULE_FORMER_PROXY';
/** Until the other one has read everything and its workers run: nothing waits for it. */
const PREPARED_WITHIN_MS = 30_000;
/** Until its workers listen: who changes a route waits for it. */
const SERVING_WITHIN_MS = 15_000;
const COMMITTED_WITHIN_MS = 5000;

export type Successor = {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

export type GivingParts = {
  readonly calls: CallQueue;
  readonly plane: Plane;
  readonly fleet: Fleet;
  readonly prober: Prober;
  readonly ledger: Ledger;
  readonly desk: HoldDesk;
  readonly tickets: TicketKeys;
  readonly log: (text: string) => void;
};

export type FromOurWorkers = Extract<ToSuccessor, { kind: 'counts' | 'lost' | 'suspect' | 'accessLogFull' }>;

type Line = HandoverLine<ToSuccessor, ToFormer>;
type Kind = ToFormer['kind'];

/**
 * Gives the place of this proxy to another one, started here, because a process can inherit sockets from its parent alone. Up
 * to the commit nothing has changed for anybody, and whatever goes wrong leaves this one serving.
 */
export class GivingWay {
  readonly #parts: GivingParts;
  #line: Line | null = null;
  #isBusy = false;
  #isCopied = false;
  #isGiven = false;
  readonly #given = Promise.withResolvers<void>();
  readonly #waiting = new Map<Kind, (message: ToFormer) => void>();
  #broken: (why: string) => void = () => {};

  constructor(parts: GivingParts) {
    this.#parts = parts;
  }

  /** Resolves when another one has the place: what is left of this proxy is to end. */
  get given(): Promise<void> {
    return this.#given.promise;
  }

  /** Whether counts are somebody else's by now. */
  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Error: TRAFFIC_PROXY_KEPT. Resolves once the other one serves alone. */
  async give(to: Successor): Promise<{ readonly pid: number }> {
    if (this.#isBusy) throw kept('it is being replaced already');
    this.#isBusy = true;
    const child = start(to);
    let thaw: (() => void) | null = null;
    try {
      this.#line = this.#talkTo(child);
      await this.#prepared(child);
      thaw = await this.#parts.calls.freeze();
      this.#sayAll();
      await this.#hears('serving', SERVING_WITHIN_MS);
      this.#line.say({ kind: 'commit' });
      await this.#hears('committed', COMMITTED_WITHIN_MS);
    } catch (error) {
      this.#line = null;
      this.#isCopied = false;
      child.kill('SIGKILL');
      thaw?.();
      this.#isBusy = false;
      this.#parts.log(`not replaced: ${messageOf(error)}`);
      throw kept(messageOf(error));
    }
    this.#isGiven = true;
    this.#parts.log(`replaced by the proxy with pid ${child.pid}; what is in flight here goes on`);
    this.#given.resolve();
    return { pid: child.pid! };
  }

  /** What our workers have to say, from when the other one has a copy of what they said before. */
  say(message: FromOurWorkers): void {
    if (this.#isCopied) this.#line?.say(message);
  }

  /** The last word, when nothing is left here. */
  async gone(): Promise<void> {
    await this.#line?.flushed({ kind: 'gone' });
  }

  async #prepared(child: ChildProcess): Promise<void> {
    const { prober, tickets } = this.#parts;
    this.#line!.say({
      kind: 'begin',
      version: HANDOVER_VERSION,
      pid: process.pid,
      health: prober.health(),
      ticketKeys: tickets.keys.toString('base64'),
    });
    const { version } = (await this.#hears('prepared', PREPARED_WITHIN_MS)) as { readonly version: number };
    if (version !== HANDOVER_VERSION)
      throw new Error(
        `process ${child.pid} speaks version ${version} of the handover, not ${HANDOVER_VERSION}`,
      );
  }

  /** In one turn of the event loop, so that what is counted is either in the copy or told behind it. */
  #sayAll(): void {
    const { plane, ledger, fleet, desk } = this.#parts;
    const line = this.#line!;
    this.#isCopied = true;
    line.say({ kind: 'states', states: plane.states });
    line.say({ kind: 'ledger', ledger: ledger.copy() });
    for (const [service, copy] of ledger.serviceCopies()) line.say({ kind: 'serviceLedger', service, copy });
    for (const [listener, handle] of fleet.handles) line.say({ kind: 'socket', listener }, handle);
    for (const [port, handle] of desk.handles) line.say({ kind: 'holdSocket', port }, handle);
    line.say({ kind: 'all' });
  }

  #talkTo(child: ChildProcess): Line {
    child.on('error', (error) => this.#broken(error.message));
    child.once('exit', (code, signal) => this.#broken(`it ended (${signal ?? code}); see proxy.log`));
    return new HandoverLine<ToSuccessor, ToFormer>(
      child,
      (message) => this.#hear(message),
      () => this.#lineBroke(),
    );
  }

  #hear(message: ToFormer): void {
    switch (message.kind) {
      case 'ask':
        void this.#answer(message);
        break;
      case 'tell':
        this.#parts.fleet.tell(message.message);
        break;
      case 'hold':
        void this.#obeyHold(message);
        break;
      case 'stop':
        void this.#parts.fleet.stop(message.graceMs);
        break;
      case 'refused':
        this.#broken(message.why);
        break;
      default:
        this.#waiting.get(message.kind)?.(message);
    }
  }

  async #answer({ id, ask }: Extract<ToFormer, { kind: 'ask' }>): Promise<void> {
    const answers = await this.#parts.fleet.ask(ask);
    this.#line?.say({ kind: 'answers', id, answers });
  }

  async #obeyHold({ id, call }: Extract<ToFormer, { kind: 'hold' }>): Promise<void> {
    const waiting = await obeyed(this.#parts.desk, call);
    this.#line?.say({ kind: 'holdAnswer', id, waiting });
  }

  /** Nobody tells us of changes any more: nothing may go by what has long been changed. */
  #lineBroke(): void {
    // Before that, how it ended is told in a moment.
    if (!this.#isGiven) return;
    this.#parts.log('the proxy that took the place of this one is gone: what is in flight ends');
    void this.#parts.fleet.stop(0);
  }

  #hears(kind: Kind, withinMs: number): Promise<ToFormer> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        callOff();
        this.#waiting.delete(kind);
        this.#broken = () => {};
        done();
      };
      const callOff = afterPatience(withinMs, () =>
        this.#broken(`it was not ${kind} within ${withinMs / 1000} s`),
      );
      this.#broken = (why) => settle(() => reject(new Error(why)));
      this.#waiting.set(kind, (message) => settle(() => resolve(message)));
    });
  }
}

/** In a session of its own, as the server starts one, and with our log. */
function start({ command, env }: Successor): ChildProcess {
  const [program = '', ...args] = command;
  return spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'json',
    env: { ...env, [FORMER_VARIABLE]: String(process.pid) },
  });
}

/** Returns how many wait here. What is not known here waits for nothing. */
async function obeyed(desk: HoldDesk, call: HoldCall): Promise<number> {
  try {
    if (call.op === 'holdSet') await desk.set(call.service, call.revision, call.hold);
    if (call.op === 'holdClose') await desk.close(call.service);
    return desk.waiting(call.service);
  } catch {
    return 0;
  }
}

function kept(why: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_PROXY_KEPT',
    `The proxy (pid ${process.pid}) was not replaced: ${why}. It serves as before.`,
    { retryable: true },
  );
}
