import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { BUCKETS } from '../cohort.ts';
import { formatBucket } from './bucket.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { everybodyFile, type RouteLayout } from './route-layout.ts';

/** Workers may be of another user than the controller. */
const READABLE_DIRECTORY = 0o755;
const READABLE_FILE = 0o644;
/** A request that is under way may still ask the directory before the last one. */
const KEPT_MS = 10_000;
const EVERY_BUCKET = 'every-bucket';
const EVERY: readonly string[] = Array.from({ length: BUCKETS }, (_, bucket) => formatBucket(bucket));

/**
 * The routes of one service on disk: `route` leads to the directory in use. A new one is written beside it, synced, and
 * takes over by one rename: no request sees half of it, no process is told, and it is there after a power cut. Where one
 * slot has everybody a file beside `route` says so too, found sooner than what lies behind a link. It is taken away before a
 * change and made after it: without it the lists say the same, so that a crash between any two steps sends nobody elsewhere.
 */
export class RouteFiles {
  private readonly directory: string;
  private readonly nowMs: () => number;
  private left: { readonly name: string; readonly atMs: number }[];

  constructor(directory: string, nowMs: () => number) {
    this.directory = directory;
    this.nowMs = nowMs;
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, READABLE_DIRECTORY);
    this.left = this.directories().map((name) => ({ name, atMs: nowMs() }));
  }

  /** The name of the directory in use, or null for none. */
  get current(): string | null {
    try {
      return readlinkSync(join(this.directory, 'route'));
    } catch {
      return null;
    }
  }

  /** Error: TRAFFIC_STATE_UNWRITABLE; the former route is in use then. */
  write(layout: RouteLayout): void {
    const former = this.current;
    const highest = Math.max(0, ...this.directories().map((name) => Number(name.slice('route.'.length))));
    const name = `route.${highest + 1}`;
    try {
      this.fill(join(this.directory, name), layout);
      const link = join(this.directory, 'route.new');
      rmSync(link, { force: true });
      symlinkSync(name, link);
      this.forgetEverybody();
      renameSync(link, join(this.directory, 'route'));
      sync(this.directory);
    } catch (error) {
      rmSync(join(this.directory, name), { recursive: true, force: true });
      throw new OperatingError(
        'TRAFFIC_STATE_UNWRITABLE',
        `The route could not be written below ${this.directory} (${messageOf(error)}). nginx routes as before. Free the disk or mend the permissions, and repeat.`,
        { retryable: true, cause: error },
      );
    }
    if (layout.everybody !== null) this.tellEverybody(layout.everybody);
    if (former !== null) this.left.push({ name: former, atMs: this.nowMs() });
    this.sweep();
  }

  private forgetEverybody(): void {
    for (const slot of SLOT_NAMES) rmSync(join(this.directory, everybodyFile(slot)), { force: true });
  }

  /** It makes requests cheaper, and nothing else: where the disk has no room for it, the lists decide. */
  private tellEverybody(slot: SlotName): void {
    try {
      writeEmpty(join(this.directory, everybodyFile(slot)));
      sync(this.directory);
    } catch {
      this.forgetEverybody();
    }
  }

  private fill(directory: string, { files, hints, lists }: RouteLayout): void {
    makeReadable(directory);
    const one = join(directory, files[0]!);
    writeEmpty(one);
    // One file under all names: a thousand links are made in the time of a hundred files.
    for (const file of files.slice(1)) linkSync(one, join(directory, file));
    // Directories: nginx remembers one without opening it.
    for (const hint of hints) makeReadable(join(directory, hint));
    for (const [list, buckets] of Object.entries(lists)) {
      const inside = join(directory, `to.${list}`);
      if (buckets === 'all') symlinkSync(join('..', this.everyBucket()), inside);
      else makeList(inside, one, buckets);
    }
    sync(directory);
  }

  /** The name of a directory that lists them all, written once: most routes send everybody to one place. */
  private everyBucket(): string {
    const whole = join(this.directory, EVERY_BUCKET);
    if (existsSync(whole)) return EVERY_BUCKET;
    const unfinished = `${whole}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    const one = `${whole}.one`;
    writeEmpty(one);
    makeList(unfinished, one, EVERY);
    renameSync(unfinished, whole);
    rmSync(one);
    sync(this.directory);
    return EVERY_BUCKET;
  }

  private sweep(): void {
    const { current } = this;
    const due = this.left.filter(({ name, atMs }) => name !== current && this.nowMs() - atMs > KEPT_MS);
    this.left = this.left.filter((one) => !due.includes(one));
    for (const { name } of due) rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  private directories(): string[] {
    return readdirSync(this.directory).filter((name) => /^route\.\d{1,12}$/.test(name));
  }

  remove(): void {
    try {
      this.forgetEverybody();
      unlinkSync(join(this.directory, 'route'));
    } catch {
      // It never had one.
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function makeList(directory: string, one: string, buckets: readonly string[]): void {
  makeReadable(directory);
  for (const bucket of buckets) linkSync(one, join(directory, bucket));
  sync(directory);
}

function writeEmpty(file: string): void {
  writeFileSync(file, '');
  chmodSync(file, READABLE_FILE);
}

function makeReadable(directory: string): void {
  mkdirSync(directory);
  // Whatever the umask took away.
  chmodSync(directory, READABLE_DIRECTORY);
}

function sync(directory: string): void {
  const descriptor = openSync(directory, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
