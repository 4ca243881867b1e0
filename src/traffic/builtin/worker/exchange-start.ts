import type { AccountedAnswer } from './accounted-answer.ts';
import type { Asked } from './below-prefix.ts';
import type { ClientAnswer } from './client-side.ts';
import type { InFlight } from './drain.ts';
import type { ResponseHead } from './response-reader.ts';
import type { SlotLive } from './slot-live.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

export type ExchangeStart = Asked & {
  readonly slot: SlotLive;
  readonly res: ClientAnswer;
  /** Hash of the identity, or ONE_OFF, UNCOUNTED, PREVIEW or OVERRIDE. */
  readonly identity: number;
  /** Set-Cookie value for a new visitor, or null. */
  readonly cookie: string | null;
  /** `res`, where somebody wants to know how it went; null for nobody. */
  readonly account: AccountedAnswer | null;
  /** Takes over after a 101; null when the client asked for no upgrade. */
  readonly onUpgraded: ((head: ResponseHead, connection: UpstreamConnection) => Upgraded) | null;
};

/** The user of a connection after a 101. */
export type Upgraded = InFlight & {
  onBody(view: Buffer): void;
  onDrain(): void;
  onBroken(): void;
  /** Ends what was silent for longer than `idleMs`; null for no limit. Called about once a second. */
  sweep(nowMs: number, idleMs: number | null): void;
};
