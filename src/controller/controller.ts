import type { MeasureCheck, Push } from './measure-desk.ts';
import type { LogLine } from '../workload/runtime.ts';
import type { Freeze } from '../rollout/guard.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { TokenAsk, TokenCheck, TokenCreated, TokenView } from './token-record.ts';
import type { JudgeQuery, JudgeView } from './judge-view.ts';
import type { SeriesView } from './series-view.ts';
import type { Asker } from './allowed.ts';
import type {
  Actions,
  AuditPage,
  ChainCheck,
  Answered,
  EventView,
  PlanView,
  ReleaseView,
  RolloutView,
  ServiceView,
  WhyView,
} from './views.ts';

/**
 * What the API offers, whatever is behind it. Refusals are `OperatingError`s whose code is in `release/codes.ts`
 * (`SERVICE_UNKNOWN`, `ROLLOUT_UNKNOWN`, `ROLLOUT_UNDER_WAY`, `NOT_READY_YET`, ...); they change nothing.
 */
export type Controller = {
  readonly read: {
    /**
     * Every one, or the one with this name if it is there; of many, in parts between which others act. Its actions, here and
     * below, are those of who asks; of nobody in particular, those that stand open to all who may steer.
     */
    services(asker?: Asker, only?: string): Promise<readonly ServiceView[]>;
    service(name: string, asker?: Asker): ServiceView;
    /** The actions alone. */
    actions(name: string, asker: Asker): Actions;
    /** Of a rollout that is over. */
    pastActions(rollout: string, asker: Asker): Actions;
    /** Versions that were made here, newest first, at most 100. */
    releases(service: string): Promise<readonly ReleaseView[]>;
    rollout(id: string, asker?: Asker): RolloutView;
    why(id: string, asker?: Asker): WhyView;
    history(
      query: { readonly service: string | null; readonly limit: number },
      asker?: Asker,
    ): readonly RolloutView[];
    events(query: {
      readonly service: string | null;
      readonly rollout: string | null;
      readonly afterSeq: number;
      readonly limit: number;
    }): readonly EventView[];
    /** Calls back after every recorded event; returns the unsubscriber. Listeners must not throw. */
    onEvent(listener: (event: EventView) => void): () => void;
    logs(query: LogQuery): AsyncIterable<LogLine>;
    info(): ServerInfo;
    /** Those that people have put on every service and that are on. */
    freezes(): readonly Freeze[];
    /** Verbs of people, newest first; refused ones as well. */
    audit(query: AuditQuery): AuditPage;
    /** Walks the whole chain of the journal, and compares it with a head that was announced before. */
    checkChain(announced: { readonly seq: number; readonly mac: string } | null): ChainCheck;
    /** Prometheus text format. */
    metrics(): Promise<string>;
  };
  /** The recorded past, judged once more. Nothing is recorded of it. */
  readonly judge: {
    rollout(id: string, query: JudgeQuery): Promise<JudgeView>;
    /** How a rollout, under way or over, came to its verdict. */
    series(id: string): Promise<SeriesView>;
    /** Every rollout of a service that had a share in that time, oldest first. */
    between(
      service: string,
      time: { readonly fromMs: number; readonly toMs: number },
      query: JudgeQuery,
    ): Promise<readonly JudgeView[]>;
  };
  /** Every call is recorded before it is answered. */
  readonly steer: {
    /** Door, scale and policy; `dryRun` answers what would change. */
    apply(
      request: { readonly spec: ServiceSpec; readonly dryRun: boolean },
      caller: Caller,
    ): Promise<Answered & { readonly changes: readonly string[] }>;
    plan(request: DeployAsk, caller: Caller): Promise<PlanView>;
    deploy(
      request: DeployAsk & {
        readonly supersede: boolean;
        readonly planId: string | null;
        /** Why a freeze is overridden; left out or null: it is not. */
        readonly overrideFreeze?: string | null;
      },
      caller: Caller,
    ): Promise<Answered>;
    /** A version that was made here, as it was made, by today's plan. Errors: RELEASE_UNKNOWN, ARTIFACT_UNKNOWN. */
    redeploy(
      request: {
        readonly service: string;
        readonly label: string;
        readonly supersede: boolean;
        /** Why a freeze is overridden; left out or null: it is not. */
        readonly overrideFreeze?: string | null;
      },
      caller: Caller,
    ): Promise<Answered>;
    retry(rollout: string, caller: Caller): Promise<Answered>;
    pause(service: string, caller: Caller): Promise<Answered>;
    resume(service: string, caller: Caller): Promise<Answered>;
    promote(
      request: {
        readonly service: string;
        readonly fromStep: number | null;
        readonly full: boolean;
        /** Why a freeze is overridden; left out or null: it is not. */
        readonly overrideFreeze?: string | null;
      },
      caller: Caller,
    ): Promise<Answered>;
    weight(
      request: { readonly service: string; readonly percent: number; readonly beyondPlan: boolean },
      caller: Caller,
    ): Promise<Answered>;
    abort(
      request: { readonly service: string; readonly rollout: string | null },
      caller: Caller,
    ): Promise<Answered>;
    /** `label` null: the last good version. */
    rollback(
      request: { readonly service: string; readonly label: string | null },
      caller: Caller,
    ): Promise<Answered>;
    remove(service: string, caller: Caller): Promise<Answered>;
  };
  /** What stands before going forward. Recorded like steering. */
  readonly guard: {
    lock(request: LockAsk, caller: Caller): Promise<Answered>;
    unlock(
      request: { readonly service: string; readonly force: boolean; readonly reason: string | null },
      caller: Caller,
    ): Promise<Answered>;
    /** `service` null: all of them, those that come later included. */
    freeze(request: FreezeAsk, caller: Caller): Promise<Answered>;
    unfreeze(service: string | null, caller: Caller): Promise<Answered>;
    approve(request: AgreeAsk, caller: Caller): Promise<Answered>;
    reject(request: AgreeAsk, caller: Caller): Promise<Answered>;
  };
  /** Who may do what. Recorded like steering. */
  readonly people: {
    createToken(ask: TokenAsk, caller: Caller): Promise<TokenCreated>;
    revokeToken(id: string, caller: Caller): Promise<Answered>;
  };
  readonly tokens: {
    list(): readonly TokenView[];
    /** Whom it stands for, now. */
    check(text: string): TokenCheck;
    /** The same for one that was checked before, by its id: somebody who logged in with it. */
    standing(id: string): TokenCheck;
    anyValid(): boolean;
    /** Calls back when one is made or revoked; returns the unsubscriber. */
    onChange(listener: () => void): () => void;
  };
  readonly measures: {
    /** What a version counted since the last time; kept in memory for a while. Error: SERVICE_UNKNOWN. */
    push(request: Push): void;
    /** Reaches the sources of the measures of a service that may not be there yet. */
    check(spec: ServiceSpec): Promise<readonly MeasureCheck[]>;
  };
  readonly artifacts: {
    has(digest: string): Promise<boolean>;
    /** Streamed, bounded, digest checked. */
    put(stream: AsyncIterable<Uint8Array>, digest: string): Promise<void>;
  };
};

