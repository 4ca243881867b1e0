import { isIP, isIPv4, isIPv6 } from 'node:net';

/** What a connection says of itself before anything else. */
export type ProxyHeader = {
  /** Of the client, or null where the proxy speaks for itself. */
  readonly address: string | null;
  /** Bytes that the header took. */
  readonly length: number;
};

/** The longest line of version 1, CRLF included. */
const MAX_LINE = 107;
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
/** Addresses and what else is said of the connection; those who say more say it to nobody here. */
const MAX_SAID_BYTES = 4096;
const LINE = /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/;

/** The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt). `more`: there is only a part of it. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' | 'malformed' {
  if (startsAlike(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? 'more' : readBinary(bytes);
  return startsAlike(bytes, Buffer.from('PROXY ')) ? readLine(bytes) : 'malformed';
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader | 'more' | 'malformed' {
  const end = bytes.subarray(0, MAX_LINE).indexOf('\r\n');
  if (end === -1) return bytes.length < MAX_LINE ? 'more' : 'malformed';
  const line = bytes.toString('latin1', 0, end);
  const length = end + 2;
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { address: null, length };
  const [, family, source, destination, ...ports] = LINE.exec(line) ?? [];
  if (source === undefined || destination === undefined) return 'malformed';
  const isOne = family === 'TCP4' ? isIPv4 : isIPv6;
  const arePorts = ports.every((port) => Number(port) <= 65_535);
  return isOne(source) && isOne(destination) && arePorts ? { address: source, length } : 'malformed';
}

function readBinary(bytes: Buffer): ProxyHeader | 'more' | 'malformed' {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const said = bytes.readUInt16BE(14);
  const length = FIXED_BYTES + said;
  if (version !== 2 || command > 1 || said > MAX_SAID_BYTES) return 'malformed';
  if (bytes.length < length) return 'more';
  if (command === 0) return { address: null, length };
  switch (bytes[13]) {
    case 0x11:
      return said < 12 ? 'malformed' : { address: bytes.subarray(16, 20).join('.'), length };
    case 0x21:
      return said < 36 ? 'malformed' : { address: ipv6(bytes.subarray(16, 32)), length };
    default:
      // Of another kind, or of none: what is behind is not ours to name.
      return { address: null, length };
  }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  const address = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
  return isIP(address) === 6 ? address : groups.join(':');
}
