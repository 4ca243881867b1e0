/** Status of HTTP that says the same as each status of gRPC, by its number (google.rpc.Code). */
const HTTP_STATUS = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
/** A call that ends without a status of its own has ended as UNKNOWN. */
const UNKNOWN = 500;

export function isGrpc(contentType: string): boolean {
  return /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

/** How a call counts: gRPC answers 200 whatever comes of it, and says what did in `grpc-status`. `fields` flat. */
export function httpStatusOfGrpc(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() === 'grpc-status') return HTTP_STATUS[Number(fields[i + 1])] ?? UNKNOWN;
  }
  return UNKNOWN;
}
