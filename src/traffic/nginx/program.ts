import type { ProxyProgram } from '../proxy-command.ts';

export const NGINX: ProxyProgram = {
  name: 'nginx',
  oldest: [1, 18],
  version: /nginx\/(\d+)\.(\d+)/,
  complaint: /\[(emerg|alert|crit|error)\]/,
  place: / in (\/\S+):\d+/,
};
