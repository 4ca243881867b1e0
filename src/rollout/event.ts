import type { ServiceSpec } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { Freeze } from './guard.ts';
import type { DeployRequest, Previews } from './state.ts';

/** What people ask for. `preview`: addresses reserved for a service that has none yet; kept from then on. */
export type Verb =
  | { readonly kind: 'apply'; readonly spec: ServiceSpec; readonly preview?: Previews }
  /** `spec`: as in the file; its policy is taken over together with the request. Null: as applied. */
  | {
      readonly kind: 'deploy';
      readonly request: DeployRequest;
      readonly supersede: boolean;
      readonly spec: ServiceSpec | null;
      readonly preview?: Previews;
    }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** `fromStep`: the step that the person saw; already past it is nothing to do. Null: whatever it is now. */
  | {
      readonly kind: 'promote';
      readonly fromStep: number | null;
      readonly full: boolean;
      /** Why a freeze that holds the rollout is to be overridden. */
      readonly override?: string;
    }
  /** `verified`: by a token. `step`: the one that was seen; null: whatever it is now. */
  | {
      readonly kind: 'approve';
      readonly rollout: string | null;
      readonly step: number | null;
      readonly reason: string | null;
      readonly verified: boolean;
    }
  | {
      readonly kind: 'reject';
      readonly rollout: string | null;
      readonly step: number | null;
      readonly reason: string | null;
    }
  | { readonly kind: 'weight'; readonly percent: number; readonly beyondPlan: boolean }
  | { readonly kind: 'abort'; readonly rollout: string | null }
  /** Back to what is kept warm. By a fresh look: replicas of it that are healthy, and how often they crashed in all. */
  | {
      readonly kind: 'rollback';
      readonly request: DeployRequest;
      readonly healthy: number;
      readonly crashes: number;
      readonly preview?: Previews;
    }
  | { readonly kind: 'remove' }
  | {
      readonly kind: 'lock';
      readonly reason: string;
      readonly untilMs: number | null;
      readonly timeZone: string;
    }
  /** `force`: also somebody else's; needs a reason. */
  | { readonly kind: 'unlock'; readonly force: boolean; readonly reason: string | null }
  | { readonly kind: 'freeze'; readonly freeze: Freeze }
  /** Lifts every freeze that people have put on this service. */
  | { readonly kind: 'unfreeze' };

/** What commands came to. */
export type Result =
  | {
      readonly kind: 'slotStarted';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly replicas: number;
    }
  | {
      readonly kind: 'slotFailed';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly reason: string;
    }
  | { readonly kind: 'slotStopped'; readonly slot: SlotName; readonly releaseId: string }
  | { readonly kind: 'routeProven'; readonly revision: number }
  /** Not proven within its time; the command goes on trying. */
  | { readonly kind: 'routeLate'; readonly revision: number; readonly reason: string }
  | { readonly kind: 'doorInstalled' }
  | { readonly kind: 'doorFailed'; readonly reason: string }
  | { readonly kind: 'doorRemoved' }
  /** `failed`: what failed and how, or null. `found`: a line for each check that held, or the output of the one that failed. */
  | {
      readonly kind: 'verified';
      readonly rollout: string;
      readonly failed: string | null;
      readonly found: readonly string[];
    }
  | { readonly kind: 'slotScaled'; readonly slot: SlotName; readonly replicas: number };

/** What was seen. */
export type Observation =
  | {
      readonly kind: 'healthSeen';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly healthy: number;
    }
  | {
      readonly kind: 'crashSeen';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly crashes: number;
      readonly found: readonly string[];
    }
  /** The time to become ready is over; `found` says what is there instead. */
  | { readonly kind: 'readyOverdue'; readonly rollout: string; readonly found: readonly string[] }
  /** `second`: the newest one that was judged. */
  | {
      readonly kind: 'judged';
      readonly stage: number;
      readonly second: number;
      readonly verdict: StageVerdict;
    }
  | {
      readonly kind: 'watched';
      readonly stage: number;
      readonly seconds: number;
      readonly breach: string | null;
    }
  /** Counts of these seconds will never come. */
  | {
      readonly kind: 'countsLost';
      readonly fromSecond: number;
      readonly toSecond: number;
      /** What happened, where that is known. */
      readonly why?: string;
    }
  /** The proxy uses a newer route than the journal knows: what led to it could not be recorded. */
  | { readonly kind: 'routeAhead'; readonly revision: number }
  | { readonly kind: 'clockAdvanced' }
  /** Another boot id: every process is gone. */
  | { readonly kind: 'machineRestarted' };

/** The judge's word on a stage so far. */
export type StageVerdict = {
  readonly overall:
    | 'harmful'
    | 'severe'
    | 'safe'
    /** Enough was seen, and nothing against it: as much as can be said where nobody was drawn. */
    | 'quiet'
    | 'suspicious'
    | 'undecided'
    | 'no-data';
  /** Judged seconds of this stage. */
  readonly seconds: number;
  /** Candidate requests (identities where sticky) in this stage. */
  readonly requests: number;
  /** One sentence with the numbers. */
  readonly reason: string | null;
  /** Why it is no time to go on, whatever `overall` is, or null. */
  readonly hold: string | null;
};

export type RolloutEvent = (Verb | Result | Observation) & {
  /** By the steady clock, like every time in the state but those of locks and freezes: what is to last is not ended by a clock that jumps. */
  readonly atMs: number;
  /** By the wall clock: locks and freezes end at dates that people named. */
  readonly wallMs: number;
  readonly actor: string;
  /** Freezes of the whole server that are on at `wallMs`: by people, and out of the server file. */
  readonly frozen?: readonly Freeze[];
};
