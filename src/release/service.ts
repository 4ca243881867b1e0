import type { Upstream } from '../lib/upstream.ts';
import type { AcmeSpec } from './acme.ts';
import type { AccessField } from './access-fields.ts';
import type { ApprovalRule } from './approval.ts';
import type { OtherJudge } from './judge-rules.ts';
import type { Measure } from './measure.ts';
import type { RequestMatch } from './request-match.ts';
import type { ErrorPageFiles, ListenerLimits, OutlierRules, PerReplica, Timeouts } from './resilience.ts';
import type { SlotName } from './slot.ts';

/**
 * A service as everything after parsing sees it: complete, frozen, no optionals, units in the names.
 * `resolve.ts` makes it out of a `bascule.yaml`; its parts follow who owns which field and when a change of it
 * takes effect (docs/architecture.md, "Who owns what").
 */
export type ServiceSpec = {
  /** Lowercase letters, digits and dashes, at most 40 characters, starting with a letter. */
  readonly name: string;
  readonly release: ReleaseSpec;
  readonly scale: ScaleSpec;
  readonly policy: Policy;
  readonly door: DoorSpec;
  /** Two environments that somebody else runs, or null: Bascule runs it. Changes by `apply`; refused during a rollout. */
  readonly targets: Readonly<Record<SlotName, readonly Upstream[]>> | null;
  /** What serves before the first deploy, which takes it for stable; of no effect later. Null beside `targets`. */
  readonly current: Upstream | null;
};

/** Changes only through a rollout; part of the immutable release. */
export type ReleaseSpec = {
  /**
   * Shell command that starts one replica; `$PORT` is the port that it must listen on, on 127.0.0.1. Null: somebody else
   * runs it, and nothing is built, started or stopped.
   */
  readonly run: string | null;
  /** Shell command run once in the release's directory before its first start, or null. */
  readonly build: string | null;
  readonly env: Readonly<Record<string, EnvValue>>;
  /** System user that runs build and run, or null for the controller's own. Never root. */
  readonly user: string | null;
  readonly health: HealthSpec;
  /** How long the whole start, build apart, may take until every replica is healthy through the proxy. */
  readonly readyWithinMs: number;
  /** From SIGTERM to SIGKILL when a replica is stopped. */
  readonly stopGraceMs: number;
  /** Checks on the preview address between ready and the first traffic, in order. Absent for none, so that digests of before hold. */
  readonly verify?: readonly VerifyCheck[];
};

/** All that a check needs: a failed one ends the rollout before any traffic. */
export type VerifyCheck =
  | {
      readonly kind: 'http';
      readonly method: 'GET' | 'HEAD';
      /** Path and query, starting with `/`. Redirects are not followed. */
      readonly path: string;
      /** Both included: 200 to 299 for `2xx`. */
      readonly status: { readonly from: number; readonly to: number };
      /** Text that the first 1 MiB of the body must hold, or null. */
      readonly contains: string | null;
      /** Response headers in lower case and what each must be. */
      readonly headers: Readonly<Record<string, string>>;
      /** Of one attempt, to the end of the body. */
      readonly withinMs: number;
      readonly attempts: number;
    }
  | {
      readonly kind: 'run';
      /** Shell command, run as the service's user in the release's directory. Good is exit code 0. */
      readonly command: string;
      readonly withinMs: number;
      readonly attempts: number;
    };

/** Secrets are references; their values never enter a release, a plan, a diff or any output. */
export type EnvValue =
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'secret'; readonly from: 'env' | 'file'; readonly name: string };

export type HealthSpec = {
  /** Path of the GET, starting with `/`. Healthy is 2xx; redirects are not followed. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Good answers in a row until healthy. */
  readonly rise: number;
  /** Bad answers in a row until unhealthy. */
  readonly fall: number;
};

/** Changes by `apply`, both slots in place; refused during a rollout. */
export type ScaleSpec = { readonly replicas: number; readonly maxReplicas: number };

/** Changes by `apply`; refused during a rollout. */
export type DoorSpec = {
  readonly listen: { readonly address: string; readonly port: number };
  /** Lowercase host name without port, or null for any host. */
  readonly host: string | null;
  /** Path prefix, `/` or `/a/b` without a trailing slash. `/app` does not match `/appointment`. */
  readonly path: string;
  readonly proxy: ProxySpec;
  /** How long ordinary requests in flight may go on after their slot lost its traffic. */
  readonly drainMs: number;
  /** The same for event streams and WebSockets, whose closes are spread over this window. */
  readonly streamGraceMs: number;
  /** Whether X-Forwarded-* of clients is kept and appended to, rather than replaced. */
  readonly trustForwarded: boolean;
  /** Largest request body in bytes, or null for no limit. */
  readonly maxBodyBytes: number | null;
  /** Each slot has a private address, also where nothing asks for one. Absent: only where a release has `verify`. */
  readonly preview?: true;
  /** Requests may choose their slot by a header. Absent: off. */
  readonly override?: OverrideSpec;
};

