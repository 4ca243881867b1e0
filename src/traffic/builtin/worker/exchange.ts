import { latencyBucket } from '../../counts.ts';
import { BodyCopies } from './body-copies.ts';
import { headFor, takeBack } from './below-prefix.ts';
import type { InFlight } from './drain.ts';
import type { ExchangeStart, Upgraded } from './exchange-start.ts';
import { UNCOUNTED, isForOneSlot } from '../../identity-filter.ts';
import { httpStatusOfGrpc } from './grpc-status.ts';
import { Interims, MAX_INTERIMS } from './interims.ts';
import { linger, refuse } from './refusals.ts';
import type { ReplicaLink } from './replica-link.ts';
import { isIdempotent } from './request-head.ts';
import { type ResponseHead, pairs } from './response-reader.ts';
import { type SlotLive, pickReplica } from './slot-live.ts';
import { stallOf } from './stall.ts';
import { CLASS, type ClassIndex, NO_LATENCY, classOfStatus } from '../../tally.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { type BodyFraming, type ConnectionUser, type UpstreamLink, framingOf } from './upstream-link.ts';
import { type BodyTap, Upload } from './upload.ts';

const copies = new BodyCopies();

/** One request of a client, from its head to the end of its answer. */
export class Exchange implements ConnectionUser, InFlight {
  isStream = false;
  /** A copy of it was sent. */
  isCopied = false;
  private readonly start: ExchangeStart;
  private readonly upload: Upload | null;
  private readonly framing: BodyFraming;
  private readonly interims: Interims;
  private slot: SlotLive;
  private identity: number;
  private phase: 'connecting' | 'waiting' | 'responding' | 'upgraded' | 'done' = 'connecting';
  private connection: UpstreamLink | null = null;
  private replica: ReplicaLink | null = null;
  private upgraded: Upgraded | null = null;
  private attempts = 0;
  private attemptAtMs = 0;
  private lastByteMs = 0;
  private bucket = NO_LATENCY;
  private statusCode = 0;
  /** Fields of the answer to a call of gRPC. */
  private grpcHead: readonly string[] | null = null;
  private bodyLeft = -1;
  private bodyBegun = false;
  private responseEnded = false;
  private awaitsDrain = false;
  private decided = false;

  constructor(start: ExchangeStart) {
    this.start = start;
    this.slot = start.slot;
    this.identity = start.identity;
    const { req, scan, service } = start;
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
    this.slot.inFlight.add(this);
    this.start.res.on('close', () => this.clientLeft());
    const replica = pickReplica(this.slot, null, nowMs);
    if (replica === null) this.noReplica();
    else this.attempt(replica, false, nowMs);
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
      onTooLarge: () => this.tooLarge(),
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
    this.bucket = latencyBucket(nowMs - this.attemptAtMs);
    this.statusCode = head.statusCode;
    if (head.isGrpc === true) this.grpcHead = head.headers;
    takeBack(this.replica!.address, head.headers, this.start);
    this.start.account?.answered(this.replica!, head, this.attemptAtMs);
    if (head.statusCode === 101) {
      this.switchProtocols(head);
      return;
    }
    this.phase = 'responding';
    if (head.isEventStream) this.becomeStream();
    this.bodyLeft = head.bodyLength ?? -1;
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
    const { res } = this.start;
    this.bodyBegun = true;
    this.bodyLeft -= view.length;
    this.responseEnded = this.bodyLeft === 0;
    const { bytes, written } = copies.copy(view);
    if (this.responseEnded) res.end(bytes, written);
    else if (!res.write(bytes, written)) this.waitForClient();
  }

  onEnd(rawTrailers: string[] | null): void {
    const { res } = this.start;
    if (!this.responseEnded) {
      this.responseEnded = true;
      if (rawTrailers !== null && res.chunkedEncoding) res.addTrailers(pairs(rawTrailers));
      res.end();
    }
    if (this.grpcHead !== null && this.statusCode === 200)
      this.statusCode = httpStatusOfGrpc(rawTrailers ?? this.grpcHead);
    this.decide(classOfStatus(this.statusCode), true);
    this.leave();
    this.connection!.release(this.upload === null || this.upload.isDone);
    this.connection = null;
    if (this.upload !== null && !this.upload.isDone) {
      this.upload.stop();
      linger(this.start.req);
    }
  }

