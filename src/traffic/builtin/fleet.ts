import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterPatience } from '../../lib/patience.ts';
import type { SteadyClock } from '../../lib/steady-clock.ts';
import { Member } from './fleet-member.ts';
import type { Former } from './former.ts';
import type { ListeningHandle } from './listeners.ts';
import type {
  Answer,
  Ask,
  FromWorker,
  Place,
  ReplicaMessage,
  Speech,
  Suspicion,
  ToWorker,
  WorkerCounts,
} from './messages.ts';

/** A worker that does not confirm a change in this time is killed: no request may go by an old route. */
const CONFIRM_MS = 2000;
/** One that does not even say how it is stands still. On a busy machine it may only be late, and goes by the newest route. */
const OBSERVE_MS = 5000;
const RESTART_MIN_MS = 0;
const RESTART_MAX_MS = 5000;
/** A worker that lived this long was sound. */
const SOUND_MS = 10_000;
const STOP_MARGIN_MS = 1000;
/**
 * Left alone, V8 lets what dies young fill 96 MB before it looks. Measured at 64 connections: 256 MB resident without,
 * 156 MB with 4 of these; 8 cost less by a twelfth of the time of a small request (docs/decisions/0007-http1-server.md).
 */
const WORKER_FLAGS = ['--max-semi-space-size=8'];

export type FleetOptions = {
  /** Numbers the seconds of counts; the workers get its offset. */
  readonly clock: Pick<SteadyClock, 'steadyMs' | 'offsetMs'>;
  readonly size: number;
  /** All that a new worker must know. */
  readonly onStart: (place: Place) => Extract<ToWorker, { kind: 'start' }>;
  readonly onCounts: (counts: WorkerCounts) => void;
  readonly onSuspect: (suspicion: Suspicion) => void;
  readonly onAccessLogFull: (service: string) => void;
  /** A worker has just been told all that `onStart` says: what it asks of other workers, and what they hold, begins anew. */
  readonly onLaunched: () => void;
  readonly onReplica: (worker: number, message: ReplicaMessage) => void;
  readonly onDeath: () => void;
  readonly log: (text: string) => void;
};

/** A bound socket, and what is spoken on it. */
type Listening = { readonly handle: ListeningHandle; readonly speech: Speech };

/** The worker processes: starts them, starts them again, gives each the sockets and every change. */
export class Fleet {
  private readonly options: FleetOptions;
  private readonly members: Member[] = [];
  private readonly sockets = new Map<string, Listening>();
  private stopping = false;
  /** Of the proxy that this one replaced: asked and told whatever our own are. */
  former: Former | null = null;

  constructor(options: FleetOptions) {
    this.options = options;
    for (let i = 0; i < options.size; i += 1) this.members.push(new Member(i));
  }

  /** Starts all workers; resolves when they know everything and listen. */
  async start(): Promise<void> {
    await Promise.all(this.members.map((member) => this.launch(member)));
  }

  /** Asks every worker that runs; one that does not answer in time is killed and replaced. */
  async ask(ask: Ask): Promise<Answer[]> {
    const [answers, formers = []] = await Promise.all([
      Promise.all(this.members.map((member) => this.askOne(member, ask))),
      this.former?.ask(ask),
    ]);
    return [...answers.filter((answer) => answer !== null), ...formers];
  }

  tell(message: ToWorker): void {
    for (const member of this.members) if (member.ready) member.send(message);
    this.former?.tell(message);
  }

  tellOne(index: number, message: ToWorker): void {
    const member = this.members[index];
    if (member?.ready === true) member.send(message);
  }

  /** Hands a bound socket to every worker; resolves with the system's error code, or null. */
  async listen(listener: string, listening: Listening): Promise<string | null> {
    this.sockets.set(listener, listening);
    const errors = await Promise.all(this.members.map((member) => this.listenOne(member, listener)));
    const error = errors.find((each) => each !== null) ?? null;
    if (error !== null) this.unlisten(listener);
    return error;
  }

  /** From plain HTTP to TLS or back: every worker has the new front before it lets go of the former, and no caller is lost. */
  async speak(listener: string, speech: Speech): Promise<void> {
    const listening = this.sockets.get(listener);
    if (listening === undefined || isDeepStrictEqual(listening.speech, speech)) return;
    this.sockets.set(listener, { ...listening, speech });
    await Promise.all(this.members.map((member) => this.listenOne(member, listener)));
  }

  unlisten(listener: string): void {
    this.tell({ kind: 'unlisten', listener });
    this.sockets.get(listener)?.handle.close();
    this.sockets.delete(listener);
  }

  /** By listener. */
  get handles(): readonly (readonly [string, ListeningHandle])[] {
    return [...this.sockets].map(([listener, { handle }]) => [listener, handle]);
  }

  get listeners(): string[] {
    return [...this.sockets.keys()];
  }

  /** Whether at least one worker serves. */
  get isServing(): boolean {
    return this.members.some((member) => member.ready);
  }

  /** The second up to which every running worker has told its counts; null while none runs. */
  get countedSecond(): number | null {
    const seconds = this.members.filter((member) => member.ready).map((member) => member.countedSecond);
    if (this.former?.isLeft === true) seconds.push(this.former.countedSecond);
    return seconds.length === 0 ? null : Math.min(...seconds);
  }

  get size(): number {
    return this.members.length;
  }

