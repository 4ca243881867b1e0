import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Timers } from '../lib/timers.ts';
import type { Journal } from '../journal/journal.ts';
import type { SampleStore } from '../journal/samples.ts';
import type { Upstream } from '../lib/upstream.ts';
import type { EnvValue, HealthSpec } from '../release/service.ts';
import type { ChannelCount } from '../notify/channel.ts';
import type { SourceSet } from '../metrics/source.ts';
import type { TrafficRouter } from '../traffic/router.ts';
import type { Checker } from '../workload/checker.ts';
import type { WorkloadRuntime } from '../workload/runtime.ts';
import type { ReleaseStore } from '../workload/store.ts';
import type { FreezeRule } from './calendar.ts';

/** Everything outside that the controller touches. */
export type Ports = {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly journal: Journal;
  readonly samples: SampleStore;
  readonly router: TrafficRouter;
  readonly runtime: WorkloadRuntime;
  readonly store: ReleaseStore;
  readonly checker: Checker;
  readonly sources: SourceSet;
  /** sha256 hex over names, plain values and an HMAC of each secret. Error: WORKLOAD_SECRET_MISSING. */
  readonly environmentDigest: (env: Readonly<Record<string, EnvValue>>) => Promise<string>;
  /** One health check of something that is no one's replica yet: null when it is well, else what was found. Never throws. */
  readonly probe: (at: Upstream, health: HealthSpec) => Promise<string | null>;
  /** What became of messages to people; absent where nobody is told. */
  readonly messages?: () => readonly ChannelCount[];
  /** Something was recorded that people are to be told and that is no event of a service. Absent where nobody is told. */
  readonly noticed?: () => void;
  readonly log: Log;
};

/** One structured line each. */
export type Log = {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
};

export type Settings = {
  /** Ports handed out to slots, both ends included. */
  readonly slotPorts: { readonly from: number; readonly to: number };
  /** Promoted releases kept per service, besides those in use. */
  readonly keepReleases: number;
  /** How long a route may take to be proven before it counts as late. */
  readonly routeLateMs: number;
  /** Freezes that come again and again. */
  readonly freezes?: readonly FreezeRule[];
};
