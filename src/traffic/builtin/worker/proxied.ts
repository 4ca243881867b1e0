import { type Server, type Socket, createServer, isIPv6 } from 'node:net';
import { networksOf } from './networks.ts';
import { readProxyHeader } from './proxy-header.ts';
import { plainAddress } from './visitor.ts';

/** A header that does not come in this time ends its connection. */
const HEADER_TIMEOUT_MS = 10_000;

export type ProxiedOptions = {
  /** CIDR blocks of those whose connections begin with a header; nobody else's is read. */
  readonly networks: readonly string[];
  readonly maxConnections: number;
  readonly allowHalfOpen: boolean;
  readonly onMalformed: () => void;
  /** `address`: of the client behind the connection, or null where that is the connection's own. */
  readonly take: (socket: Socket, address: string | null) => void;
};

/** Listens for connections that begin with a header of the PROXY protocol. */
export function proxiedServer({ networks, ...options }: ProxiedOptions): Server {
  const proxies = networksOf(networks);
  const { allowHalfOpen } = options;
  const server = createServer({ allowHalfOpen, noDelay: true }, (socket) => {
    const peer = plainAddress(socket.remoteAddress);
    if (peer !== 'unknown' && proxies.check(peer, isIPv6(peer) ? 'ipv6' : 'ipv4'))
      readHeader(socket, options);
    else options.take(socket, null);
  });
  server.maxConnections = options.maxConnections;
  return server;
}

function readHeader(socket: Socket, { onMalformed, take }: Omit<ProxiedOptions, 'networks'>): void {
  let bytes = Buffer.alloc(0);
  const broken = (): void => void socket.destroy();
  const timer = setTimeout(broken, HEADER_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', broken).on('end', broken);
  const hear = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header === 'more') return;
    if (header === 'malformed') {
      onMalformed();
      broken();
      return;
    }
    clearTimeout(timer);
    socket.off('data', hear).off('error', broken).off('end', broken).pause();
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    take(socket, header.address);
  };
  socket.on('data', hear);
}

/** From here on the connection is the client's. */
export function standFor(socket: Socket, address: string): void {
  Object.defineProperty(socket, 'remoteAddress', { value: address, configurable: true });
}
