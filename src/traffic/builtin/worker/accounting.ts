import type { BuiltinProxy, DoorSpec } from '../../../release/service.ts';
import type { Mint } from './mint.ts';
import { AccessLog } from './access-log.ts';
import { type Account, accessLine } from './access-line.ts';
import { AccountedAnswer } from './accounted-answer.ts';
import type { ClientAnswer } from './client-side.ts';

type Asking = Omit<Account, 'answer' | 'endedAtMs' | 'wallMs'>;

/** Who wants to know how each request of a service went. */
export class Accounting {
  readonly log: AccessLog | null;
  readonly #spec: BuiltinProxy;
  readonly #mint: Mint;

  constructor(spec: BuiltinProxy, log: AccessLog | null, mint: Mint) {
    this.#spec = spec;
    this.log = log;
    this.#mint = mint;
  }

  /** The answer to use in place of this one. */
  follow(answer: ClientAnswer, asking: Asking): AccountedAnswer {
    return new AccountedAnswer(answer, {
      saysTiming: this.#spec.serverTiming === true,
      onEnd: this.log === null ? null : (ended) => this.#write(ended, asking),
    });
  }

  #write(answer: AccountedAnswer, asking: Asking): void {
    const spec = this.#spec.accessLog!;
    if (!answer.hasFailed && !this.#isDrawn(spec.samplePercent)) return;
    this.log!.append(
      accessLine(spec, { ...asking, answer, endedAtMs: performance.now(), wallMs: Date.now() }),
    );
  }

  #isDrawn(percent: number): boolean {
    return percent === 100 || (this.#mint.draw() / 2 ** 53) * 100 < percent;
  }
}

type AccountingPlace = {
  readonly path: string;
  readonly mint: Mint;
  readonly onFull: () => void;
  readonly note: (text: string) => void;
};

/** Null where nobody wants to know. A log that goes on keeps what waits in it. */
export function accountingOf(
  { proxy }: DoorSpec,
  before: Accounting | null,
  { path, mint, onFull, note }: AccountingPlace,
): Accounting | null {
  const spec = proxy.kind === 'builtin' ? proxy : null;
  if (spec === null || (spec.accessLog === undefined && spec.serverTiming !== true)) return null;
  if (spec.accessLog === undefined) return new Accounting(spec, null, mint);
  const { keepBytes } = spec.accessLog;
  const log = before?.log ?? new AccessLog({ path, keepBytes, onFull, note });
  log.keepBytes = keepBytes;
  return new Accounting(spec, log, mint);
}
