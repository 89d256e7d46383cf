// Bundles the command and the scripts into dist/. Dependencies stay in node_modules for now; agent and broker
// are chunks of their own, because the command loads them by dynamic import only.
import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values } = parseArgs({
  options: { quiet: { type: 'boolean', default: false }, out: { type: 'string', default: 'dist' } },
})

/** What a clock that is set cannot be behind of; the day, so that two builds of a day are the same. */
const dayMs = 86_400_000
const { SOURCE_DATE_EPOCH: epoch } = process.env
const builtAt = String(epoch === undefined ? Math.floor(Date.now() / dayMs) * dayMs : Number(epoch) * 1000)

await rm(values.out, { recursive: true, force: true })
await build({
  entryPoints: {
    longshore: 'src/cli/main.ts',
    demo: 'scripts/demo.ts',
    prove: 'scripts/prove.ts',
    'generate-docs': 'scripts/generate-docs.ts',
    'bench/killed-to-running': 'bench/killed-to-running.ts',
    'bench/broker': 'bench/broker.ts',
    'bench/devices': 'bench/devices.ts',
    'bench/exporter': 'bench/exporter.ts',
    'bench/flash': 'bench/flash.ts',
    'bench/link': 'bench/link.ts',
    'bench/logs': 'bench/logs.ts',
    'bench/outbox': 'bench/outbox.ts',
    'bench/telemetry': 'bench/telemetry.ts',
    'bench/updates': 'bench/updates.ts',
    'test/crashing-agent': 'test/support/crashing-agent.ts',
    'test/flooded-agent': 'test/support/flooded-agent.ts',
    'test/offline-agent': 'test/support/offline-agent.ts',
    'test/log-readers': 'test/support/log-readers.ts',
    'test/killed-outbox': 'test/support/killed-outbox.ts',
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
  define: { 'process.env.LONGSHORE_BUILT_AT': JSON.stringify(builtAt) },
  sourcemap: true,
  logLevel: 'warning',
})
if (!values.quiet) process.stdout.write(`built ${values.out}/longshore.mjs\n`)
