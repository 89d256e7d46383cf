/**
 * Runs a long campaign of tests and writes what came of it to docs/proof.md. Fails if anything was lost or stuck.
 *
 *   npm run prove -- updates [--resume]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { campaignPath, readSteps } from '../test/support/campaign.ts'

const parts = ['updates']
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { resume: { type: 'boolean', default: false } },
})
const [part] = positionals
if (part === undefined || !parts.includes(part)) {
  process.stderr.write(`usage: npm run prove -- ${parts.join('|')} [--resume]\n`)
  process.exit(2)
}
const paths = ['sequences', 'kills', 'engine'].map((name) => campaignPath(`${part}-${name}`))
if (!values.resume) for (const path of paths) rmSync(path, { force: true })

const startedAt = Date.now()
const env = { ...process.env, PROVE: part }
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'prove'], { stdio: 'inherit', env })
const git = (...values: string[]): string => String(spawnSync('git', values).stdout).trim()
const commit = `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`
const casesOf = (path: string): number => readSteps(path).reduce((total, { cases }) => total + cases, 0)
const [sequences, kills, onEngine] = paths.map(casesOf)
const minutes = Math.round((Date.now() - startedAt) / 60_000)
const outcome = status === 0 ? 'passed' : 'FAILED'
const date = new Date(startedAt).toISOString().slice(0, 10)
const row = `| ${date} | ${commit} | ${part} | ${sequences} | ${onEngine} | ${kills} | ${minutes} min${values.resume ? ', resumed' : ''} | ${outcome} |`
const page = 'docs/proof.md'
const head = `# Proof

Long campaigns, run by hand with \`npm run prove -- PART\`: what each tried, and whether anything was lost, doubled or stuck.

| date | commit | part | random sequences, simulated | random sequences, real engine | kills on a real engine | took | |
| --- | --- | --- | --- | --- | --- | --- | --- |
`
writeFileSync(page, `${existsSync(page) ? readFileSync(page, 'utf8') : head}${row}\n`)
process.stdout.write(`${row}\n`)
process.exit(status ?? 1)
