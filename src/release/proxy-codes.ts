import type { CodeEntry } from './code-entry.ts';

/** What can go wrong with the built-in proxy as a process. Spread into the one table in codes.ts. */
export const PROXY_CODES = {
  TRAFFIC_PROXY_FAULT: {
    title: 'A fault in the built-in proxy',
    cause: 'A bug: the proxy met a state that it should never be in. Traffic goes on.',
    fix: "Report it with the end of proxy.log from the proxy's state directory.",
  },
  TRAFFIC_PROXY_KEPT: {
    title: 'The built-in proxy was not replaced',
    cause:
      'The new one did not start or could not read what was handed over, or the running one is too old to give way. Nothing changed for anybody.',
    fix: 'proxy.log in the state directory says why. It is tried again at the next start of the server; "kill PID" of the proxy at a quiet moment works always.',
  },
  TRAFFIC_PROXY_RUNNING: {
    title: 'Another proxy runs on the same state directory',
    cause: 'Two proxies were started for one state directory; the first one keeps serving.',
    fix: 'Use the one that runs, or stop it first.',
  },
  TRAFFIC_PROXY_VERSION: {
    title: 'The running proxy speaks another version of the control protocol',
    cause: 'Bascule was updated while its proxy kept running.',
    fix: 'The server replaces it by itself; where that failed, stop the proxy at a quiet moment: the server then starts its own.',
  },
} as const satisfies Record<string, CodeEntry>;
