export type Verdict = {
  readonly overall: 'harmful' | 'severe' | 'safe' | 'suspicious' | 'undecided' | 'no-data';
  readonly candidateRequestsInStep: number;
  readonly stableRequestsInStep: number;
  readonly judgedSecondsInStep: number;
  readonly logE: number;
  readonly reason: string | null;
  readonly checks: readonly CheckResult[];
  readonly share: {
    readonly askedPercent: number;
    readonly seenPercent: number | null;
    readonly mismatch: string | null;
  };
};

export type CheckResult = {
  readonly name: string;
  /** `pp` or `ms`. */
  readonly unit: string;
  readonly candidate: number | null;
  readonly stable: number | null;
  readonly difference: number | null;
  readonly interval: readonly [number, number] | null;
  readonly limit: number;
  readonly state: 'worse' | 'not-worse' | 'undecided' | 'no-data';
  readonly needRequests: number | null;
};