  get pids(): number[] {
    return this.members.flatMap((member) => member.process?.pid ?? []);
  }

  /**
   * Another proxy has our sockets: every worker serves what it has, as a replaced one does, and ends. Resolves when all are
   * gone and all that they said has been heard.
   */
  async retire(withinMs: number): Promise<void> {
    this.stopping = true;
    this.tell({ kind: 'retire' });
    for (const { handle } of this.sockets.values()) handle.close();
    this.sockets.clear();
    const left = this.members.flatMap(({ process }) => process ?? []);
    const timer = setTimeout(() => left.forEach((process) => process.kill('SIGKILL')), withinMs);
    await Promise.all(left.map(heardOut));
    clearTimeout(timer);
  }

  /** Lets every worker finish what it has, for at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    await Promise.all(
      this.members.map(async (member) => {
        const { process } = member;
        if (process === null) return;
        const ended = new Promise((resolve) => process.once('exit', resolve));
        member.send({ kind: 'stop', graceMs });
        const timer = setTimeout(() => process.kill('SIGKILL'), graceMs + STOP_MARGIN_MS);
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  private async launch(member: Member): Promise<void> {
    member.startedAtMs = performance.now();
    const child = fork(workerPath(), [String(this.options.clock.offsetMs)], {
      serialization: 'advanced',
      execArgv: WORKER_FLAGS,
    });
    member.process = child;
    const died = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.on('message', (message) => this.receive(member, message as FromWorker));
    child.on('error', (error) => this.options.log(`worker ${member.index}: ${error.message}`));
    child.once('exit', (code, signal) => this.died(member, signal ?? String(code)));
    const started = member.once('started');
    member.send(this.options.onStart({ index: member.index, of: this.members.length }));
    // Whatever changes from here on is told to it as well, behind the start.
    member.ready = true;
    this.options.onLaunched();
    member.countedSecond = Math.floor(this.options.clock.steadyMs() / 1000) - 1;
    await Promise.race([started, died]);
    if (member.process !== child) return;
    for (const listener of this.sockets.keys()) {
      const error = await Promise.race([this.listenOne(member, listener), died]);
      if (typeof error === 'string')
        this.options.log(`worker ${member.index} cannot listen on ${listener}: ${error}`);
    }
  }

  private died(member: Member, how: string): void {
    const lived = performance.now() - member.startedAtMs;
    member.process = null;
    member.ready = false;
    member.fail();
    if (this.stopping) return;
    member.backOffMs =
      lived > SOUND_MS ? RESTART_MIN_MS : Math.min(RESTART_MAX_MS, member.backOffMs * 2 + 50);
    const waitMs = lived > SOUND_MS || member.backOffMs <= 50 ? 0 : member.backOffMs;
    this.options.log(`worker ${member.index} ended (${how}); restarting in ${waitMs}ms`);
    this.options.onDeath();
    setTimeout(() => {
      if (!this.stopping) void this.launch(member);
    }, waitMs);
  }

  private receive(member: Member, message: FromWorker): void {
    switch (message.kind) {
      case 'counts':
        member.countedSecond = message.second;
        this.options.onCounts(message);
        break;
      case 'suspect':
        this.options.onSuspect(message);
        break;
      case 'outlier':
      case 'permitsWanted':
      case 'permitsGiven':
        this.options.onReplica(member.index, message);
        break;
      case 'accessLogFull':
        this.options.onAccessLogFull(message.service);
        break;
      case 'note':
        this.options.log(`worker ${member.index}: ${message.text}`);
        break;
      default:
        member.deliver(message);
    }
  }

  private async askOne(member: Member, ask: Ask): Promise<Answer | null> {
    if (!member.ready) return null;
    const id = member.nextId();
    const answered = member.once(`answer ${id}`);
    member.send({ kind: 'ask', id, ask });
    const message = await this.confirmed(member, answered, ask.op === 'observe' ? OBSERVE_MS : CONFIRM_MS);
    return message?.kind === 'answer' ? message.answer : null;
  }

  private async listenOne(member: Member, listener: string): Promise<string | null> {
    const listening = this.sockets.get(listener);
    if (!member.ready || listening === undefined) return null;
    const { handle, speech } = listening;
    const answered = member.once(`listening ${listener}`);
    member.send({ kind: 'listen', listener, speech }, handle);
    const message = await this.confirmed(member, answered, CONFIRM_MS);
    return message?.kind === 'listening' ? message.error : null;
  }

  /** What the worker says, or null when it died, or was killed for not saying it in time. */
  private async confirmed(
    member: Member,
    answered: Promise<FromWorker | null>,
    withinMs: number,
  ): Promise<FromWorker | null> {
    const { process } = member;
    const callOff = afterPatience(withinMs, () => {
      this.options.log(`worker ${member.index} did not answer within ${withinMs}ms: killing it`);
      process?.kill('SIGKILL');
    });
    const message = await answered;
    callOff();
    return message;
  }
}

/** A process may end before the last that it said was heard. */
async function heardOut(child: ChildProcess): Promise<void> {
  await Promise.all([
    child.connected ? once(child, 'disconnect') : null,
    child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null,
  ]);
}

/** `.ts` when run as it is, `.js` when compiled. */
function workerPath(): string {
  return fileURLToPath(new URL(`./worker/worker-main${extname(import.meta.filename)}`, import.meta.url));
}
