// Bundles the command and the scripts into dist/. Dependencies stay in node_modules for now; agent and broker
// are chunks of their own, because the command loads them by dynamic import only.
import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values } = parseArgs({
  options: { quiet: { type: 'boolean', default: false }, out: { type: 'string', default: 'dist' } },
})

await rm(values.out, { recursive: true, force: true })
await build({
  entryPoints: {
    longshore: 'src/cli/main.ts',
    demo: 'scripts/demo.ts',
    prove: 'scripts/prove.ts',
    'generate-docs': 'scripts/generate-docs.ts',
    'bench/killed-to-running': 'bench/killed-to-running.ts',
    'bench/updates': 'bench/updates.ts',
    'test/crashing-agent': 'test/support/crashing-agent.ts',
  },
  outdir: values.out,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
})
if (!values.quiet) process.stdout.write(`built ${values.out}/longshore.mjs\n`)
