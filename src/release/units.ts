/** Values with their units, as they stand in a file. Durations: lib/duration.ts. */

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

export const DURATION_PATTERN = /^(?:0|(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d)){1,5})$/;
export const PERCENT_PATTERN = /^\d{1,6}(?:\.\d{1,6})?%$/;
export const POINTS_PATTERN = /^\d{1,3}(?:\.\d{1,6})?pp$/;
export const SIZE_PATTERN = /^\d{1,9}(?:\.\d{1,3})?(?:B|kB|MB|GB|KiB|MiB|GiB)$/;
export const TRY_PATTERN = /^(\d{1,6}(?:\.\d{1,6})?%) for (\S+)$/;

/** `12.5%` -> 12.5; undefined for anything else. */
export function parsePercent(text: string): number | undefined {
  return PERCENT_PATTERN.test(text) ? Number(text.slice(0, -1)) : undefined;
}

/** `0.5pp` -> 0.5. */
export function parsePoints(text: string): number | undefined {
  return POINTS_PATTERN.test(text) ? Number(text.slice(0, -2)) : undefined;
}

/** `64MiB` -> 67108864. Whole bytes. */
export function parseSize(text: string): number | undefined {
  if (!SIZE_PATTERN.test(text)) return undefined;
  const unit = /[A-Za-z]+$/.exec(text)![0];
  return Math.round(Number(text.slice(0, -unit.length)) * SIZE_BYTES[unit]!);
}

/** The largest unit that gives a whole number: 67108864 -> `64MiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB', 'GB', 'MB', 'kB']) {
    const size = SIZE_BYTES[unit]!;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

export function formatPercent(percent: number): string {
  return `${percent}%`;
}

export function formatPoints(points: number): string {
  return `${points}pp`;
}
