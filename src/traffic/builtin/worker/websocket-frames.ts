/** Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2), to know where one ends. */
export class FrameTracker {
  private header: number[] = [];
  private payloadLeft = 0;

  /** Whether a frame of our own may be put in here. */
  get atBoundary(): boolean {
    return this.header.length === 0 && this.payloadLeft === 0;
  }

  /** Takes in bytes; with `stopAtBoundary` only up to the end of the frame under way. Returns how many it took. */
  follow(data: Buffer, stopAtBoundary = false): number {
    let at = 0;
    while (at < data.length) {
      if (stopAtBoundary && this.atBoundary) return at;
      if (this.payloadLeft > 0) {
        const take = Math.min(this.payloadLeft, data.length - at);
        this.payloadLeft -= take;
        at += take;
      } else {
        this.header.push(data[at]!);
        at += 1;
        this.finishHeader();
      }
    }
    return at;
  }

  private finishHeader(): void {
    const { header } = this;
    if (header.length < 2) return;
    const short = header[1]! & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskBytes = (header[1]! & 0x80) === 0 ? 0 : 4;
    if (header.length < 2 + lengthBytes + maskBytes) return;
    let length = lengthBytes === 0 ? short : 0;
    for (let i = 0; i < lengthBytes; i += 1) length = length * 256 + header[2 + i]!;
    this.payloadLeft = length;
    this.header = [];
  }
}

/** "Going away" (1001) from a server, and from a client (masked with zeros, which changes nothing). */
export const GOING_AWAY_FROM_SERVER = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
export const GOING_AWAY_FROM_CLIENT = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);
