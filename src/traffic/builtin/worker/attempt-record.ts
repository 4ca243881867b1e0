import { latencyBucket } from '../../counts.ts';
import { isForOneSlot } from '../../identity-filter.ts';
import { type ClassIndex, NO_LATENCY, classOfStatus } from '../../tally.ts';
import type { ExchangeStart } from './exchange-start.ts';
import { httpStatusOfGrpc } from './grpc-status.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { ResponseHead } from './response-reader.ts';

/** What came of the attempts of one request: counted once each. */
export class AttemptRecord {
  /** A copy of the request was sent. */
  isCopied = false;
  atMs = 0;
  readonly #start: ExchangeStart;
  #bucket = NO_LATENCY;
  #status = 0;
  /** Fields of the answer to a call of gRPC. */
  #grpcHead: readonly string[] | null = null;
  #isDecided = false;

  constructor(start: ExchangeStart) {
    this.#start = start;
  }

  begin(nowMs: number): void {
    this.atMs = nowMs;
    this.#bucket = NO_LATENCY;
  }

  head({ statusCode, headers, isGrpc }: ResponseHead, nowMs: number): void {
    this.#bucket = latencyBucket(nowMs - this.atMs);
    this.#status = statusCode;
    if (isGrpc === true) this.#grpcHead = headers;
  }

  /** Of an answer that has begun; once it is whole, of a call of gRPC, by its own status. */
  classOfAnswer(rawTrailers: string[] | null = null, isWhole = false): ClassIndex {
    if (isWhole && this.#grpcHead !== null && this.#status === 200)
      this.#status = httpStatusOfGrpc(rawTrailers ?? this.#grpcHead);
    return classOfStatus(this.#status);
  }

  /** `isAsked`: the replica has had the request, and does not only stand for its slot. */
  decide(
    replica: ReplicaLink,
    identity: number,
    {
      classIndex,
      isFinal,
      isAsked,
    }: { readonly classIndex: ClassIndex; readonly isFinal: boolean; readonly isAsked: boolean },
  ): void {
    if (this.#isDecided) return;
    this.#isDecided = isFinal;
    const { service, account, req } = this.#start;
    account?.decided(replica, classIndex);
    if (service.outliers !== null && isAsked && !isForOneSlot(identity))
      service.outliers.note(replica, classIndex, this.#status);
    const { isCopied } = this;
    const [bucket, status] = [this.#bucket, this.#status];
    service.count(replica, identity, { classIndex, bucket, isFinal, isCopied, status, req });
  }
}
