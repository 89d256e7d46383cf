/**
 * Runs a long campaign of tests and writes what came of it to docs/proof.md. Fails if anything was lost or stuck.
 *
 *   npm run prove -- updates|offline|devices|logs|broker|brokers [--resume]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { campaignPath, readSteps } from '../test/support/campaign.ts'

/** By part, and by campaign: what one case of it is. */
const parts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  updates: {
    sequences: 'random sequences, simulated',
    engine: 'random sequences on a real engine',
    kills: 'kills on a real engine',
  },
  offline: {
    cut: 'events over a link that is cut',
    freeze: 'over one that freezes',
    drop: 'over one that drops packets',
    kills: 'kills of agent and broker',
    cost: 'minutes of an idle link, counted',
    torn: 'cuts of a file, one at each byte',
  },
  devices: {
    replugs: 'replugs into a running container',
    adversity: 'happenings in random order',
  },
  logs: {
    readers: 'readers of one log, a third of them frozen',
    adversity: 'sleepers, restarts and rotations',
  },
  broker: { kills: 'kills of the embedded broker under load', malformed: 'malformed packets' },
  brokers: {
    mosquitto: 'tests on Mosquitto',
    nats: 'on a NATS cluster',
    servers: 'deployments there while one of its servers is killed',
  },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { resume: { type: 'boolean', default: false } },
})
const [part = ''] = positionals
const campaigns = Object.hasOwn(parts, part) ? parts[part] : undefined
if (campaigns === undefined) {
  process.stderr.write(`usage: npm run prove -- ${Object.keys(parts).join('|')} [--resume]\n`)
  process.exit(2)
}
const pathOf = (campaign: string): string => campaignPath(`${part}-${campaign}`)
if (!values.resume) for (const campaign of Object.keys(campaigns)) rmSync(pathOf(campaign), { force: true })

const startedAt = Date.now()
const env = { ...process.env, PROVE: part }
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'prove*'], { stdio: 'inherit', env })
const git = (...values: string[]): string => String(spawnSync('git', values).stdout).trim()
const commit = `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`
const tried = Object.entries(campaigns).map(([campaign, what]) => {
  const cases = readSteps(pathOf(campaign)).reduce((total, step) => total + step.cases, 0)
  return `${cases.toLocaleString('en')} ${what}`
})
const minutes = Math.round((Date.now() - startedAt) / 60_000)
const outcome = status === 0 ? 'passed' : 'FAILED'
const date = new Date(startedAt).toISOString().slice(0, 10)
const took = `${minutes} min${values.resume ? ', resumed' : ''}`
const row = `| ${date} | ${commit} | ${part} | ${tried.join('; ')} | ${took} | ${outcome} |`
const page = 'docs/proof.md'
const head = `# Proof

Long campaigns, run by hand with \`npm run prove -- PART\`: what each tried, and whether anything was lost, doubled or stuck.

| date | commit | part | what was tried | took | |
| --- | --- | --- | --- | --- | --- |
`
writeFileSync(page, `${existsSync(page) ? readFileSync(page, 'utf8') : head}${row}\n`)
process.stdout.write(`${row}\n`)
process.exit(status ?? 1)
