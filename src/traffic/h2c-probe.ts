import { EventEmitter } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { Readable } from 'node:stream';
import { authorityOf } from '../lib/address.ts';
import { overSocket } from '../lib/over-socket.ts';
import { withPrefix } from '../lib/upstream.ts';
import type { SlotName } from '../release/slot.ts';
import type { ProbeRequest } from './prober.ts';
import { exactHost } from './exact-host.ts';
import type { Door } from './router.ts';

/** The health checking protocol of gRPC (grpc.health.v1): asked in its own way where the health path is this. */
export const GRPC_HEALTH = '/grpc.health.v1.Health/Check';
/** A HealthCheckRequest of no service, which means the whole server: not compressed, no bytes. */
const WHOLE_SERVER = Buffer.alloc(5);
/** HealthCheckResponse with `status: SERVING`, as protobuf writes it. */
const SERVING = Buffer.from([0x08, 0x01]);
const MAX_ANSWER_BYTES = 65_536;

/** A probe of a replica that speaks HTTP/2 in the clear, on a connection of its own. */
export function probeOverH2c(door: Door, slot: SlotName, replica: number): ProbeRequest {
  const upstream = door.slots[slot][replica]!;
  const { path } = door.health[slot];
  const authority = authorityOf(upstream);
  return new H2cProbe(connect(`http://${authority}`, overSocket(upstream)), {
    ':path': withPrefix(upstream.pathPrefix, path),
    ':authority': exactHost(door.spec.host) ?? authority,
    'user-agent': 'bascule-probe',
  });
}

class H2cProbe extends EventEmitter implements ProbeRequest {
  readonly #session: ClientHttp2Session;
  readonly #headers: Record<string, string>;

  constructor(session: ClientHttp2Session, headers: Record<string, string>) {
    super();
    this.#session = session;
    this.#headers = headers;
    session.on('error', (error) => this.emit('error', error));
  }

  end(): void {
    if (this.#headers[':path']!.endsWith(GRPC_HEALTH)) this.#askGrpc();
    else this.#askHttp();
  }

  destroy(): void {
    this.removeAllListeners().on('error', () => {});
    this.#session.destroy();
  }

  #askHttp(): void {
    const stream = this.#session.request(this.#headers, { endStream: true });
    stream.on('error', (error) => this.emit('error', error));
    stream.on('response', (headers) => {
      this.emit('response', Object.assign(stream, { statusCode: headers[':status'], headers }));
    });
  }

  #askGrpc(): void {
    const stream = this.#session.request({
      ...this.#headers,
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let said: string | null = null;
    const hear = (headers: Readonly<Record<string, unknown>>): void => {
      if (typeof headers['grpc-status'] === 'string') said = headers['grpc-status'];
    };
    stream.on('response', hear);
    stream.on('trailers', hear);
    stream.on('error', (error) => this.emit('error', error));
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) stream.destroy(new Error('a health answer over 64 KiB'));
      else chunks.push(chunk);
    });
    stream.on('end', () => this.#tell(stream, Buffer.concat(chunks), said));
    stream.end(WHOLE_SERVER);
  }

  #tell(stream: ClientHttp2Stream, answer: Buffer, grpcStatus: string | null): void {
    if (stream.rstCode !== 0) return;
    const isServing = grpcStatus === '0' && answer.subarray(5).equals(SERVING);
    const found =
      grpcStatus === '0' ? 'the server does not say SERVING' : `grpc-status ${grpcStatus ?? 'missing'}`;
    const response = Readable.from([Buffer.from(isServing ? 'SERVING' : found)]);
    this.emit('response', Object.assign(response, { statusCode: isServing ? 200 : 503, headers: {} }));
  }
}
