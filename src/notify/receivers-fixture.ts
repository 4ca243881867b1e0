import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';

/** Real receivers on loopback, for tests. */

export type Received = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into what came freely
  readonly body: any;
};

export type HttpReceiver = {
  readonly url: string;
  readonly got: Received[];
  close(): void;
};

type Answer = (response: ServerResponse, got: Received, count: number) => void;

export async function httpReceiver(answer: Answer = (response) => response.end('ok')): Promise<HttpReceiver> {
  const got: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const body: unknown = text.startsWith('{') ? JSON.parse(text) : null;
      const one = { path: request.url ?? '', headers: request.headers, text, body };
      got.push(one);
      answer(response, one, got.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export type Letter = { readonly from: string; readonly to: readonly string[]; readonly text: string };
export type MailReceiver = { readonly port: number; readonly got: Letter[]; close(): void };

/** As much of RFC 5321 as a client needs to hand over a letter. `refuse`: the answer to every letter. */
export async function mailReceiver(refuse: string | null = null): Promise<MailReceiver> {
  const got: Letter[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let [from, to, data, waiting] = ['', [] as string[], null as string | null, ''];
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    say('220 here');
    const take = (line: string): void => {
      if (data !== null) {
        if (line !== '.') data += `${line.replace(/^\.\./u, '.')}\n`;
        else {
          if (refuse === null) got.push({ from, to, text: data });
          say(refuse ?? '250 taken');
          [data, to] = [null, []];
        }
        return;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'MAIL') from = line;
      if (verb === 'RCPT') to = [...to, line];
      if (verb === 'DATA') data = '';
      say(verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 yes');
    };
    socket.setEncoding('utf8').on('data', (part: string) => {
      const lines = (waiting + part).split('\r\n');
      waiting = lines.pop()!;
      for (const line of lines) take(line);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    got,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