export type DeployAsk = {
  readonly spec: ServiceSpec;
  /** The version; unique per service. */
  readonly label: string;
  /** sha256 hex of an artifact that was put before; null where somebody else runs the service. */
  readonly artifactDigest: string | null;
};

export type LockAsk = {
  readonly service: string;
  readonly reason: string;
  /** From now on, or null: until it is released. */
  readonly forMs: number | null;
};

export type AgreeAsk = {
  readonly service: string;
  /** What was seen: this rollout, at this step; null: whatever it is now. */
  readonly rollout: string | null;
  readonly step: number | null;
  readonly reason: string | null;
};

export type FreezeAsk = {
  readonly service: string | null;
  readonly reason: string | null;
  /** At most one of the two is given. */
  readonly forMs: number | null;
  readonly untilMs: number | null;
  readonly alsoAdvancing: boolean;
};

export type AuditQuery = {
  readonly service: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  /** A part of the actor's name, in any case. */
  readonly actor: string | null;
  readonly verb: string | null;
  /** Only what was recorded before this one, or null for the newest. */
  readonly beforeSeq: number | null;
  readonly limit: number;
};

export type LogQuery = {
  readonly service: string;
  readonly slot: SlotName | null;
  /** A label in one of the slots; null for stable. */
  readonly label: string | null;
  readonly candidate: boolean;
  readonly tail: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
};

export type Caller = {
  /** `local (unverified)`, `ana (unverified)`, or the name that a token stands for. */
  readonly actor: string;
  readonly role: Role;
  /** Which services the role is for; absent or null: all of them. */
  readonly services?: readonly string[] | null;
  /** Whether the actor is somebody, by a token, and not just said so. */
  readonly verified?: boolean;
  /** Where it came from: `operator.sock`, `192.0.2.7, token 1a2b3c4d`. */
  readonly from?: string;
  /** The verb, as people call it; for the audit. */
  readonly verb?: string;
  /** Of a request that has effect once: kept in the same transaction as the effect. */
  readonly once?: { readonly key: string; readonly request: string };
};

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export type ServerInfo = {
  readonly version: string;
  readonly startedAtMs: number;
  readonly stateDir: string;
  readonly pid: number;
  /** Sequence number of the newest recorded event; 0 when there is none. */
  readonly lastSeq: number;
};
