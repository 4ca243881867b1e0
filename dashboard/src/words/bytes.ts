const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `64 MiB`. */
export function bytesWords(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(STEPS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${STEPS[step]}`;
}
