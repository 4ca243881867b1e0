import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `program` is what to run with node, `packed` the paths in the package. */
export type Installed = { readonly program: string; readonly packed: readonly string[] };

/** Builds, packs and unpacks the package the way npm does, with the dependencies that are here: nothing is fetched. */
export async function install(into: string): Promise<Installed> {
  const source = join(into, 'source');
  const modules = join(into, 'installed', 'node_modules');
  await mkdir(join(modules, 'bascule'), { recursive: true });
  const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  for (const name of ['package.json', ...files.filter((each) => each !== 'dist')]) {
    await cp(join(ROOT, name), join(source, name), { recursive: true });
  }
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(ROOT, 'tsconfig.build.json');
  await run(process.execPath, [compiler, '-p', project, '--outDir', join(source, 'dist')]);
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--offline'], { cwd: source });
  const [tarball] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  await run('tar', ['-xzf', join(source, tarball.filename), '-C', join(modules, 'bascule'), '--strip=1']);
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return {
    program: join(modules, 'bascule', 'dist', 'main.js'),
    packed: tarball.files.map(({ path }) => path),
  };
}