  /** Sends the head on when no body came with it, so that nothing waits for a first event. */
  onReadDone(): void {
    if (this.phase === 'responding' && !this.bodyBegun && !this.responseEnded) this.start.res.flushHeaders();
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
    this.attempt(next.replica, true, nowMs);
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
    const clientsTurn = phase === 'waiting' ? this.awaitsUpload() : this.awaitsDrain;
    const stall = stallOf({ phase, isStream, clientsTurn, idleMs: nowMs - this.lastByteMs });
    if (stall === 'connection') this.connection?.giveUp();
    else if (stall !== null) this.end(stall.class, stall.answer);
  }

  close(): void {
    if (this.upgraded !== null) {
      this.upgraded.close();
    } else if (this.phase === 'responding' && !this.responseEnded) {
      this.responseEnded = true;
      this.connection?.abandon();
      this.connection = null;
      this.leave();
      this.start.res.end();
    }
  }

  cut(): void {
    if (this.upgraded === null)
      this.end(CLASS.timeout, {
        status: 503,
        text: 'this version was taken out of service',
        retryAfterSeconds: 0,
      });
    else this.upgraded.cut();
  }

  private attempt(replica: ReplicaLink, fresh: boolean, nowMs: number): void {
    this.replica = replica;
    this.attempts += 1;
    this.phase = 'connecting';
    this.attemptAtMs = this.lastByteMs = nowMs;
    this.bucket = NO_LATENCY;
    replica.active += 1;
    const method = this.start.req.method!;
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
    return nothingSent || (this.upload === null && isIdempotent(this.start.req.method!));
  }

  private becomeStream(): void {
    this.isStream = true;
    this.decide(classOfStatus(this.statusCode), true);
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

  /** A client that asked whether it may send is not late before it was told to. */
  private awaitsUpload(): boolean {
    const { upload, interims } = this;
    return upload?.waitsForClient === true && !(interims.awaitsContinue && upload.isEmpty);
  }

  private waitForClient(): void {
    this.connection!.pause();
    if (this.awaitsDrain) return;
    this.awaitsDrain = true;
    this.start.res.once('drain', () => {
      this.awaitsDrain = false;
      this.lastByteMs = performance.now();
      this.connection?.resume();
    });
  }

  private clientLeft(): void {
    if (this.phase === 'done' || this.phase === 'upgraded') return;
    this.connection?.abandon();
    this.connection = null;
    this.decide(CLASS.clientAbort, true);
    this.leave();
  }

  private tooLarge(): void {
    this.end(CLASS.clientAbort, { status: 413, text: 'the request body is too large' });
  }

  private fail(reason: string): void {
    this.connection = null;
    const text = `no answer from the application: ${reason}`;
    this.end(CLASS.connectFailure, { status: 502, text, retryAfterSeconds: 1 });
  }

  /** No replica of any slot is healthy. */
  private noReplica(): void {
    this.replica = this.slot.replicas[0] ?? null;
    if (this.replica !== null) this.replica.active += 1;
    this.end(CLASS.connectFailure, { status: 503, text: 'no healthy replica', retryAfterSeconds: 1 });
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
    refuse(this.start.req, this.start.res, { ...answer, cookie: this.start.cookie });
  }

  private decide(classIndex: ClassIndex, isFinal: boolean): void {
    if (this.decided || this.replica === null) return;
    this.decided = isFinal;
    this.start.account?.decided(this.replica, classIndex);
    const { statusCode: status, bucket, isCopied, start } = this;
    const { req } = start;
    start.service.count(this.replica, this.identity, { classIndex, bucket, isFinal, isCopied, status, req });
  }

  private leave(): void {
    if (this.phase === 'done') return;
    this.phase = 'done';
    this.upload?.tap?.drop();
    this.slot.inFlight.delete(this);
    if (this.replica !== null) this.replica.active -= 1;
  }
}
