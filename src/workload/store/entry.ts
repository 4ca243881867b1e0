import { OperatingError } from '../../lib/errors.ts';

/** What a tar entry asks for, once it is known to be harmless. */
export type SafeEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number }
  /** `target` is relative to the link's own directory. */
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  /** `target` is a file of the same archive, relative to the root. */
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'root' };

export type RawEntry = {
  readonly name: string;
  readonly type: string | null;
  readonly mode: number;
  readonly linkname: string | null;
};

type Kind = 'directory' | 'file' | 'symlink';

/**
 * Lets entries through that stay below the directory they are unpacked into, whatever the order. What makes that provable:
 * no entry lies below a link or a file, none comes twice, and a link climbs only at the beginning of its target, from a
 * place whose parents are all real directories. Error: ARTIFACT_UNSAFE.
 */
export class EntryGuard {
  readonly #seen = new Map<string, Kind>();

  check(raw: RawEntry): SafeEntry {
    const parts = partsOf(raw.name, raw.name);
    if (parts.length === 0) {
      if (raw.type === 'directory') return { kind: 'root' };
      throw unsafe(raw.name, 'has no name');
    }
    const path = parts.join('/');
    this.#claimParents(parts, raw.name);
    switch (raw.type) {
      case 'directory':
        this.#claim(path, 'directory', raw.name);
        // Readable by its owner whatever the archive says, writable by nobody else, no setuid, setgid or sticky bit.
        return { kind: 'directory', path, mode: (raw.mode & 0o755) | 0o700 };
      case 'file':
      case 'contiguous-file':
        this.#claim(path, 'file', raw.name);
        return { kind: 'file', path, mode: (raw.mode & 0o755) | 0o600 };
      case 'symlink':
        this.#claim(path, 'symlink', raw.name);
        return { kind: 'symlink', path, target: symlinkTarget(raw, parts.length - 1) };
      case 'link': {
        const target = partsOf(raw.linkname ?? '', raw.name).join('/');
        if (this.#seen.get(target) !== 'file')
          throw unsafe(raw.name, `is a link to ${target}, which is no file before it`);
        this.#claim(path, 'file', raw.name);
        return { kind: 'link', path, target };
      }
      default:
        throw unsafe(
          raw.name,
          `is a ${raw.type ?? 'thing of unknown kind'}; only files, directories and links are taken`,
        );
    }
  }

  #claimParents(parts: readonly string[], name: string): void {
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/');
      const kind = this.#seen.get(parent);
      if (kind === undefined) this.#seen.set(parent, 'directory');
      else if (kind !== 'directory') throw unsafe(name, `lies below the ${kind} ${parent}`);
    }
  }

  #claim(path: string, kind: Kind, name: string): void {
    const before = this.#seen.get(path);
    if (before !== undefined && !(before === 'directory' && kind === 'directory')) {
      throw unsafe(name, 'is there twice');
    }
    this.#seen.set(path, kind);
  }
}

function partsOf(path: string, name: string): string[] {
  if (path.startsWith('/')) throw unsafe(name, 'has an absolute path');
  if (path.includes('\0')) throw unsafe(name, 'has a NUL byte in its path');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(name, 'has ".." in its path');
  return parts;
}

function symlinkTarget(raw: RawEntry, depth: number): string {
  const target = raw.linkname ?? '';
  if (target === '' || target.includes('\0')) throw unsafe(raw.name, 'is a link to nothing');
  if (target.startsWith('/')) throw unsafe(raw.name, `is a link to ${target}, outside of the directory`);
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const leading = climbs === -1 ? parts.length : climbs;
  if (leading > depth) throw unsafe(raw.name, `is a link to ${target}, outside of the directory`);
  // `x/..` is not the directory of x where x is a link itself.
  if (parts.slice(leading).includes('..'))
    throw unsafe(raw.name, `is a link to ${target}; ".." may only come first`);
  return target;
}

function unsafe(name: string, why: string): OperatingError {
  return new OperatingError(
    'ARTIFACT_UNSAFE',
    `The artifact was refused: its entry ${JSON.stringify(name.slice(0, 200))} ${why}. Nothing of it was kept; ` +
      `leave the entry out and deploy again.`,
    { retryable: false },
  );
}
