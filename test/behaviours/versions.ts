import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { find } from '../../bench/peers.ts';
import { PEER_NAMES, type PeerName } from './peers.ts';

const run = promisify(execFile);

/** `1.22.1`; another version may do otherwise. `none` where it is not installed. */
export async function peerVersions(): Promise<Record<PeerName, string>> {
  const found = await Promise.all(
    PEER_NAMES.map(async (name) => {
      const program = find(name.toLowerCase());
      if (program === null) return [name, 'none'] as const;
      const { stdout, stderr } = await run(program, ['-v']);
      return [name, /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'none'] as const;
    }),
  );
  return Object.fromEntries(found) as Record<PeerName, string>;
}
