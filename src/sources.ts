import type { Reveal } from './metrics/credentials.ts';
import { maskedSource } from './metrics/masked.ts';
import { prometheusSource } from './metrics/prometheus/source.ts';
import type { MetricSource, SourceSet } from './metrics/source.ts';
import type { SourceConnection } from './release/source-connection.ts';

/** Every source that measures may ask: the connections of the server's file, each behind its mask, and those that need none. */
export function openSources(connections: readonly SourceConnection[], reveal: Reveal): SourceSet {
  const byName = new Map(
    connections.map((connection) => [
      connection.name,
      { kind: connection.kind, source: maskedSource((shown) => open(connection, shown), reveal) },
    ]),
  );
  return {
    of({ source, from }) {
      const found = from === null ? undefined : byName.get(from);
      if (found === undefined) return `the server's file has no source called ${from ?? source}`;
      return found.kind === source
        ? found.source
        : `${from} is a source of kind ${found.kind}, and not ${source}`;
    },
  };
}

function open(connection: SourceConnection, reveal: Reveal): MetricSource {
  switch (connection.kind) {
    case 'prometheus':
      return prometheusSource(connection, reveal);
    default:
      throw new Error(connection.kind);
  }
}
