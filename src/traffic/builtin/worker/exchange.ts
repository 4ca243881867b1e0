import { AnswerRelay } from './answer-relay.ts';
import { AttemptRecord } from './attempt-record.ts';
import { headFor, takeBack } from './below-prefix.ts';
import type { InFlight } from './drain.ts';
import type { ExchangeStart, Upgraded } from './exchange-start.ts';
import { UNCOUNTED, isForOneSlot } from '../../identity-filter.ts';
import { Interims, MAX_INTERIMS, awaitsClient } from './interims.ts';
import { linger, refuse } from './refusals.ts';
import type { ReplicaLink } from './replica-link.ts';
import { isIdempotent } from './request-head.ts';
import type { ResponseHead } from './response-reader.ts';
import { type SlotLive, pickReplica } from './slot-live.ts';
import type { Waiting } from './slot-queue.ts';
import { stallOf } from './stall.ts';
import { CLASS, type ClassIndex } from '../../tally.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { type BodyFraming, type ConnectionUser, type UpstreamLink, framingOf } from './upstream-link.ts';
import { type BodyTap, Upload } from './upload.ts';

const TOO_LARGE = { status: 413, text: 'the request body is too large' };
const TAKEN_OUT = { status: 503, text: 'this version was taken out of service', retryAfterSeconds: 0 };

/** One request of a client, from its head to the end of its answer. */
export class Exchange implements ConnectionUser, InFlight, Waiting {
  isStream = false;
  readonly record: AttemptRecord;
  private readonly start: ExchangeStart;
  private readonly upload: Upload | null;
  private readonly framing: BodyFraming;
  private readonly interims: Interims;
  private readonly relay: AnswerRelay;
  private slot: SlotLive;
  private identity: number;
  private phase: 'queued' | 'connecting' | 'waiting' | 'responding' | 'upgraded' | 'done' = 'connecting';
  private connection: UpstreamLink | null = null;
  private replica: ReplicaLink | null = null;
  private upgraded: Upgraded | null = null;
  private attempts = 0;
  private lastByteMs = 0;
  private begunMs = 0;
  private queuedAtMs = 0;

  constructor(start: ExchangeStart) {
    this.start = start;
    this.slot = start.slot;
    this.identity = start.identity;
    const { req, scan, service } = start;
    this.record = new AttemptRecord(start);
    this.relay = new AnswerRelay(start.res);
    this.interims = new Interims(scan.expectsContinue);
    this.framing = framingOf(scan);
    const { maxBodyBytes } = service.door.spec;
    this.upload = this.framing === 'none' ? null : new Upload(req, maxBodyBytes);
  }

  /** Sees the request's body, if it has one. */
  watch(tap: BodyTap): void {
    if (this.upload === null || this.phase === 'done') tap.drop();
    else this.upload.tap = tap;
  }

  begin(nowMs: number): void {
    this.begunMs = nowMs;
    this.slot.inFlight.add(this);
    this.start.res.on('close', () => this.clientLeft());
    const replica = pickReplica(this.slot, null, nowMs);
    if (replica === null) this.wait(nowMs);
    else this.attempt(replica, false, nowMs);
  }

  /** No replica may have it now: some will, or none is healthy. */
  private wait(nowMs: number): void {
    const { care } = this.slot;
    if (care === null || care.queue === null || !care.hasHealthy) {
      this.nobody();
      return;
    }
    this.replica = null;
    this.phase = 'queued';
    this.queuedAtMs = nowMs;
    if (!care.queue.enter(this, nowMs)) this.turnAway(CLASS.connectFailure, 'too many requests wait');
  }

  go(replica: ReplicaLink, nowMs: number): void {
    this.start.account?.waited(nowMs - this.queuedAtMs);
    this.attempt(replica, this.attempts > 0, nowMs);
  }

  late(): void {
    this.start.account?.waited(performance.now() - this.queuedAtMs);
    this.turnAway(CLASS.timeout, 'no replica was free in time');
  }

  /** No replica of any slot is healthy. */
  nobody(): void {
    this.turnAway(CLASS.connectFailure, 'no healthy replica');
  }

