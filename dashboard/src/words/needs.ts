import { certificateTrouble } from '../../../src/release/certificate-trouble.ts';
import { printable } from '../../../src/release/problem.ts';
import type { Service } from '../api/api-types.ts';

/** Why somebody has to look at a service, the worst first; null: nobody has to. */
export type Need = { readonly says: string; readonly isBad: boolean; readonly weight: number };

export function needOf(service: Service, nowMs: number): Need | null {
  const { rollout, condition, certificates = [] } = service;
  if (condition === 'stable is down') return bad(service.users, 6);
  if (rollout?.outcome === 'unproven') return bad('The way back is not proven: look at the proxy.', 5);
  if (rollout?.approval)
    return asks(
      `Waits for approval before ${rollout.approval.before}: ${rollout.approval.given.length} of ${rollout.approval.need} have agreed.`,
      4,
    );
  if (rollout?.phase === 'asking') return asks(`Waits for ${rollout.waiting ?? 'a person'}.`, 4);
  if (rollout?.paused) return asks(`Paused: ${rollout.waiting ?? ''}`, 3);
  if (condition === 'degraded') return bad('A replica is down.', 2);
  if (rollout?.verdict?.overall === 'suspicious')
    return asks(`The judge is suspicious: ${rollout.verdict.reason}`, 2);
  for (const certificate of certificates) {
    const trouble = certificateTrouble(certificate, nowMs);
    if (trouble !== null) return { says: printable(trouble.says), isBad: trouble.isBad, weight: 1 };
  }
  return null;
}

function bad(says: string, weight: number): Need {
  return { says: printable(says), isBad: true, weight };
}

function asks(says: string, weight: number): Need {
  return { says: printable(says), isBad: false, weight };
}
