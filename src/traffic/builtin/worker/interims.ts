import type { Upload } from './upload.ts';

/** To one request. */
export const MAX_INTERIMS = 20;

/** Answers 1xx to one request: `100 Continue` is passed on once, to a client that waits for it, and their number is bounded. */
export class Interims {
  private count = 0;
  private continued = false;
  private readonly expects: boolean;

  constructor(expectsContinue: boolean) {
    this.expects = expectsContinue;
  }

  /** Whether the client still waits to be told that it may send its body. */
  get awaitsContinue(): boolean {
    return this.expects && !this.continued;
  }

  take(statusCode: number): 'pass on' | 'drop' | 'too many' {
    this.count += 1;
    if (this.count > MAX_INTERIMS) return 'too many';
    if (statusCode !== 100 || !this.awaitsContinue) return 'drop';
    this.continued = true;
    return 'pass on';
  }
}

/** Whether it is the client who has to send now. One that asked whether it may is not late before it was told to. */
export function awaitsClient(upload: Upload | null, interims: Interims): boolean {
  return upload?.waitsForClient === true && !(interims.awaitsContinue && upload.isEmpty);
}
