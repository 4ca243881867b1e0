import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
const BUILT = join(ROOT, 'built');

/** Every file also packed, so that the server packs nothing. */
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    writeBundle: () => {
      for (const entry of readdirSync(BUILT, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || ['.br', '.gz'].includes(extname(entry.name))) continue;
        const file = join(entry.parentPath, entry.name);
        const plain = readFileSync(file);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        writeFileSync(`${file}.br`, brotliCompressSync(plain, quality));
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}

/** What the compiler has to say, about accessibility above all, fails the build. */
const complaints: string[] = [];

function complaining(): Plugin {
  return {
    name: 'complaining',
    apply: 'build',
    buildEnd: () => {
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    },
  };
}

export default defineConfig({
  root: ROOT,
  base: '/',
  logLevel: 'warn',
  plugins: [
    svelte({
      configFile: false,
      onwarn: ({ filename = '', start, code, message }) => {
        complaints.push(`${filename}:${start?.line ?? 0} ${code}: ${message}`);
      },
    }),
    complaining(),
    packed(),
  ],
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: 'es2022',
    // From when on browsers know light-dark(), since the spring of 2024: it is not to be written in another way.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined files would need a weaker policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
