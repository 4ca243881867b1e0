import { frame } from '../../test/e2e/load/websockets.ts';

const TEXT = 0x81;
const PAYLOAD = Buffer.alloc(64, 'x');

/** The one WebSocket message of the benchmark, of 64 bytes, as a client sends it, and as the application says it again. */
export const FROM_CLIENT = frame(TEXT, PAYLOAD, true);
export const ECHO = frame(TEXT, PAYLOAD, false);
