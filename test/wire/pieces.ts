import type { Socket } from 'node:net';

/** Long enough for what was written to be read apart from what comes next; mostly. */
const BETWEEN_MS = 1;

/** Writes so that the other side reads it in pieces that end at these places; calls back when all is written. */
export function writeInPieces(
  socket: Socket,
  bytes: string,
  cuts: readonly number[],
  done: () => void = () => {},
): void {
  const [cut, ...later] = cuts;
  if (cut === undefined || socket.destroyed) {
    socket.write(bytes, 'latin1', done);
    return;
  }
  if (cut > 0) socket.write(bytes.slice(0, cut), 'latin1');
  const rest = later.map((each) => each - cut);
  setTimeout(() => writeInPieces(socket, bytes.slice(cut), rest, done), BETWEEN_MS);
}
