import { statSync } from 'node:fs';

/** Remembers which file a path leads to; the answer tells whether it still leads there, or was deleted or replaced. */
export function sameFile(path: string): () => boolean {
  const identity = (): string | null => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? null : `${found.dev}:${found.ino}`;
  };
  const first = identity();
  return () => identity() === first;
}
