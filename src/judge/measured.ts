/** Shared with what asks for values and what keeps them. */
export type { Measured, MeasuredPoint, MeasuredWindow, NoValue } from '../metrics/measured.ts';
