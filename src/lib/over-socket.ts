import type { ClientSessionOptions } from 'node:http2';
import { connect } from 'node:net';
import { type Address, socketOf } from './address.ts';

/** What makes a session of HTTP/2 go over the unix socket that an address is; nothing for others. */
export function overSocket(address: Address): Pick<ClientSessionOptions, 'createConnection'> {
  const path = socketOf(address);
  return path === null ? {} : { createConnection: () => connect({ path }) };
}
