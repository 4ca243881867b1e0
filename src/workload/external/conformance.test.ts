import { systemClock } from '../../lib/clock.ts';
import { SPEC } from '../../rollout/fixtures.ts';
import { workloadConformance } from '../conformance.ts';
import { externalRuntime } from './external-runtime.ts';

const NOTHING_RUNS =
  'nothing is started: what stands at an address is somebody else’s, so it has no such program';

workloadConformance('what somebody else runs', {
  open: async () => externalRuntime(systemClock),
  leave: async () => undefined,
  release: async (service, label) => ({
    id: `${service}/${label}`,
    service,
    label,
    artifactDigest: null,
    configDigest: 'c'.repeat(64),
    environmentDigest: 'e'.repeat(64),
    spec: { ...SPEC.release, run: null },
    createdAtMs: 0,
    createdBy: 'ana',
  }),
  cleanUp: async () => undefined,
  skips: Object.fromEntries(
    [
      'each replica serves on its own address and knows who it is',
      'another release in the same slot replaces the former',
      'the two slots of a service do not touch each other',
      'stopping leaves nothing, and twice is once',
      'what does not stop when asked is killed after its grace',
      'a crash is counted and the replica comes back',
      'what crashes again and again is not started again once stopped',
      'the next controller adopts what runs',
      'what died while there was no controller is started by the next ensure',
      'a port that another program holds is refused by name',
      'output is kept, with who wrote it, also after the stop',
      'output is followed until the signal',
      'a diagnosis tells where the program listens instead',
      'a diagnosis tells exits and last words',
      'a diagnosis tells that nothing listens yet, or that all is well',
    ].map((fact) => [fact, NOTHING_RUNS]),
  ),
});