  onConnected(): void {
    this.phase = 'waiting';
    this.connection!.sendHead(headFor(this.replica!.address, this.start), this.framing);
    this.upload?.begin({
      sendBody: (chunk) => this.connection?.sendBody(chunk) ?? true,
      endBody: (trailers) => this.connection?.endBody(trailers),
      onProgress: () => {
        this.lastByteMs = performance.now();
      },
      onTooLarge: () => this.end(CLASS.clientAbort, TOO_LARGE),
    });
  }

  onInformational(statusCode: number): void {
    const verdict = this.interims.take(statusCode);
    if (verdict === 'pass on') this.start.res.writeContinue();
    if (verdict !== 'too many') return;
    this.connection!.abandon();
    this.fail(`the application sent more than ${MAX_INTERIMS} interim answers`);
  }

  onHead(head: ResponseHead): void {
    const nowMs = performance.now();
    this.lastByteMs = nowMs;
    this.record.head(head, nowMs);
    takeBack(this.replica!.address, head.headers, this.start);
    this.start.account?.answered(this.replica!, head, this.record.atMs);
    if (head.statusCode === 101) {
      this.switchProtocols(head);
      return;
    }
    this.phase = 'responding';
    if (head.isEventStream) this.becomeStream();
    this.relay.expect(head.bodyLength);
    if (this.start.cookie !== null) head.headers.push('Set-Cookie', this.start.cookie);
    try {
      this.start.res.writeHead(head.statusCode, head.statusMessage, head.headers);
    } catch (error) {
      // A header that cannot be sent on as it is (a control character): the answer is not usable.
      this.connection!.abandon();
      this.fail(`the application sent a malformed header (${String(error)})`);
    }
  }

  onBody(view: Buffer): void {
    if (this.upgraded !== null) {
      this.upgraded.onBody(view);
      return;
    }
    this.lastByteMs = performance.now();
    if (!this.relay.body(view)) this.waitForClient();
  }

  private waitForClient(): void {
    this.connection!.pause();
    this.relay.whenDrained(() => {
      this.lastByteMs = performance.now();
      this.connection?.resume();
    });
  }

  onEnd(rawTrailers: string[] | null): void {
    this.relay.end(rawTrailers);
    this.decide(this.record.classOfAnswer(rawTrailers, true), true);
    this.leave();
    this.connection!.release(this.upload === null || this.upload.isDone);
    this.connection = null;
    if (this.upload !== null && !this.upload.isDone) {
      this.upload.stop();
      linger(this.start.req);
    }
  }

  onReadDone(): void {
    if (this.phase === 'responding') this.relay.readDone();
  }

  onDrain(): void {
    if (this.upgraded === null) this.upload?.resume();
    else this.upgraded.onDrain();
  }

  onBroken(reason: string, nothingSent: boolean): void {
    if (this.upgraded !== null) return this.upgraded.onBroken();
    const replica = this.replica!;
    const nowMs = performance.now();
    if (nothingSent) this.start.service.suspect(replica, nowMs);
    const next = this.start.service.nextAfter(this.slot, replica, nowMs, {
      mayRepeat: this.mayRepeat(nothingSent),
      mayMove: nothingSent && this.slot === this.start.slot && !isForOneSlot(this.identity),
      wasReused: this.connection!.isReused,
    });
    this.connection = null;
    if (next === null) return this.fail(reason);
    this.decide(CLASS.connectFailure, false);
    replica.active -= 1;
    if (next.slot !== this.slot) this.moveTo(next.slot);
    if (next.replica === null) this.wait(nowMs);
    else this.attempt(next.replica, true, nowMs);
    // Not before: whoever waits would take what was just chosen.
    this.start.service.released(replica);
  }

  /** What the other slot does in place of its own is not its version's doing. */
  private moveTo(other: SlotLive): void {
    this.slot.inFlight.delete(this);
    this.slot = other;
    this.identity = UNCOUNTED;
    other.inFlight.add(this);
  }

  /** Gives up on what has stalled. Called about once a second. */
  sweep(nowMs: number): void {
    const { phase, isStream } = this;
    const { timeouts } = this.start.service;
    if (this.upgraded !== null) {
      this.upgraded.sweep(nowMs, timeouts.upgradedIdleMs);
      return;
    }
    const clientsTurn =
      phase === 'waiting' ? awaitsClient(this.upload, this.interims) : this.relay.awaitsDrain;
    const [idleMs, sinceMs] = [nowMs - this.lastByteMs, nowMs - this.begunMs];
    const stall = stallOf({ phase, isStream, clientsTurn, idleMs, sinceMs }, timeouts);
    if (stall === 'connection') this.connection?.giveUp();
    else if (stall !== null) this.end(stall.class, stall.answer);
  }

