/**
 * Left alone, V8 lets 128 MB of what dies young lie before it looks, and four times of what lives before it looks at all, on a
 * machine with much memory. Measured with 1,000 services: 396 MiB resident without both, 253 MiB with a small young heap,
 * 181 MiB with both, at the same CPU; the parent of the proxy 278 and 140 MiB.
 */
export const HEAP_FLAGS = ['--max-semi-space-size=8', '--heap-growing-percent=50'] as const;

/** Puts the same command with the flags in place of this process, which keeps its id; does nothing where they are there. */
export function replaceProcessWith(flags: readonly string[]): void {
  const { execArgv, execPath, argv, env } = process;
  const given = [...execArgv, env['NODE_OPTIONS'] ?? ''];
  const missing = flags.filter((flag) => !given.some((one) => one.includes(flag.split('=')[0]!)));
  if (missing.length > 0) process.execve?.(execPath, [execPath, ...missing, ...execArgv, ...argv.slice(1)]);
}
