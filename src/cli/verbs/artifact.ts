import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PACK_LIMITS, packSource, type Packed } from '../../release/pack.ts';
import { findSource } from '../../release/pack-source.ts';
import { printable } from '../../release/problem.ts';
import { versionOf } from '../values.ts';
import type { Context } from '../verb.ts';

export type Artifact = Packed & { readonly label: string };

/** Packs `--from`, the directory of the file where it is not given, and hands it over; nothing of it stays behind. */
export async function withArtifact<T>(
  context: Context,
  file: string,
  use: (artifact: Artifact) => Promise<T>,
): Promise<T> {
  const { io, options } = context;
  const from = typeof options['from'] === 'string' ? options['from'] : null;
  const source =
    from === null ? await findSource(dirname(file), io.cwd) : await findSource(from, resolve(io.cwd));
  const temporaryDirectory = await mkdtemp(join(tmpdir(), 'bascule-pack-'));
  try {
    const packed = await packSource(source, { temporaryDirectory, limits: PACK_LIMITS });
    for (const path of packed.skipped.slice(0, 5))
      io.err(`left out: ${printable(path)} is neither a file nor a link\n`);
    return await use({ ...packed, label: labelOf(context, packed) });
  } finally {
    await rm(temporaryDirectory, { recursive: true, force: true });
  }
}

/** `--version`, else what git calls it, else the beginning of the digest. */
function labelOf({ options }: Context, packed: Packed): string {
  const given = options['version'];
  if (typeof given !== 'string')
    return (packed.describe ?? packed.digest.slice(0, 12)).replaceAll(/[^A-Za-z0-9._+-]/g, '-');
  return versionOf('--version', given);
}
