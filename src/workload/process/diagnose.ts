import { formatAddress, type Address } from '../../lib/address.ts';
import { formatElapsed } from '../../lib/duration.ts';
import { covers } from '../listeners.ts';

/** What was seen of one replica. */
export type ReplicaFacts = {
  readonly replica: number;
  readonly address: Address;
  /** Null when it does not run. */
  readonly pid: number | null;
  readonly upMs: number;
  /** Where its processes listen. */
  readonly listens: readonly Address[];
  readonly crashes: number;
  readonly lastExit: string | null;
  /** Until the next start, or null when none is due. */
  readonly retryInMs: number | null;
  readonly problem: string | null;
};

/** Whether it listens where the proxy asks. */
export function listensRight(facts: ReplicaFacts): boolean {
  return facts.listens.some((listen) => covers(listen, facts.address));
}

/** One or two sentences for people. Pure. */
export function explainReplica(facts: ReplicaFacts): string[] {
  const name = `replica ${facts.replica}`;
  const lines: string[] = [];
  if (facts.pid !== null) lines.push(`${name} (pid ${facts.pid}) ${explainListening(facts)}`);
  if (facts.crashes > 0 || facts.pid === null) lines.push(`${name} ${explainExits(facts)}`);
  if (facts.problem !== null) lines.push(`${name} cannot be started again: ${facts.problem}`);
  return lines;
}

function explainListening(facts: ReplicaFacts): string {
  const { listens, address } = facts;
  if (listens.length === 0)
    return `still runs after ${formatElapsed(facts.upMs)}, but listens on nothing yet`;
  if (listensRight(facts)) return `listens on ${formatAddress(address)}, as it should`;
  const samePort = listens.filter((listen) => listen.port === address.port);
  if (samePort.length > 0) {
    return `listens on ${samePort.map(formatAddress).join(', ')}, not on ${formatAddress(address)}`;
  }
  const ports = [...new Set(listens.map((listen) => listen.port))].sort((a, b) => a - b);
  return `listens on ${ports.join(', ')}, not on $PORT (${address.port}): use $PORT in run:`;
}

function explainExits(facts: ReplicaFacts): string {
  if (facts.crashes === 0) return 'does not run';
  const times = facts.crashes === 1 ? 'once' : `${facts.crashes} times`;
  const next = facts.retryInMs === null ? '' : `; next start in ${formatElapsed(facts.retryInMs)}`;
  return `exited ${times}, last with ${facts.lastExit ?? 'unknown result'}${next}`;
}