/** Who may choose a slot: whoever knows the secret, or comes from one of the networks. */
export type OverrideSpec = {
  /** Name as written in the file. */
  readonly header: string;
  readonly allow:
    | { readonly kind: 'secret'; readonly from: 'env' | 'file'; readonly name: string }
    /** CIDR blocks, IPv4 or IPv6. */
    | { readonly kind: 'networks'; readonly networks: readonly string[] };
};

/** Adapters are chosen by key: each kind has its own router. */
export type ProxySpec = BuiltinProxy | NginxProxy | HaproxyProxy;

export type BuiltinProxy = {
  readonly kind: 'builtin';
  /** Never empty; which one is shown goes by the name that the client asks for. Absent: plain HTTP. */
  readonly tls?: readonly TlsFiles[];
  /** In place of `tls`: for the door's host, which is one name, and its `redirectHosts`. Only with `redirectFrom`. */
  readonly acme?: AcmeSpec;
  /** A port at the door's address where plain HTTP is sent on to HTTPS. Only with HTTPS. Absent: none. */
  readonly redirectFrom?: number;
  /** The door's path is the proxy's alone: the application is asked without it. Never with the path `/`. */
  readonly stripPath?: true;
  /** Only requests that meet all of these are the door's. Absent: all at its host and path. */
  readonly when?: readonly RequestMatch[];
  /** Who meets one of these gets the candidate while it is offered. Absent: nobody. */
  readonly candidateFor?: readonly RequestMatch[];
  /** In lower case: who asks for one of these is sent on to the door's host, which is one name. Absent: none. */
  readonly redirectHosts?: readonly string[];
  /** CIDR blocks of proxies whose connections begin with a header of the PROXY protocol. Absent: none. */
  readonly proxies?: readonly string[];
  /** What the application speaks. Absent: HTTP/1.1. */
  readonly protocol?: 'h2c';
  /** CIDR blocks, IPv4 or IPv6: only clients from these get more than 403. Absent: all may come. */
  readonly allow?: readonly string[];
  /** Clients from these get 403, also where `allow` has them. */
  readonly deny?: readonly string[];
  /** Absent: no line is written. */
  readonly accessLog?: AccessLogSpec;
  /**
   * Requests without a valid `traceparent` begin a trace, and this part of them, 0 to 100, is marked as recorded. Absent: what comes
   * of a trace is passed on as it is.
   */
  readonly startTracesPercent?: number;
  /** Answers say how long the request waited and how long the application took. Absent: they do not. */
  readonly serverTiming?: true;
  /** Absent: the least loaded replica gets as much as comes. */
  readonly perReplica?: PerReplica;
  /** Absent: nobody is left out for what it answers. */
  readonly outliers?: OutlierRules;
  /** Absent: USUAL_TIMEOUTS. */
  readonly timeouts?: Timeouts;
  /** Absent: USUAL_LIMITS. */
  readonly limits?: ListenerLimits;
  /** Absent: the proxy's own alone. */
  readonly errorPages?: ErrorPageFiles;
};

export type AccessLogSpec = {
  /** Each once, in the order of the line. */
  readonly fields: readonly AccessField[];
  /** Of the request, in lower case. */
  readonly headers: readonly string[];
  /** Above 0, up to 100. What failed is logged in any case. */
  readonly samplePercent: number;
  /** Of all files of the service's log. */
  readonly keepBytes: number;
};

/** Whether the built-in proxy speaks HTTPS; the others see to it themselves. */
export function isSecureBuiltin(proxy: ProxySpec): boolean {
  return proxy.kind === 'builtin' && (proxy.tls !== undefined || proxy.acme !== undefined);
}

/** What is spoken to applications: HTTP/1.1, or HTTP/2 in the clear. */
export type AppProtocol = 'http1' | 'h2c';

export function appProtocol(proxy: ProxySpec): AppProtocol {
  return (proxy.kind === 'builtin' ? proxy.protocol : undefined) ?? 'http1';
}

/** PEM files. */
export type TlsFiles = { readonly certificate: string; readonly key: string };

