import { isIP } from 'node:net';
import { z } from 'zod';

/** An address of the API besides its sockets. */
export type Listener = {
  /** An IP address; `0.0.0.0` and `::` stand for all of the machine. */
  readonly address: string;
  readonly port: number;
  /** Absolute paths of PEM files; null only on loopback. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  /** Names that it is called by, besides its address and those in its certificate. */
  readonly names: readonly string[];
};

/** Whether nobody but this machine gets there. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address);
}

const path = z.string().regex(/^\//, 'an absolute path');

/** An entry of `listeners` in the server file. */
export const listenerEntry = z
  .strictObject({
    address: z.string().refine((text) => isIP(text) !== 0, 'an IP address, such as 127.0.0.1 or 0.0.0.0'),
    port: z.int().min(1).max(65_535),
    tls: z.strictObject({ certificate: path, key: path }).nullable().default(null),
    names: z
      .array(
        z
          .string()
          .max(253)
          .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'a host name in lower case, without a port'),
      )
      .max(20)
      .default([]),
  })
  .refine(({ address, tls }) => tls !== null || isLoopback(address), {
    message:
      'an address that others can reach needs tls: {certificate: /…, key: /…}, because tokens would cross the network in the clear',
  });
