import type { RolloutView, ServiceView, SideView } from '../src/controller/views.ts';

/** What goes on in a rollout, in one line, out of the same answer that `bascule status` shows. */
export function progressOf(service: ServiceView): string | null {
  const { rollout } = service;
  if (rollout === null) return null;
  const seconds = rollout.steps[rollout.stepIndex]?.seconds ?? null;
  const since = seconds === null ? '' : `, ${Math.round(seconds)}s`;
  switch (rollout.phase) {
    case 'clearing':
    case 'starting':
      return `${rollout.label} starts${since}`;
    case 'probing':
      return `${rollout.label} must be healthy through the proxy, three times in a row${since}`;
    case 'verifying':
      return `the checks of ${rollout.label} run on its preview address${since}`;
    case 'shifting':
      return `the route changes: ${rollout.sharePercent}% for ${rollout.label}`;
    case 'dwelling':
      return `${rollout.sharePercent}% for ${rollout.label}${since}: ${bothSides(rollout)}`;
    case 'watching':
      return `watching ${rollout.label} at 100%${since}`;
    case 'returning':
    case 'retiring':
      return `${service.users}; ${rollout.label} finishes what it was serving`;
    default:
      return rollout.waiting;
  }
}

function bothSides({ traffic, from, label }: RolloutView): string {
  if (traffic === null) return 'no requests yet';
  const sides = [side(label, traffic.candidate), ...(from === null ? [] : [side(from, traffic.stable)])];
  return sides.join(', ');
}

function side(label: string, { requests, failed }: SideView): string {
  return `${label} failed ${failed} of ${requests}`;
}
