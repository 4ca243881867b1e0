import type { ClientRequest } from './client-side.ts';

export type UploadTarget = {
  /** Returns false when the writer should wait. */
  sendBody(chunk: Buffer): boolean;
  endBody(rawTrailers: readonly string[]): void;
  onProgress(): void;
  onTooLarge(): void;
};

/** Sees a body as it goes by; never slows it. */
export type BodyTap = {
  take(chunk: Buffer): void;
  end(): void;
  /** The rest will not come. Repeats do nothing. */
  drop(): void;
};

/** Hands a request's body on to the application as it comes, no faster than it is taken. */
export class Upload {
  isDone = false;
  tap: BodyTap | null = null;
  private readonly req: ClientRequest;
  private readonly maxBytes: number;
  private target: UploadTarget | null = null;
  private bytes = 0;
  private held = false;

  constructor(req: ClientRequest, maxBytes: number | null) {
    this.req = req;
    this.maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Whether it is the client's turn: neither done nor held up by the application. */
  get waitsForClient(): boolean {
    return !this.isDone && !this.held;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  begin(target: UploadTarget): void {
    this.target = target;
    this.req.on('data', (chunk: Buffer) => this.pass(chunk));
    this.req.on('end', () => this.finish());
  }

  resume(): void {
    if (!this.held) return;
    this.held = false;
    this.target?.onProgress();
    this.req.resume();
  }

  /** What still comes is read and thrown away. */
  stop(): void {
    this.target = null;
    this.held = false;
    this.req.resume();
  }

  private pass(chunk: Buffer): void {
    const target = this.target;
    if (target === null) return;
    this.bytes += chunk.length;
    if (this.bytes > this.maxBytes) {
      target.onTooLarge();
      return;
    }
    target.onProgress();
    this.tap?.take(chunk);
    if (target.sendBody(chunk)) return;
    this.held = true;
    this.req.pause();
  }

  private finish(): void {
    const target = this.target;
    if (target === null) return;
    this.isDone = true;
    target.onProgress();
    this.tap?.end();
    target.endBody(this.req.rawTrailers);
  }
}
