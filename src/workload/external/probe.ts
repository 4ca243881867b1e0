import { request } from 'node:http';
import { authorityOf, requestTo } from '../../lib/address.ts';
import { connectProblem } from '../../lib/connect-problem.ts';
import { messageOf } from '../../lib/errors.ts';
import { withPrefix, type Upstream } from '../../lib/upstream.ts';
import type { HealthSpec } from '../../release/service.ts';

/** One GET as the proxy's own probes send it: null for 2xx within the time, else what was found. Never throws. */
export function probe(at: Upstream, { path, timeoutMs }: HealthSpec): Promise<string | null> {
  return new Promise((resolve) => {
    const headers = { host: authorityOf(at), 'user-agent': 'bascule-probe', connection: 'close' };
    const target = withPrefix(at.pathPrefix, path);
    const asking = request({ ...requestTo(at), path: target, method: 'GET', agent: false, headers });
    const done = (found: string | null): void => {
      clearTimeout(deadline);
      asking.destroy();
      resolve(found);
    };
    const deadline = setTimeout(() => done(`no answer within ${timeoutMs}ms`), timeoutMs);
    asking.on('response', ({ statusCode = 0 }) =>
      done(statusCode >= 200 && statusCode < 300 ? null : `it answers ${statusCode}`),
    );
    asking.on('error', (error: NodeJS.ErrnoException) => done(connectProblem(error) ?? messageOf(error)));
    asking.end();
  });
}
