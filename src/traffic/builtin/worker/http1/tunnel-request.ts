import type { RequestScan } from '../request-head.ts';

/** HTTP/2 over cleartext is not spoken here: such a request is served as HTTP/1.1, which its sender must expect. */
export function opensTunnel(scan: RequestScan, httpVersion: string): boolean {
  const { upgrade, chunked, contentLength } = scan;
  if (upgrade === null || httpVersion !== '1.1') return false;
  return upgrade.toLowerCase() !== 'h2c' && !chunked && contentLength === null;
}
