/**
 * How long a container is away after it was killed: Longshore after `docker kill`, which no restart policy mends, beside
 * Docker's own `restart: always` after its main process was killed from outside. Taken in turn, in one run; a fresh
 * container each time, because Docker doubles its pause for one that was killed lately.
 */
import os from 'node:os'
import { pino } from 'pino'
import { createAgent } from '../agent/agent.ts'
import { dockerEngine } from '../agent/engine/docker.ts'
import { memoryFiles } from '../agent/files/memory-files.ts'
import { fixedPolicy } from '../agent/fixed-policy.ts'
import { openIdentity } from '../agent/secrets/identity.ts'
import { memorySecretStore } from '../agent/secrets/secret-store.ts'
import { memoryStore } from '../agent/store/memory-store.ts'
import { createBroker } from '../broker/broker.ts'
import { ensureEngine } from '../src/engine-setup/ensure-engine.ts'
import { exampleImageTag, makeExampleImage } from '../src/engine-setup/make-image.ts'
import { requestUnix } from '../src/engine-setup/unix-http.ts'
import { assignRemoval, deploy } from '../src/fleet/deploy.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import { waitForEnding } from '../src/fleet/wait.ts'

const rounds = 12
const log = pino({ level: 'silent' })
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const engine = await ensureEngine({ install: false, say, keep: true })
const { socketPath } = engine
await makeExampleImage(socketPath)
const call = async (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<{ status: number; json: unknown }> => {
  const { status, text } = await requestUnix({
    socketPath,
    method,
    path,
    ...(body && { body: Buffer.from(JSON.stringify(body)), contentType: 'application/json' }),
  })
  return { status, json: text === '' ? undefined : JSON.parse(text) }
}

type State = { readonly Running: boolean; readonly StartedAt: string; readonly Pid: number }
const stateOf = async (name: string): Promise<State> =>
  ((await call('GET', `/containers/${name}/json`)).json as { State: State }).State

/** ms from the kill until the container runs under another start time; asked without a pause between. */
const away = async (name: string, kill: (state: State) => Promise<unknown> | unknown): Promise<number> => {
  const before = await stateOf(name)
  const killedAt = performance.now()
  await kill(before)
  for (;;) {
    const now = await stateOf(name)
    if (now.Running && now.StartedAt !== before.StartedAt) return performance.now() - killedAt
    if (performance.now() - killedAt > 30_000) throw new Error(`${name} did not come back`)
  }
}

const prefix = `bench${process.pid}-`
const broker = createBroker({ log, port: 0 })
const { port } = await broker.start()
const url = `mqtt://127.0.0.1:${port}`
const agent = createAgent({
  device: 'bench',
  clientId: 'bench',
  broker: { url },
  root: 'longshore',
  namePrefix: prefix,
  maxBytes: 262_144,
  policy: fixedPolicy(),
  keepaliveS: 60,
  lookEveryMs: 60_000,
  keepReleases: 3,
  readDisk: async () => undefined,
  version: 'bench',
  engine: dockerEngine(`unix://${socketPath}`),
  files: memoryFiles(),
  registryMirrors: {},
  registryCredentials: async () => undefined,
  identity: await openIdentity(undefined, async () => undefined),
  secretStore: memorySecretStore(),
  store: memoryStore(),
  hostFacts: async () => ({
    hostname: 'bench',
    os: { name: '', version: '', kernel: '' },
    arch: os.arch(),
    cpuCount: 1,
    memoryBytes: 0,
  }),
  log,
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  random: Math.random,
})
agent.start()
const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })

const command = ['sh', '-c', 'while :; do sleep 1; done']
const longshoreMs: number[] = []
const dockerMs: number[] = []
try {
  for (let round = 0; round <= rounds; round += 1) {
    const app = `round${round}`
    const service = {
      image: exampleImageTag,
      command,
      stop_grace_period: '0s',
      deploy: { update_config: { monitor: '1s' } },
    }
    const deployed = await deploy(
      fleet,
      { compose: { name: app, services: { web: service } }, files: {} },
      { device: 'bench', app, by: 'bench', now: Date.now() },
    )
    await waitForEnding(fleet, { ...deployed, timeoutMs: 30_000, onEvent: () => undefined })
    const name = `${prefix}${app}-web-1`
    const ours = await away(name, () => call('POST', `/containers/${name}/kill`))

    // The same image, command and kind of network, made by hand.
    const network = `${prefix}raw${round}`
    await call('POST', '/networks/create', { Name: network })
    const raw = `${prefix}raw${round}`
    await call('POST', `/containers/create?name=${raw}`, {
      Image: exampleImageTag,
      Cmd: command,
      HostConfig: { RestartPolicy: { Name: 'always' }, NetworkMode: network },
    })
    await call('POST', `/containers/${raw}/start`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const dockers = await away(raw, ({ Pid }) => process.kill(Pid, 'SIGKILL'))
    await call('DELETE', `/containers/${raw}?force=1`)
    await call('DELETE', `/networks/${network}`)
    const removal = await assignRemoval(
      fleet,
      { volumes: true },
      { device: 'bench', app, by: 'bench', now: Date.now() },
    )
    await waitForEnding(fleet, { ...removal, timeoutMs: 30_000, onEvent: () => undefined })
    // The first round warms up.
    if (round === 0) continue
    longshoreMs.push(ours)
    dockerMs.push(dockers)
  }
} finally {
  await fleet.close()
  await agent.stop()
  await broker.stop()
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)
const at = (values: readonly number[], share: number): number =>
  sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
const row = (name: string, values: readonly number[]): void =>
  say(
    `${name.padEnd(62)} ${Math.round(at(values, 0.5))} ms   (${Math.round(at(values, 0))} to ${Math.round(at(values, 1))})`,
  )
say(`killed to running again, median of ${rounds} (least to most); Node ${process.version}, ${os.cpus().length} CPUs`)
row('Longshore, after docker kill', longshoreMs)
row("Docker's restart: always, after its main process was killed", dockerMs)
const ratios = longshoreMs.map((ours, index) => ours / (dockerMs[index] ?? Number.NaN))
say(`ratio, round by round: ${at(ratios, 0.5).toFixed(2)} (${at(ratios, 0).toFixed(2)} to ${at(ratios, 1).toFixed(2)})`)
process.exit(0)
