/** What every judge is put through. `healthy`: going back is false. `fault`: going back is right, and sooner is better. */
import { crowdTraffic, type Rng } from '../../test/judge-traffic.ts';
import { USUAL, shape, trafficOf, type Shape, type Traffic, type Version, type World } from './traffic.ts';

export type Scenario = {
  readonly id: string;
  readonly kind: 'healthy' | 'fault';
  readonly says: string;
  /** Requests a second, both sides. */
  readonly rps: number;
  readonly traffic: (rng: Rng) => Traffic;
  /** Where people stick to a version, and are what is counted. */
  readonly sticky?: true;
  /** Begins ten minutes after the first traffic: only a long last step is there to see it. */
  readonly late?: true;
  /** So many times the runs for this judge by its reference: where its goal lies near the middle of what is drawn. */
  readonly times?: number;
};

type Rates = readonly number[];
const ALL: Rates = [10, 100, 1000];

/** Thirty requests are what three seconds bring in the mean; and 80 % is to be told from 82 %. */
const TIMES: Readonly<Record<string, number>> = { 'dead@100': 10, 'x2@1000': 4 };

export const SCENARIOS: readonly Scenario[] = [...healthy(), ...faults(), ...people()].map((one) => ({
  ...one,
  ...(TIMES[one.id] === undefined ? {} : { times: TIMES[one.id]! }),
}));

function healthy(): readonly Scenario[] {
  return [
    ...alike('aa-0.1', 'same version, 0.1 % errors', ALL, { errorRate: 0.001 }),
    ...alike('aa-1', 'same version, 1 % errors', ALL, { errorRate: 0.01 }),
    ...alike('aa-3', 'same version, 3 % errors', ALL, { errorRate: 0.03 }),
    ...both('incident-2m', 'both fail 30 % for 2 min', ALL, incident(120)),
    ...both('incident-10m', 'both fail 30 % for 10 min', [100, 1000], incident(600)),
    ...both('simpson', 'both drift from 0.1 to 2 % errors while shares rise', [100, 1000], drifting),
    ...alike('sticky-1.3', 'share 1.3 times the asked, 1 % errors', [10, 1000], {
      errorRate: 0.01,
      realShare: (asked) => Math.min(0.95, 1.3 * asked),
    }),
    ...cold('cold-10s', 'cold start: 4 times as slow for 10 s', (age) => (age < 10 ? 4 : 1)),
    ...cold('cold-30s', 'cold start: 4 times as slow for 30 s', (age) => (age < 30 ? 4 : 1)),
    ...cold('cold-t10', 'cold start: 4 times as slow, fading within 10 s', fading(10)),
    ...cold('cold-t20', 'cold start: 4 times as slow, fading within 20 s', fading(20)),
    ...alike('clusters-5', '1 % errors in clusters of 5', [100], { errorRate: 0.01, cluster: 5 }),
    ...alike('clusters-20', '1 % errors in clusters of 20', [100, 1000], { errorRate: 0.01, cluster: 20 }),
    ...alike('clusters-50', '1 % errors in clusters of 50', [1000], { errorRate: 0.01, cluster: 50 }),
    ...alike('hiccup-3s', 'single replicas fail 30 % for 3 s', [100], {
      errorRate: 0.001,
      hiccups: { seconds: 3, every: 300 },
    }),
    ...alike('hiccup-10s', 'single replicas fail 30 % for 10 s', [100], {
      errorRate: 0.001,
      hiccups: { seconds: 10, every: 600 },
    }),
    ...alike('tiny', 'same version, a request in 5 s', [0.2], { errorRate: 0.001 }),
  ];
}

function faults(): readonly Scenario[] {
  return [
    ...worse('dead', 'every request fails', ALL, { from: 0.001, to: 1 }),
    ...worse('plus-5', '0.1 → 5.1 % errors', ALL, { from: 0.001, to: 0.051 }),
    ...worse('plus-0.5', '0.1 → 0.6 % errors', ALL, { from: 0.001, to: 0.006 }),
    ...worse('x5', '0.1 → 0.5 % errors', ALL, { from: 0.001, to: 0.005 }),
    ...worse('x2', '0.1 → 0.2 % errors', ALL, { from: 0.001, to: 0.002 }),
    ...worse('1-x2', '1 → 2 % errors', ALL, { from: 0.01, to: 0.02 }),
    ...worse('1-x5', '1 → 5 % errors', ALL, { from: 0.01, to: 0.05 }),
    ...worse('zero', '0 → 0.5 % errors', [100], { from: 0, to: 0.005 }),
    ...slower('slow-1.5', 'all 1.5 times as slow', shape(1.5)),
    ...slower('slow-3', 'all 3 times as slow', shape(3)),
    ...slower('tail-1.5', 'slowest 5 %: 1.5 times as slow', shape(1, 1.5)),
    ...slower('tail-3', 'slowest 5 %: 3 times as slow', shape(1, 3)),
    ...worse('plus-5-clusters', '1 → 6 % errors in clusters of 20', [100], {
      from: 0.01,
      to: 0.06,
      cluster: 20,
    }),
    ...worse('plus-5-hiccups', '0.1 → 5.1 % errors, replicas that fail for 3 s', [100], {
      from: 0.001,
      to: 0.051,
      hiccups: { seconds: 3, every: 300 },
    }),
    ...worse('tiny-50', 'half fails, a request in 5 s', [0.2], { from: 0.001, to: 0.5 }),
    ...worse('tiny-dead', 'every request fails, a request in 5 s', [0.2], { from: 0.001, to: 1 }),
    ...late('late-jump', '0.1 → 5.1 % errors, 10 min after the start', [100], (age) =>
      age < 600 ? 0 : 0.05,
    ),
    ...late('late-leak', '0.1 → 5.1 % errors, growing from minute 10 to 15', [100, 1000], (age) =>
      Math.min(0.05, Math.max(0, (0.05 * (age - 600)) / 300)),
    ),
  ];
}

