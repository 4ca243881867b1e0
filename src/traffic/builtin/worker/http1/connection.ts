import type { Socket } from 'node:net';
import { type Upgrading, serve } from '../admission.ts';
import type { ClientConnection } from '../client-side.ts';
import { refuse } from '../refusals.ts';
import { type Refusal, type RequestScan, isRefusal, scanRequest } from '../request-head.ts';
import { type AnswerPlace, Http1Answer } from './answer.ts';
import { bareRefusal } from './answer-head.ts';
import { type BodyReader, bodyReader } from './body-reader.ts';
import type { ConnectionPlace } from './connection-place.ts';
import { type RequestHead, HeadReader } from './head-reader.ts';
import { Inflow } from './inflow.ts';
import { STUCK_MS, type Standing, dueOf } from './patience.ts';
import { Http1Request } from './request.ts';
import { opensTunnel } from './tunnel-request.ts';

/**
 * A client's connection. One request at a time: what comes behind it is not even looked at before its answer was given, and its body was
 * read, so that whatever is malformed is answered in its turn. Timers are those of `sweep`.
 */
export class Http1Connection implements ClientConnection, AnswerPlace {
  readonly remoteAddress: string | undefined;
  readonly socket: Socket;
  readonly keptFields: string;
  readonly #place: ConnectionPlace;
  readonly #heads: HeadReader;
  readonly #inflow: Inflow;
  #phase: 'open' | 'upgrading' | 'closing' = 'open';
  #req: Http1Request | null = null;
  #res: Http1Answer | null = null;
  /** Of the request, while it is not over. */
  #body: BodyReader | null = null;
  #isReading = false;
  #hasServed = false;
  /** Since when it is as it is: no head, or a part of one, or on its way to the end. */
  #sinceMs = performance.now();
  #stuckBytes = 0;

