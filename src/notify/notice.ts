/** What people are told about a rollout: facts alone, kept with the event that they belong to. Plain JSON. */
export type Notice = {
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
