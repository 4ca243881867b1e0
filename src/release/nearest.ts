/** Names that other tools use for the same thing: what a person coming from there types. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  command: 'run',
  cmd: 'run',
  start: 'run',
  exec: 'run',
  environment: 'env',
  variables: 'env',
  healthcheck: 'health',
  'health-check': 'health',
  readiness: 'health',
  probe: 'health',
  port: 'listen',
  ports: 'listen',
  bind: 'listen',
  hostname: 'host',
  hosts: 'host',
  domain: 'host',
  prefix: 'path',
  instances: 'replicas',
  scale: 'replicas',
  weights: 'steps',
  weight: 'steps',
  'set-weight': 'steps',
  traffic: 'steps',
  analysis: 'judge',
  metrics: 'judge',
  stickiness: 'sticky',
  preset: 'use',
  profile: 'use',
  pause: 'dwell',
  duration: 'dwell',
  approve: 'approvals',
  approvers: 'approvals',
  manual: 'ask',
  timeout: 'ready-within',
  'deploy-timeout': 'ready-within',
  'scale-down-delay': 'keep-old',
  'on-failure': 'when-worse',
  'on-inconclusive': 'when-unsure',
  errors: 'error-rate',
  '5xx': 'error-rate',
  '4xx': 'client-error-rate',
  latency: 'p95',
  every: 'interval',
};

/**
 * The candidate that was probably meant, or null. Camel case and underscores count as dashes; then names known from
 * other tools; then the smallest edit distance, at most a third of the word.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = word
    .slice(0, 80)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
  if (candidates.includes(plain)) return plain;
  const alias = Object.hasOwn(ELSEWHERE, plain) ? ELSEWHERE[plain] : undefined;
  if (alias !== undefined && candidates.includes(alias)) return alias;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain, candidate);
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let twoBefore: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = before[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(row[j - 1]! + 1, before[j]! + 1, replace);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, twoBefore[j - 2]! + 1);
    }
    twoBefore = before;
    before = row;
  }
  return before[b.length]!;
}
