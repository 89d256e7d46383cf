// Runs the rows of the bench, one after another: all of them, or those that are named: npm run bench -- logs telemetry
import { spawnSync } from 'node:child_process'

const rows = [
  ...['killed-to-running', 'updates', 'outbox', 'link', 'flash', 'devices', 'logs', 'broker', 'telemetry', 'exporter'],
]
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !rows.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no row ${unknown.join(', ')}; there are ${rows.join(', ')}\n`)
  process.exit(2)
}
const failed = (asked.length > 0 ? asked : rows).filter((name) => {
  process.stdout.write(`\n== ${name}\n`)
  return spawnSync(process.execPath, [`dist/bench/${name}.mjs`], { stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) process.stderr.write(`did not run to its end: ${failed.join(', ')}\n`)
process.exitCode = failed.length > 0 ? 1 : 0
