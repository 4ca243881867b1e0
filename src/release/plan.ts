import type { JudgePolicy, Policy, Sticky } from './service.ts';

export type Step =
  | { readonly kind: 'start' }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'share';
      readonly percent: number;
      readonly atLeastMs: number;
      readonly atMostMs: number;
      readonly bake: boolean;
    }
  | { readonly kind: 'ask' }
  | { readonly kind: 'full' }
  | { readonly kind: 'watch'; readonly forMs: number };

export type Plan = {
  readonly strategy: Policy['strategy'];
  readonly steps: readonly Step[];
  readonly sticky: Sticky;
  readonly judge: JudgePolicy;
  readonly whenWorse: Policy['whenWorse'];
  readonly whenUnsure: Policy['whenUnsure'];
  readonly keepOldMs: number;
  readonly askDeadlineMs: number;
  readonly readyWithinMs: number;
};