export type NginxProxy = {
  readonly kind: 'nginx';
  /** Bascule's own, unprivileged nginx in the state directory, rather than the one that the machine has. */
  readonly managed: boolean;
  /** `file`: whole server blocks. `snippet`: two files that the user's own server block includes. */
  readonly mode: 'file' | 'snippet';
  /** Where files are written that the machine's nginx includes. Not used by a managed one. */
  readonly directory: string;
  /** PEM files, or null for plain HTTP. */
  readonly tls: TlsFiles | null;
  /** A file of the user's own directives, included in the location, or null. */
  readonly include: string | null;
  readonly connectTimeoutMs: number;
  /** Longest silence of the application, and of the client while it is written to. */
  readonly readTimeoutMs: number;
};

export type HaproxyProxy = {
  readonly kind: 'haproxy';
  /** Bascule's own, unprivileged HAProxy in the state directory, rather than the one that the machine has. */
  readonly managed: boolean;
  /** Where the file is written that the machine's HAProxy reads as well. Not used by a managed one. */
  readonly directory: string;
  /** The master socket of the machine's HAProxy. Not used by a managed one. */
  readonly socket: string;
  /** Where the machine's HAProxy appends what it writes to its standard output. Not used by a managed one. */
  readonly log: string;
  /** PEM files, or null for plain HTTP. */
  readonly tls: TlsFiles | null;
  readonly connectTimeoutMs: number;
  /** Longest silence of the application. */
  readonly readTimeoutMs: number;
};

/** Takes effect from the next rollout; a running one keeps its own. */
export type Policy = {
  readonly strategy: 'canary' | 'blue-green';
  readonly preset: PresetName;
  /**
   * Shares of the candidate in percent, growing, at most three decimals of a fraction (0.1 % steps), the last one 100.
   * Blue-green: `[100]`, or `[p, 100]` with `try`.
   */
  readonly stepsPercent: readonly number[];
  readonly dwell: { readonly atLeastMs: number; readonly atMostMs: number };
  /** What comes before the first share, in this order; users get stable meanwhile. Absent for none, so that digests of before hold. */
  readonly early?: readonly EarlyStage[];
  /** Least dwell at the last step below 100 %. 0 for none. */
  readonly bakeMs: number;
  /** Whether a person is asked (`promote`) before the step to 100 %. */
  readonly askBeforeFull: boolean;
  /** Who must agree before which place. Absent: nobody. */
  readonly approvals?: readonly ApprovalRule[];
  readonly sticky: Sticky;
  readonly judge: JudgePolicy;
  readonly whenWorse: 'rollback' | 'pause';
  readonly whenUnsure: { readonly waitMs: number; readonly then: 'advance' | 'ask' | 'rollback' };
  /** Time after 100 % in which a breach still goes back by itself. */
  readonly watchMs: number;
  /** How long the former stable stays ready to take traffic back. */
  readonly keepOldMs: number;
};

/** A part of a rollout in which no user gets the candidate unless they ask for it. */
export type EarlyStage =
  /** Copies of a part of the requests; what the candidate answers is thrown away. */
  | {
      readonly kind: 'mirror';
      readonly sharePercent: number;
      /** In capitals. */
      readonly methods: readonly string[];
      /** Why requests of methods other than GET and HEAD may be done twice, or null. */
      readonly because: string | null;
      readonly forMs: number;
    }
  /** Only requests that choose it by the header of `DoorSpec.override`. */
  | {
      readonly kind: 'header-only';
      /** Fewer such requests say nothing. */
      readonly requests: number;
      /** Back when more of them failed. */
      readonly maxErrorsPercent: number;
      readonly forMs: number;
    };

export const PRESET_NAMES = ['quick', 'standard', 'careful'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** What an identity is: what keeps a person on one version. `none`: every request draws anew. */
export type Sticky =
  | { readonly by: 'cookie' }
  | { readonly by: 'header'; readonly header: string }
  | { readonly by: 'address' }
  | { readonly by: 'none' };

export type JudgePolicy = {
  /** Empty for the default checks: error rate and latency with the default margins. */
  readonly checks: readonly Check[];
  /** What is measured elsewhere. Absent for none. */
  readonly measures?: readonly Measure[];
  /** First milliseconds of the candidate's traffic in which latency is not judged. */
  readonly warmUpMs: number;
  /** Decides in place of the bets. Absent: the bets decide. */
  readonly rule?: OtherJudge;
};

/** A check with its limit: rolled back when surely worse by more, safe when surely not worse by as much. */
export type Check =
  /** (5xx + connect failures + timeouts) / (decided - client aborts). */
  | { readonly kind: 'error-rate'; readonly worseByPp: number }
  /** 4xx / (decided - client aborts). */
  | { readonly kind: 'client-error-rate'; readonly worseByPp: number }
  /** A quantile of latency, 0 < quantile < 1; worse by a percentage of stable's. */
  | { readonly kind: 'latency'; readonly quantile: number; readonly worseByPercent: number };
