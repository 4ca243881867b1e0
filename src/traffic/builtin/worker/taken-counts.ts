import { type ServiceCounts, isNews } from '../messages.ts';
import { listenerOf } from './fronts.ts';
import type { Malformed } from './malformed.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { ServiceLive } from './service-live.ts';
import type { ReplicaTally } from '../../tally.ts';

/** All that a worker has counted since the last call. */
export function takeCounts(services: Iterable<ServiceLive>, refused: Malformed): ServiceCounts[] {
  const all: ServiceCounts[] = [];
  const malformed = refused.take();
  for (const service of services) {
    const counts: ServiceCounts = {
      service: service.door.service,
      replicas: taken(service, (replica) => replica.tally),
      previews: taken(service, ({ apart }) => apart.previews),
      overrides: taken(service, ({ apart }) => apart.overrides),
      mirrored: taken(service, ({ apart }) => apart.mirrored),
      copied: taken(service, ({ apart }) => apart.copied),
      mirrorDropped: service.mirrors.takeDropped(),
      holdRefused: service.room.takeRefused(),
      malformed: malformed.get(listenerOf(service.door)) ?? 0,
      rollout: service.identities?.rollout ?? null,
      identities: service.identities?.take() ?? [],
      ...service.failed.take(),
      ...service.takeQueueRefused(),
    };
    if (isNews(counts)) all.push(counts);
  }
  return all;
}

function taken(
  service: ServiceLive,
  tallyOf: (replica: ReplicaLink) => ReplicaTally | null,
): ServiceCounts['replicas'] {
  return service.replicas.flatMap((replica) => {
    const counted = tallyOf(replica)?.take() ?? null;
    return counted === null ? [] : [{ slot: replica.slot, replica: replica.index, ...counted }];
  });
}
