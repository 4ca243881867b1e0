import type { ProxyProgram } from '../proxy-command.ts';

export const HAPROXY: ProxyProgram = {
  name: 'HAProxy',
  // 2.4 has named defaults, http-error, and maps that are replaced at once.
  oldest: [2, 4],
  version: /HA-?Proxy version (\d+)\.(\d+)/i,
  complaint: /\[ALERT\]/,
  place: /\[(\/[^\]:]+):\d+\]/,
};
