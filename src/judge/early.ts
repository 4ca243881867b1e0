import type { EarlyStep } from '../release/plan.ts';
import { unseenIn } from '../release/unseen.ts';
import { chosenSecond, chosenWord, forgetChosenHarm, startChosen, type ChosenState } from './early-chosen.ts';
import {
  forgetMirroredHarm,
  mirroredResults,
  mirroredSecond,
  mirroredWord,
  startMirrored,
  type MirroredState,
} from './early-mirrored.ts';
import type { EarlyConfig, EarlyResults, EarlySecond, EarlyWord } from './early-word.ts';

export type EarlyState = MirroredState | ChosenState;

export type EarlyVerdict = EarlyWord &
  EarlyResults & {
    readonly kind: EarlyStep['kind'];
    /** What it says nothing about. */
    readonly unseen: readonly string[];
  };

/** The judge before the first share; pure, as that of shares is. */
export function startEarly(config: EarlyConfig): EarlyState {
  const { step } = config;
  return step.kind === 'mirror' ? startMirrored({ ...config, step }) : startChosen({ ...config, step });
}

export function earlySecond(state: EarlyState, second: EarlySecond): EarlyState {
  return state.kind === 'mirror' ? mirroredSecond(state, second) : chosenSecond(state, second);
}

/** For a person who saw the verdict and chose to go on. */
export function forgetEarlyHarm(state: EarlyState): EarlyState {
  return state.kind === 'mirror' ? forgetMirroredHarm(state) : forgetChosenHarm(state);
}

/** Asked for every second. */
export function earlyWord(state: EarlyState): EarlyWord {
  return state.kind === 'mirror' ? mirroredWord(state) : chosenWord(state);
}

export function earlyVerdict(state: EarlyState): EarlyVerdict {
  const results = state.kind === 'mirror' ? mirroredResults(state) : { checks: [], looks: [] };
  const unseen = unseenIn(state.step, state.measures);
  return { kind: state.kind, ...earlyWord(state), ...results, unseen };
}