  close(): void {
    if (this.upgraded !== null) {
      this.upgraded.close();
    } else if (this.phase === 'responding' && !this.relay.isOver) {
      this.connection?.abandon();
      this.connection = null;
      this.leave();
      this.relay.end(null);
    }
  }

  cut(): void {
    if (this.upgraded === null) this.end(CLASS.timeout, TAKEN_OUT);
    else this.upgraded.cut();
  }

  private attempt(replica: ReplicaLink, fresh: boolean, nowMs: number): void {
    this.replica = replica;
    this.attempts += 1;
    this.phase = 'connecting';
    this.lastByteMs = nowMs;
    this.record.begin(nowMs);
    replica.active += 1;
    const method = this.start.req.method;
    this.connection = replica.open({
      fresh,
      repeatable: this.upload === null && isIdempotent(method),
      nowMs,
    });
    this.connection.begin(this, method);
  }

  private mayRepeat(nothingSent: boolean): boolean {
    const isOver = this.phase === 'responding' || this.start.res.destroyed;
    if (isOver || this.attempts > 1) return false;
    return nothingSent || (this.upload === null && isIdempotent(this.start.req.method));
  }

  private becomeStream(): void {
    this.isStream = true;
    this.decide(this.record.classOfAnswer(), true);
  }

  private switchProtocols(head: ResponseHead): void {
    const { onUpgraded, cookie } = this.start;
    if (onUpgraded === null) {
      this.connection!.abandon();
      this.fail('the application switched protocols unasked');
      return;
    }
    this.phase = 'upgraded';
    this.becomeStream();
    if (cookie !== null) head.headers.push('Set-Cookie', cookie);
    // HTTP/2 has no 101: this is a connection of its own.
    this.upgraded = onUpgraded(head, this.connection as UpstreamConnection);
  }

  /** The tunnel after an upgrade has ended. */
  tunnelEnded(): void {
    this.leave();
    this.start.account?.over();
  }

  private clientLeft(): void {
    if (this.phase === 'done' || this.phase === 'upgraded') return;
    this.connection?.abandon();
    this.connection = null;
    this.decide(CLASS.clientAbort, true);
    this.leave();
  }

  private fail(reason: string): void {
    this.connection = null;
    const text = `no answer from the application: ${reason}`;
    this.end(CLASS.connectFailure, { status: 502, text, retryAfterSeconds: 1 });
  }

  /** Nobody has it: the first replica stands for its slot. */
  private turnAway(classIndex: ClassIndex, text: string): void {
    this.replica = this.slot.replicas[0] ?? null;
    if (this.replica !== null) this.replica.active += 1;
    // What it is counted for is no word about it.
    this.attempts = 0;
    this.end(classIndex, { status: 503, text, retryAfterSeconds: 1 });
  }

  private end(
    classIndex: ClassIndex,
    answer: { status: number; text: string; retryAfterSeconds?: number },
  ): void {
    if (this.phase === 'done') return;
    this.connection?.abandon();
    this.connection = null;
    this.decide(classIndex, true);
    this.leave();
    this.upload?.stop();
    refuse(this.start.req, this.start.res, {
      ...answer,
      cookie: this.start.cookie,
      pages: this.start.service.pages,
    });
  }

  private decide(classIndex: ClassIndex, isFinal: boolean): void {
    if (this.replica === null) return;
    this.record.decide(this.replica, this.identity, { classIndex, isFinal, isAsked: this.attempts > 0 });
  }

  private leave(): void {
    const { phase, replica, slot } = this;
    if (phase === 'done') return;
    this.phase = 'done';
    this.upload?.tap?.drop();
    slot.inFlight.delete(this);
    if (replica !== null) replica.active -= 1;
    if (slot.care === null) return;
    if (phase === 'queued') slot.care.queue?.leave(this);
    if (replica !== null) slot.care.released(replica);
  }
}
