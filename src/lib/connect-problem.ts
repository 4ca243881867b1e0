/** Why no connection could be made, in words; null for what has none. */
export function connectProblem(error: NodeJS.ErrnoException): string | null {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
      return 'connection reset';
    case 'ENOENT':
      return 'there is no such socket';
    case 'EACCES':
      return "this user may not write to the socket, or not walk to it (see its mode, and its directory's)";
    default:
      return null;
  }
}