function people(): readonly Scenario[] {
  return [
    crowd('one-heavy', 'healthy', 'one person with 2 % of the traffic always fails', {
      people: 2000,
      heavy: 0.02,
    }),
    crowd('some-fail', 'healthy', '1 % of 2,000 people always fail (Zipf)', { people: 2000, failing: 0.01 }),
    crowd('few-some-fail', 'healthy', '1 % of 200 people always fail (Zipf 1.2)', {
      people: 200,
      failing: 0.01,
      zipf: 1.2,
    }),
    crowd('people-5', 'fault', '0 → 5 % errors, 2,000 people', { people: 2000, errors: 0.05 }),
    crowd('people-0.5', 'fault', '0 → 0.5 % errors, 2,000 people', { people: 2000, errors: 0.005 }),
    crowd('people-dead', 'fault', 'every request fails, 2,000 people', { people: 2000, errors: 1 }),
    crowd('few-5', 'fault', '0 → 5 % errors, 200 people', { people: 200, errors: 0.05 }),
    crowd('few-dead', 'fault', 'every request fails, 50 people', { people: 50, errors: 1 }),
  ];
}

type Named = Pick<Scenario, 'id' | 'kind' | 'says'>;

function made(named: Named, rates: Rates, world: Omit<World, 'rps'>): readonly Scenario[] {
  return rates.map((rps) => ({
    ...named,
    id: rates.length === 1 ? named.id : `${named.id}@${rps}`,
    rps,
    traffic: (rng: Rng) => trafficOf({ ...world, rps }, rng),
  }));
}

type Alike = Omit<World, 'rps' | 'stable' | 'candidate'> & { readonly errorRate: number };

function alike(id: string, says: string, rates: Rates, { errorRate, ...more }: Alike): readonly Scenario[] {
  const version = always(errorRate);
  return made({ id, kind: 'healthy', says }, rates, { ...more, stable: version, candidate: version });
}

function both(id: string, says: string, rates: Rates, version: World['stable']): readonly Scenario[] {
  return made({ id, kind: 'healthy', says }, rates, { stable: version, candidate: version });
}

function cold(id: string, says: string, timesAt: (age: number) => number): readonly Scenario[] {
  const shapes = Array.from({ length: 150 }, (_, age) => shape(timesAt(age)));
  const candidate = (age: number): Version => ({
    errorRate: 0.001,
    latency: shapes[Math.max(0, age)] ?? USUAL,
  });
  return made({ id, kind: 'healthy', says }, [100], { stable: always(0.001), candidate });
}

type Worse = Partial<World> & { readonly from: number; readonly to: number };

function worse(id: string, says: string, rates: Rates, { from, to, ...more }: Worse): readonly Scenario[] {
  return made({ id, kind: 'fault', says }, rates, { ...more, stable: always(from), candidate: always(to) });
}

function slower(id: string, says: string, latency: Shape): readonly Scenario[] {
  const version = { errorRate: 0.001, latency };
  return made({ id, kind: 'fault', says }, ALL, { stable: always(0.001), candidate: () => version });
}

function late(id: string, says: string, rates: Rates, more: (age: number) => number): readonly Scenario[] {
  const candidate = (age: number): Version => ({ errorRate: 0.001 + more(age), latency: USUAL });
  const world = { stable: always(0.001), candidate };
  return made({ id, kind: 'fault', says }, rates, world).map((one) => ({ ...one, late: true as const }));
}

function crowd(
  id: string,
  kind: Scenario['kind'],
  says: string,
  of: { people: number; heavy?: number; failing?: number; errors?: number; zipf?: number },
): Scenario {
  const traffic = (rng: Rng): Traffic => {
    const failing = new Set<number>(of.heavy === undefined ? [] : [0]);
    for (let person = 0; person < of.people; person++) if (rng() < (of.failing ?? 0)) failing.add(person);
    return crowdTraffic({
      rng,
      rps: 100,
      people: of.people,
      zipf: of.zipf ?? 1,
      alwaysFails: (person) => failing.has(person),
      heavyPart: of.heavy ?? 0,
      candidateErrorRate: of.errors ?? 0,
    });
  };
  return { id, kind, says, rps: 100, traffic, sticky: true };
}

function always(errorRate: number): () => Version {
  const version = { errorRate, latency: USUAL };
  return () => version;
}

function incident(seconds: number): World['stable'] {
  const [calm, failing] = [always(0.001)(), always(0.3)()];
  return (age) => (age >= 30 && age < 30 + seconds ? failing : calm);
}

function drifting(age: number): Version {
  return { errorRate: 0.001 + 0.019 * Math.min(1, Math.max(0, age / 300)), latency: USUAL };
}

function fading(tau: number): (age: number) => number {
  return (age) => 1 + 3 * Math.exp(-age / tau);
}
