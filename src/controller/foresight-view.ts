/** What a rollout could find in the traffic of now, told before there is one. */
export type ForesightView = {
  /** What it rests on, or null: nothing was counted in that time. */
  readonly traffic: {
    readonly hours: number;
    /** Requests, or people who are new, a second. */
    readonly perSecond: number;
    readonly unit: 'request' | 'identity';
    /** Where people are counted and none were yet: every request is taken for a new person, which is the best case. */
    readonly bestCase: boolean;
    readonly errorPercent: number;
  } | null;
  readonly steps: readonly ForeseenStepView[];
  /** Faults that are there from the first second on. */
  readonly faults: readonly ForeseenFault[];
  /** A candidate that takes requests and never answers. */
  readonly hanging: {
    readonly proxy: string;
    /** Silence after which a request counts as failed. */
    readonly silenceSeconds: number;
    /** Until it is found, at the first share; null: no traffic to tell. */
    readonly foundAfterSeconds: number | null;
  };
  /** What would make it see more. */
  readonly advice: readonly string[];
};

export type ForeseenStepView = {
  readonly sharePercent: number;
  readonly atLeastSeconds: number;
  readonly atMostSeconds: number;
  readonly candidatePerMinute: number;
  readonly checks: readonly ForeseenCheck[];
};

export type ForeseenCheck = {
  readonly name: string;
  /** Of the next two: percentage points, or percent of stable. */
  readonly unit: 'pp' | '%';
  /** The smallest fault that is found within the shortest dwell, or null: none. */
  readonly foundAtLeast: number | null;
  /** The same within the longest dwell. */
  readonly foundAtMost: number | null;
  /** Until a candidate like stable is shown to be not worse, or null: not in this step. */
  readonly safeAfterSeconds: number | null;
};

export type ForeseenFault = {
  /** `every request fails`, `+1pp errors`, `three times as slow`. */
  readonly fault: string;
  /** Judged seconds from the first share on, or null: not before 100 %. */
  readonly foundAfterSeconds: number | null;
  readonly sharePercent: number | null;
  /** Requests of users that it hits by then (people, where people are counted). */
  readonly hit: number | null;
};
