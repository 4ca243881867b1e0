/**
 * A backup is a tar: `journal.db`, `server.yaml` if there is one, `artifacts/SHA256` for every artifact, and last the manifest,
 * which makes it whole. The key of the journal's chain is not in it: who has both can rewrite what happened.
 */
export const MANIFEST = 'manifest.json';
export const FORMAT = 'bascule backup';
export const FORMAT_VERSION = 1;

export type Manifest = {
  readonly format: typeof FORMAT;
  readonly version: number;
  /** Version of the Bascule that made it. */
  readonly madeBy: string;
  readonly atMs: number;
  /** End of the journal's chain: what a log line announced later is not in it. */
  readonly chain: { readonly seq: number; readonly mac: string };
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
};