  constructor(socket: Socket, place: ConnectionPlace) {
    this.socket = socket;
    this.remoteAddress = socket.remoteAddress;
    this.keptFields = place.keptFields;
    this.#place = place;
    this.#inflow = new Inflow(socket);
    this.#heads = new HeadReader(place.manners.maxHeadBytes);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain);
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  get canWrite(): boolean {
    return this.#phase !== 'closing' && !this.socket.destroyed;
  }

  /** Between two requests. */
  get isIdle(): boolean {
    return (
      this.#phase === 'open' &&
      this.#hasServed &&
      this.#req === null &&
      !this.#heads.hasBegun &&
      this.#inflow.isEmpty
    );
  }

  destroy(): void {
    // What is still to be read is for nobody.
    this.#phase = 'closing';
    this.socket.destroy();
  }

  /** What was written goes out; what still comes is read for a while, and thrown away. */
  close(): void {
    if (this.#phase === 'closing') return;
    this.#phase = 'closing';
    this.#sinceMs = performance.now();
    this.#body = null;
    this.#inflow.take();
    this.socket.end();
  }

  /** Ends what takes too long. Called about once a second. */
  sweep(nowMs: number): void {
    // One that was gone before it was taken has nobody told.
    if (this.socket.destroyed) this.#place.forget(this);
    if (this.socket.destroyed || this.#isStuck(nowMs)) return;
    const passedMs = nowMs - this.#sinceMs;
    const due = dueOf({ phase: this.#standing, passedMs }, this.#place.manners);
    if (due === 'destroy') this.destroy();
    else if (due === 'close') this.close();
    else if (due === 'refuse') this.#refuseHead({ status: 408, text: 'the request did not arrive in time' });
  }

  get #standing(): Standing['phase'] {
    if (this.#phase === 'closing') return 'closing';
    if (this.#req !== null) return this.#res!.isOver ? 'rest' : 'request';
    return this.isIdle ? 'idle' : 'head';
  }

  /** Whether somebody still has to take what was written; time begins when all of it is gone. */
  #isStuck(nowMs: number): boolean {
    if (this.#req !== null) return false;
    const left = this.socket.writableLength;
    if (left === 0) {
      // It was kept for those who are told of the end alone.
      this.#res = null;
      return false;
    }
    if (left !== this.#stuckBytes) {
      this.#stuckBytes = left;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs > STUCK_MS) {
      this.destroy();
    }
    return true;
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#phase === 'closing') return;
    if (this.#inflow.isEmpty && this.#takes && !this.#isReading) this.#read(bytes);
    else this.#hold(bytes);
  };

  /** Whether somebody takes what comes now. */
  get #takes(): boolean {
    if (this.#phase !== 'open') return false;
    if (this.#req === null) return !this.socket.writableNeedDrain;
    return this.#body !== null && !this.#req.isFull;
  }

  #read(bytes: Buffer): void {
    this.#isReading = true;
    let at = 0;
    while (at < bytes.length && this.#takes) {
      at = this.#body === null ? this.#readHead(bytes, at) : this.#readBody(this.#body, bytes, at);
    }
    this.#isReading = false;
    if (at < bytes.length && this.#phase !== 'closing') this.#hold(bytes.subarray(at));
  }

  #hold(bytes: Buffer): void {
    this.#inflow.hold(bytes);
    if (this.#body !== null) this.#inflow.pause();
  }

  /** Goes on with what was held. */
  readonly #goOn = (): void => {
    if (this.#isReading || !this.#takes) return;
    const held = this.#inflow.take();
    if (held !== null) this.#read(held);
  };

  #readHead(bytes: Buffer, at: number): number {
    const hadBegun = this.#heads.hasBegun;
    const head = this.#heads.read(bytes, at);
    if (head === null) {
      if (!hadBegun && this.#hasServed) this.#sinceMs = performance.now();
      return bytes.length;
    }
    if ('status' in head) {
      if (head.status !== 405) this.#place.state.malformed.count(this.#place.listener, head.text);
      this.#refuseHead(head);
      return bytes.length;
    }
    return this.#begin(head, bytes);
  }

  /** What came with the head is read before anybody is told: what is malformed at its very beginning reaches nobody. */
  #begin(head: RequestHead, bytes: Buffer): number {
    const scan = scanRequest(head.rawHeaders, head.httpVersion === '1.0');
    const isSound = !isRefusal(scan);
    this.#body = isSound ? bodyReader(scan) : null;
    // Of what is refused nobody knows where it ends.
    const hasBody = this.#body !== null || !isSound;
    const req = new Http1Request(head, { socket: this, hasBody, onRoom: this.#goOn });
    const res = new Http1Answer(this, req, {
      keepsAlive: isSound && scan.keepsAlive && !this.#place.isClosing,
      expectsContinue: isSound && scan.expectsContinue,
    });
    this.#req = req;
    this.#res = res;
    let at = this.#heads.end;
    while (this.#body !== null && at < bytes.length && !req.isFull)
      at = this.#readBody(this.#body, bytes, at);
    if (this.#phase === 'open') this.#serve(req, res, scan);
    return at;
  }

  #serve(req: Http1Request, res: Http1Answer, scan: RequestScan | Refusal): void {
    const { listener, state, isSecure } = this.#place;
    let upgrade: Upgrading | null = null;
    if (!isRefusal(scan) && opensTunnel(scan, req.httpVersion)) {
      this.#phase = 'upgrading';
      upgrade = { socket: this.socket, detach: () => this.#detach() };
    }
    serve(listener, state, { isSecure, req, res, scan, upgrade });
  }

  #readBody(body: BodyReader, bytes: Buffer, at: number): number {
    const next = body.read(bytes, at);
    if (typeof next !== 'number') {
      this.#place.state.malformed.count(this.#place.listener, next.text);
      this.#refuseBody(next.status);
      return bytes.length;
    }
    const req = this.#req!;
    if (body.found !== null) req.hear(body.found);
    if (body.isOver && this.#body === body) {
      this.#body = null;
      req.finish(body.rawTrailers);
      this.#settle();
    }
    return next;
  }

  answered(): void {
    if (this.#phase === 'upgrading') this.#phase = 'open';
    this.#settle();
  }

  /** The next request has its turn once this one was answered and read. */
  #settle(): void {
    const res = this.#res;
    if (res === null || !res.isOver) return;
    const isRead = this.#body === null && this.#req!.complete;
    this.#sinceMs = performance.now();
    if (!isRead && res.shouldKeepAlive) {
      // Nobody wants it, and it stands before what comes next.
      this.#req!.resume();
      return;
    }
    this.#hasServed = true;
    this.#requestOver();
    if (!res.shouldKeepAlive) this.close();
    else if (!this.#inflow.isEmpty && !this.#isReading) queueMicrotask(this.#goOn);
  }

  #requestOver(): void {
    const req = this.#req;
    this.#req = null;
    req?.close();
  }

  #refuseHead(refusal: Refusal): void {
    this.socket.write(bareRefusal(refusal));
    this.close();
  }

  /** Who serves it hears at once that its client is done with it. */
  #refuseBody(status: number): void {
    const res = this.#res!;
    this.#body = null;
    res.shouldKeepAlive = false;
    if (res.isOver) {
      this.#requestOver();
      this.close();
      return;
    }
    refuse(this.#req!, res, { status, text: 'the request body is malformed' });
  }

  /** From here on the connection is somebody else's; what came behind the request is too. */
  #detach(): Buffer {
    const { socket } = this;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain);
    socket.off('error', this.#onError).off('close', this.#onClose);
    this.#place.forget(this);
    return this.#inflow.take() ?? Buffer.alloc(0);
  }

  readonly #onDrain = (): void => {
    this.#res?.drained();
    if (!this.#inflow.isEmpty) this.#goOn();
  };

  /** The client has ended its side: it waits for no answer. */
  readonly #onEnd = (): void => {
    if (this.#phase === 'closing' || this.#phase === 'upgrading') return;
    if (this.#req === null) {
      if (this.#heads.hasBegun) this.#refuseHead({ status: 400, text: 'the request has no end' });
      else this.close();
    } else if (this.#body !== null && this.#inflow.isEmpty && !this.#res!.isOver) {
      this.#refuseBody(400);
    } else {
      this.destroy();
    }
  };

  readonly #onError = (): void => this.destroy();

  readonly #onClose = (): void => {
    this.#phase = 'closing';
    this.#place.forget(this);
    this.#inflow.take();
    this.#res?.close();
    this.#req?.close();
  };
}
