import { openBuiltin } from '../../src/traffic/builtin/conformance.ts';
import type { Door } from '../../src/traffic/router.ts';
import { waitFor } from '../e2e/wait-for.ts';
import { type Application, SERVICES, type ServiceName } from './application.ts';
import type { Ports } from './peers.ts';

const HEALTH = { path: '/healthz', intervalMs: 2000, timeoutMs: 1000, rise: 1, fall: 10 };

/** The same doors as `peers.ts` has them, behind the built-in proxy. */
export async function startOwn(ports: Ports, application: Application): Promise<() => Promise<void>> {
  const { router, close } = await openBuiltin(1);
  for (const service of SERVICES) {
    await router.install(doorOf(service, ports, application.ports[service]));
    await router.apply({
      service,
      revision: 1,
      serve: 'blue',
      split: null,
      replicas: { blue: 1, green: 0 },
      standIn: true,
    });
    await waitFor(
      `${service} to be healthy`,
      async () => (await router.observe(service)).slots.blue.replicas[0]?.healthy === true,
    );
  }
  // The shop is also what this name means at the other listener.
  await router.install({
    ...doorOf('shop', ports, application.ports.shop),
    service: 'shop-too',
    spec: { ...doorOf('shop', ports, 0).spec, listen: { address: '127.0.0.1', port: ports.any } },
  });
  await router.apply({
    service: 'shop-too',
    revision: 1,
    serve: 'blue',
    split: null,
    replicas: { blue: 1, green: 0 },
    standIn: true,
  });
  await waitFor(
    'the other shop to be healthy',
    async () => (await router.observe('shop-too')).slots.blue.replicas[0]?.healthy === true,
  );
  return close;
}

function doorOf(service: ServiceName, ports: Ports, to: number): Door {
  const place = {
    shop: [ports.shop, 'shop.test', '/'],
    app: [ports.shop, 'shop.test', '/app'],
    admin: [ports.shop, 'shop.test', '/app/admin'],
    any: [ports.any, null, '/'],
    limited: [ports.limited, null, '/'],
    trusted: [ports.trusted, null, '/'],
  } as const;
  const [port, host, path] = place[service];
  return {
    service,
    spec: {
      listen: { address: '127.0.0.1', port },
      host,
      path,
      proxy: { kind: 'builtin' },
      drainMs: 2000,
      streamGraceMs: 1000,
      trustForwarded: service === 'trusted',
      maxBodyBytes: service === 'limited' ? 1000 : null,
    },
    health: { blue: HEALTH, green: HEALTH },
    sticky: { by: 'cookie' },
    salt: '00112233445566778899aabbccddeeff',
    slots: { blue: [{ host: '127.0.0.1', port: to, pathPrefix: '' }], green: [] },
    preview: null,
  };
}
