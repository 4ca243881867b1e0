import type { Plan } from '../src/release/plan.ts';

/** What is the matter with a version; part of its label, so that a trace can be read. */
export const NATURES = [
  'good',
  'erring',
  'failing',
  'flaky',
  'erring-at-full',
  'never-ready',
  'no-start',
  'crashing',
  'dying',
  'slow-start',
  'unverified',
  'verified-late',
] as const;
export type Nature = (typeof NATURES)[number];

const LABEL = /^v\d+-(?<nature>.+)$/u;

export function labelFor(number: number, nature: Nature): string {
  return `v${number}-${nature}`;
}

const KNOWN = new Map<string, Nature>();

/** Of a label (`v3-erring`) or a release id (`shop/v3-erring`). */
export function natureOf(name: string): Nature {
  const known = KNOWN.get(name);
  if (known !== undefined) return known;
  const found = LABEL.exec(name.slice(name.indexOf('/') + 1))?.groups?.['nature'];
  const nature = NATURES.find((one) => one === found) ?? 'good';
  KNOWN.set(name, nature);
  return nature;
}

/** The part of its requests that it fails, at this share of all traffic (0 to 1). */
export function errorPartOf(nature: Nature, share: number): number {
  if (nature === 'erring') return 0.6;
  if (nature === 'failing') return 1;
  if (nature === 'flaky') return 0.25;
  return nature === 'erring-at-full' && share > 0.99 ? 0.8 : 0;
}

/** Of so many checks in a row, one holds where they hold late. */
export const LATE_AT = 3;

/** What dies of its traffic does so after this long. */
export const DYING_AFTER_MS = 2500;

/** Whether a plan gives anyone a chance to find it. What is merely flaky may hide behind a stable version that was down. */
export function isCaught(nature: Nature, { steps }: Plan): boolean {
  const sharesMs = steps.reduce((sum, step) => sum + (step.kind === 'share' ? step.atLeastMs : 0), 0);
  const watchMs = steps.reduce((sum, step) => sum + (step.kind === 'watch' ? step.forMs : 0), 0);
  switch (nature) {
    case 'erring':
    case 'failing':
      return sharesMs > 0 || watchMs > 0;
    case 'erring-at-full':
      return watchMs > 0;
    case 'dying':
      return sharesMs + watchMs >= 2 * DYING_AFTER_MS;
    case 'never-ready':
    case 'no-start':
    case 'crashing':
      return true;
    case 'unverified':
      return steps.some(({ kind }) => kind === 'verify');
    case 'good':
    case 'flaky':
    case 'slow-start':
    case 'verified-late':
      return false;
  }
}
