/**
 * Raised with every change by which the same seconds could be judged otherwise. Stored with what was judged, so that a replay
 * that differs can say why.
 */
export const JUDGE_VERSION = 1;
