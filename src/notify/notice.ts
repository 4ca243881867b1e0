/** What people are told: facts alone, kept with the event that they belong to. Plain JSON. */
export type Notice = RolloutNotice | TroubleNotice;

/** About a service of which no rollout is under way. */
export type TroubleNotice = {
  /** `down`: stable has no healthy replica; `up`: it has again. `certificate`: one is broken or runs out soon. */
  readonly kind: TroubleKind;
  readonly service: string;
  /** One for all messages about the same. */
  readonly trouble: string;
  /** Whether it was told before, and is worse now or over. */
  readonly again: boolean;
  /** The version, or the file of the certificate. */
  readonly subject: string;
  /** Users are turned away, now or with the next change. */
  readonly isBad: boolean;
  readonly reason: string;
};

export const TROUBLE_KINDS = ['down', 'up', 'certificate', 'certificate-well'] as const;
export type TroubleKind = (typeof TROUBLE_KINDS)[number];
const OVER: ReadonlySet<Notice['kind']> = new Set(['ended', 'up', 'certificate-well']);

export function isTrouble(notice: Notice): notice is TroubleNotice {
  return 'trouble' in notice;
}

/** What all messages of a thread have in common. */
export function threadOfNotice(notice: Notice): string {
  return isTrouble(notice) ? notice.trouble : notice.rollout;
}

/** Nothing more comes in its thread. */
export function isLast({ kind }: Notice): boolean {
  return OVER.has(kind);
}

export type RolloutNotice = {
  readonly kind: NoticeKind;
  readonly service: string;
  readonly rollout: string;
  readonly purpose: 'deploy' | 'rollback';
  readonly strategy: 'canary' | 'blue-green';
  readonly label: string;
  /** What served when it began; null for a first deploy. */
  readonly from: string | null;
  /** Who started it. */
  readonly actor: string;
  /** The candidate's asked share. */
  readonly sharePercent: number;
  /** How it ends; null while that is open. */
  readonly outcome: NoticeOutcome | null;
  readonly cause: string | null;
  /** Why, or what it waits for: as the server says it, bounded; null where there is nothing to say. */
  readonly reason: string | null;
  /** Who decided or paused, or null. */
  readonly by: string | null;
};

export const NOTICE_KINDS = [
  'started',
  'asks',
  'approval',
  'paused',
  'by-hand',
  'going-back',
  'unproven',
  'ended',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

export type NoticeOutcome =
  | 'done'
  | 'rolled-back'
  | 'aborted'
  | 'undecided'
  | 'superseded'
  | 'never-ready'
  | 'unproven';

/** Until a person does something, nothing goes on. */
export const WAITS: ReadonlySet<NoticeKind> = new Set(['asks', 'approval', 'paused', 'by-hand', 'unproven']);
