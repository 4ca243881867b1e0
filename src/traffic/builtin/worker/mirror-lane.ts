import { latencyBucket } from '../../counts.ts';
import type { Mirror } from '../../router.ts';
import { type Asked, headFor } from './below-prefix.ts';
import { MIRRORED } from '../../identity-filter.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { ResponseHead } from './response-reader.ts';
import { type SlotLive, pickReplica } from './slot-live.ts';
import { CLASS, type ClassIndex, NO_LATENCY, classOfStatus } from '../../tally.ts';
import type { BodyTap } from './upload.ts';
import { type ConnectionUser, type UpstreamLink, framingOf } from './upstream-link.ts';

/** Copies of one service under way in one worker, bodies that are being collected included; more are dropped. */
const MAX_COPIES = 64;
/** A longer body of a request is not copied. */
const MAX_BODY_BYTES = 65_536;
/** More of an answer is not read: the copy has shown what it can. */
const MAX_ANSWER_BYTES = 1_048_576;
/** Nobody waits for it: a request that it is of counts, among those, as failed after the same time. */
export const COPY_TIMEOUT_MS = 10_000;

const WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** The copies of one service. Nothing in here is waited for by anybody. */
export class MirrorLane {
  private active = 0;
  private dropped = 0;

  /** Whether the request is one to copy; `draw` is uniform in [0, 1). */
  wants({ methods, sharePercent }: Mirror, { req, scan }: Asked, draw: number): boolean {
    const { method } = req;
    if (method === undefined || !methods.includes(method) || draw * 100 >= sharePercent) return false;
    const hasBody = scan.chunked || (scan.contentLength ?? 0) > 0;
    return !(hasBody && WITHOUT_BODY.has(method));
  }

  /** Sends a copy, at once or when its body is there: then it returns what collects that. `onSent`: it was not dropped. */
  copy(asked: Asked, slot: SlotLive, onSent: () => void): BodyTap | null {
    const { contentLength, chunked } = asked.scan;
    if (this.active >= MAX_COPIES || (contentLength ?? 0) > MAX_BODY_BYTES) {
      this.dropped += 1;
      return null;
    }
    this.active += 1;
    const send = (body: readonly Buffer[]): void => this.send(asked, slot, { body, onSent });
    if (chunked || (contentLength ?? 0) > 0) return this.collect(asked, send);
    send([]);
    return null;
  }

  takeDropped(): number {
    const { dropped } = this;
    this.dropped = 0;
    return dropped;
  }

  private collect(asked: Asked, send: (body: readonly Buffer[]) => void): BodyTap {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    const over = (): boolean => {
      const wasOver = isOver;
      isOver = true;
      return !wasOver;
    };
    const drop = (): void => {
      // What is complete belongs to the copy, which may not have been sent yet.
      if (!over()) return;
      this.drop();
      chunks.length = 0;
    };
    const end = (): void => {
      if (over()) send(chunks);
    };
    return {
      take: (chunk) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) drop();
        if (!isOver) chunks.push(chunk);
        // An application that has all of it may answer before the end is told.
        if (bytes === asked.scan.contentLength) end();
      },
      end,
      drop,
    };
  }

  private send(
    asked: Asked,
    slot: SlotLive,
    { body, onSent }: { readonly body: readonly Buffer[]; readonly onSent: () => void },
  ): void {
    const nowMs = performance.now();
    const replica = pickReplica(slot, null, nowMs);
    if (replica === null || replica.isSuspect(nowMs)) {
      this.drop();
      return;
    }
    const copy = new MirrorCopy(asked, replica, body, () => {
      this.active -= 1;
    });
    onSent();
    copy.begin(nowMs);
  }

  private drop(): void {
    this.active -= 1;
    this.dropped += 1;
  }
}

/** One copy, from its head to the end of the answer that nobody sees. */
class MirrorCopy implements ConnectionUser {
  private readonly asked: Asked;
  private readonly replica: ReplicaLink;
  private readonly body: readonly Buffer[];
  private readonly onOver: () => void;
  private connection: UpstreamLink | null = null;
  private timer: NodeJS.Timeout | null = null;
  private atMs = 0;
  private bucket = NO_LATENCY;
  private statusCode = 0;
  private bytes = 0;

  constructor(asked: Asked, replica: ReplicaLink, body: readonly Buffer[], onOver: () => void) {
    this.asked = asked;
    this.replica = replica;
    this.body = body;
    this.onOver = onOver;
  }

  begin(nowMs: number): void {
    this.atMs = nowMs;
    this.replica.active += 1;
    this.timer = setTimeout(() => this.tooLong(), COPY_TIMEOUT_MS);
    const method = this.asked.req.method;
    this.connection = this.replica.open({ fresh: false, repeatable: this.body.length === 0, nowMs });
    this.connection.begin(this, method);
  }

  onConnected(): void {
    const { connection, asked } = this;
    connection!.sendHead(headFor(this.replica.address, asked), framingOf(asked.scan));
    if (framingOf(asked.scan) === 'none') return;
    for (const chunk of this.body) connection!.sendBody(chunk);
    connection!.endBody([]);
  }

  onInformational(): void {}

  onHead(head: ResponseHead): void {
    this.bucket = latencyBucket(performance.now() - this.atMs);
    this.statusCode = head.statusCode;
    if (head.statusCode === 101 || head.isEventStream) this.giveUp(classOfStatus(head.statusCode));
  }

  onBody(view: Buffer): void {
    this.bytes += view.length;
    if (this.bytes > MAX_ANSWER_BYTES) this.giveUp(classOfStatus(this.statusCode));
  }

  onEnd(): void {
    this.connection?.release(true);
    this.connection = null;
    this.over(classOfStatus(this.statusCode));
  }

  onReadDone(): void {}

  onDrain(): void {}

  onBroken(_reason: string, nothingSent: boolean): void {
    this.connection = null;
    if (nothingSent) this.asked.service.suspect(this.replica, performance.now());
    this.over(CLASS.connectFailure);
  }

  /** What has begun to answer has answered; the rest of it is not waited for. */
  private tooLong(): void {
    this.giveUp(this.statusCode === 0 ? CLASS.timeout : classOfStatus(this.statusCode));
  }

  private giveUp(classIndex: ClassIndex): void {
    this.connection?.abandon();
    this.connection = null;
    this.over(classIndex);
  }

  private over(classIndex: ClassIndex): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.replica.active -= 1;
    this.asked.service.released(this.replica);
    this.asked.service.count(this.replica, MIRRORED, { classIndex, bucket: this.bucket, isFinal: true });
    this.onOver();
  }
}
