import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { OperatingError } from '../../lib/errors.ts';
import type { Packed } from '../../release/pack.ts';
import { printable } from '../../release/problem.ts';
import type { ServiceSpec } from '../../release/service.ts';
import { formatSize } from '../../release/units.ts';
import { versionOf } from '../values.ts';
import type { Context } from '../verb.ts';

type Artifact = Packed & { readonly label: string };

/** What a deploy hands over. `digest` null: nothing, because somebody else runs it. */
export type Version = { readonly label: string; readonly digest: string | null };

/** The version that is meant: packed and sent, or only named where somebody else runs the service. */
export async function withVersion<T>(
  context: Context,
  { file, spec }: { readonly file: string; readonly spec: ServiceSpec },
  use: (version: Version) => Promise<T>,
): Promise<T> {
  if (spec.release.run === null) return use({ label: namedLabel(context, spec), digest: null });
  return withArtifact(context, file, async (artifact) => {
    await upload(context, artifact);
    return use(artifact);
  });
}

/** Nothing here says what stands there, so a person does. */
function namedLabel({ options }: Context, { name }: ServiceSpec): string {
  const given = options['version'];
  const wrong =
    typeof given !== 'string'
      ? `${name} is run by somebody else (targets), so nothing here says which version stands there: name it with --version`
      : typeof options['from'] === 'string'
        ? `${name} is run by somebody else (targets): there is nothing to take with --from`
        : null;
  if (wrong !== null || typeof given !== 'string')
    throw new OperatingError('USAGE', `${wrong ?? ''}. Nothing was done.`, { retryable: false });
  return versionOf('--version', given);
}

/** Packs `--from`, the directory of the file where it is not given, and hands it over; nothing of it stays behind. */
async function withArtifact<T>(
  context: Context,
  file: string,
  use: (artifact: Artifact) => Promise<T>,
): Promise<T> {
  const { io, options } = context;
  const from = typeof options['from'] === 'string' ? options['from'] : null;
  const { PACK_LIMITS, packSource } = await import('../../release/pack.ts');
  const { findSource } = await import('../../release/pack-source.ts');
  const source =
    from === null ? await findSource(dirname(file), io.cwd) : await findSource(from, resolve(io.cwd));
  const leaving = new AbortController();
  const { signal } = leaving;
  // Before the directory is there: who interrupts while it is made leaves nothing behind either.
  const stop = io.onInterrupt(() => leaving.abort(interrupted()));
  let temporaryDirectory: string | null = null;
  try {
    temporaryDirectory = await mkdtemp(join(tmpdir(), 'bascule-pack-'));
    const packed = await packSource(source, { temporaryDirectory, limits: PACK_LIMITS, signal });
    for (const path of packed.skipped.slice(0, 5))
      io.err(`left out: ${printable(path)} is neither a file nor a link\n`);
    return await Promise.race([use({ ...packed, label: labelOf(context, packed) }), aborted(signal)]);
  } finally {
    stop();
    if (temporaryDirectory !== null) await rm(temporaryDirectory, { recursive: true, force: true });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

function interrupted(): OperatingError {
  return new OperatingError(
    'INTERRUPTED',
    'The command was interrupted before the server had answered; nothing was left behind here. "bascule status" shows whether a rollout has begun.',
    { retryable: true },
  );
}

/** `--version`, else what git calls it, else the beginning of the digest. */
function labelOf({ options }: Context, packed: Packed): string {
  const given = options['version'];
  if (typeof given !== 'string')
    return (packed.describe ?? packed.digest.slice(0, 12)).replaceAll(/[^A-Za-z0-9._+-]/g, '-');
  return versionOf('--version', given);
}

/** Sends the artifact unless the server has it. It changes nothing: what was sent and is not used is pruned. */
async function upload({ client, io, json }: Context, artifact: Artifact): Promise<void> {
  const sent = await client.upload(artifact.digest, artifact.file, artifact.bytes);
  if (json || !sent) return;
  const size =
    artifact.bytes < 1024 ? `${artifact.bytes}B` : formatSize(Math.ceil(artifact.bytes / 1024) * 1024);
  io.err(`sent ${artifact.label}: ${artifact.entries} files, ${size}\n`);
}
