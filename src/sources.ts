import { cloudwatchSource } from './metrics/cloudwatch/source.ts';
import { commandSource } from './metrics/command/source.ts';
import { datadogSource } from './metrics/datadog/source.ts';
import { graphiteSource } from './metrics/graphite/source.ts';
import { influxdbSource } from './metrics/influxdb/source.ts';
import { jsonSource } from './metrics/json/source.ts';
import type { Reveal } from './metrics/credentials.ts';
import { maskedSource } from './metrics/masked.ts';
import { newrelicSource } from './metrics/newrelic/source.ts';
import { prometheusSource } from './metrics/prometheus/source.ts';
import { pushedSource } from './metrics/pushed/source.ts';
import type { MetricSource, SourceSet } from './metrics/source.ts';
import type { SourceConnection } from './release/source-connection.ts';
import { serverSecrets } from './server-secrets.ts';
import type { CommandRunner } from './workload/command-runner.ts';
import type { SecretOptions } from './workload/secrets.ts';

export type SourceOptions = {
  readonly connections: readonly SourceConnection[];
  readonly secrets: Omit<SecretOptions, 'allowedEnv'>;
  readonly commands: CommandRunner;
  /** The wall clock. */
  readonly nowMs: () => number;
};

/** Every source that measures may ask: the connections of the server's file, each behind its mask, and those that need none. */
export function openSources({ connections, secrets, commands, nowMs }: SourceOptions): SourceSet {
  const reveal = serverSecrets(connections, secrets);
  const byName = new Map(
    connections.map((connection) => [
      connection.name,
      {
        kind: connection.kind,
        source: maskedSource((shown) => open(connection, { reveal: shown, nowMs }), reveal),
      },
    ]),
  );
  const pushed = pushedSource(nowMs);
  const command = commandSource(commands);
  const json = jsonSource(null, reveal);
  return {
    pushed,
    of({ source, from }) {
      if (source === 'pushed') return pushed;
      if (source === 'command') return command;
      if (from === null) return json;
      const found = byName.get(from);
      if (found === undefined) return `the file of the server has no source called ${from}`;
      return found.kind === source
        ? found.source
        : `${from} is a source of kind ${found.kind}, and not ${source}`;
    },
  };
}

function open(
  connection: SourceConnection,
  { reveal, nowMs }: { readonly reveal: Reveal; readonly nowMs: () => number },
): MetricSource {
  switch (connection.kind) {
    case 'prometheus':
      return prometheusSource(connection, reveal);
    case 'graphite':
      return graphiteSource(connection, reveal);
    case 'json':
      return jsonSource(connection, reveal);
    case 'datadog':
      return datadogSource(connection, reveal);
    case 'cloudwatch':
      return cloudwatchSource(connection, reveal, nowMs);
    case 'newrelic':
      return newrelicSource(connection, reveal);
    case 'influxdb':
      return influxdbSource(connection, reveal);
  }
}
