import { type Socket, connect } from 'node:net';
import { OperatingError } from '../../lib/errors.ts';
import {
  CONTROL_VERSION,
  type ControlCall,
  type ControlResponse,
  type Hello,
  LineSplitter,
  writeTogether,
} from './control-protocol.ts';

/** The connection broke before an answer came: the call may or may not have been done. All calls can be repeated. */
export class ControlLost extends Error {
  override readonly name = 'ControlLost';
}

/** One connection to a running proxy. */
export class ControlClient {
  readonly hello: Hello;
  private readonly socket: Socket;
  private readonly waiting: Map<number, Waiting>;
  private ids = 1;

  private constructor(socket: Socket, waiting: Map<number, Waiting>, hello: Hello) {
    this.socket = socket;
    this.waiting = waiting;
    this.hello = hello;
  }

  /** Errors: ControlLost when nothing answers, TRAFFIC_PROXY_VERSION. */
  static async open(path: string, timeoutMs: number): Promise<ControlClient> {
    const client = await ControlClient.openAny(path, timeoutMs);
    const { hello } = client;
    if (hello.version === CONTROL_VERSION) return client;
    client.close();
    throw new OperatingError(
      'TRAFFIC_PROXY_VERSION',
      `The running proxy (pid ${hello.pid}) speaks control protocol ${hello.version}, this controller ${CONTROL_VERSION}; traffic goes on as it was. Stop that proxy at a quiet moment (kill ${hello.pid}); this controller then starts its own.`,
      { retryable: false },
    );
  }

  /** Of whatever version; to be asked to give way, and for nothing else. Error: ControlLost. */
  static async openAny(path: string, timeoutMs: number): Promise<ControlClient> {
    const waiting = new Map<number, Waiting>();
    const socket = connect(path);
    const lines = new LineSplitter();
    socket.on('data', (chunk: Buffer) => {
      const whole = lines.split(chunk);
      if (whole === null) socket.destroy();
      for (const line of whole ?? []) settle(waiting, JSON.parse(line) as ControlResponse);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const each of waiting.values()) each.reject(new ControlLost('the connection to the proxy broke'));
      waiting.clear();
    });
    const hello = (await exchange(socket, waiting, {
      id: 1,
      call: { op: 'hello', version: CONTROL_VERSION },
      timeoutMs,
    }).catch((error: unknown) => {
      socket.destroy();
      throw error;
    })) as Hello;
    return new ControlClient(socket, waiting, hello);
  }

  /** Errors: ControlLost, or what the proxy answered. */
  call(call: ControlCall, timeoutMs: number): Promise<unknown> {
    this.ids += 1;
    return exchange(this.socket, this.waiting, { id: this.ids, call, timeoutMs });
  }

  onClose(listener: () => void): void {
    if (this.socket.destroyed) listener();
    else this.socket.once('close', listener);
  }

  /** Keeps the process alive only while a call is under way. */
  unref(): void {
    this.socket.unref();
  }

  close(): void {
    this.socket.destroy();
  }
}

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };
type Outgoing = { readonly id: number; readonly call: ControlCall; readonly timeoutMs: number };

function exchange(socket: Socket, waiting: Map<number, Waiting>, outgoing: Outgoing): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) {
      reject(new ControlLost('the connection to the proxy broke'));
      return;
    }
    const timer = setTimeout(() => {
      waiting.delete(outgoing.id);
      reject(new ControlLost(`the proxy did not answer within ${outgoing.timeoutMs}ms`));
    }, outgoing.timeoutMs);
    const done = (settled: () => void): void => {
      clearTimeout(timer);
      settled();
    };
    waiting.set(outgoing.id, {
      resolve: (value) => done(() => resolve(value)),
      reject: (error) => done(() => reject(error)),
    });
    writeTogether(socket, `${JSON.stringify({ id: outgoing.id, call: outgoing.call })}\n`);
  });
}

function settle(waiting: Map<number, Waiting>, response: ControlResponse): void {
  const each = waiting.get(response.id);
  waiting.delete(response.id);
  if (response.ok) each?.resolve(response.value);
  else
    each?.reject(
      new OperatingError(response.error.code, response.error.message, {
        retryable: response.error.retryable,
      }),
    );
}
